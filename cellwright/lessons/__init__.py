"""Lessons: what is taught about recurrent networks, with every number worked out anew each time."""
