"""Paths that run a cell: here the plain loop."""
