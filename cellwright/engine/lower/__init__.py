"""From a graph to the machine code that runs it."""
