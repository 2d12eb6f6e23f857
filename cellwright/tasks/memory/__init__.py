"""Remembering across many steps: recall, two facts, adding, copying, latching, digits as a stream of pixels."""
