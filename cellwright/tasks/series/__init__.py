"""Series of numbers: their files, their scale, and what several of their tasks share."""
