"""Labelled utterances: the shared types, and the readers and writers of their file formats."""
