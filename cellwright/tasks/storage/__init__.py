"""Folders on disk that are either whole or refused: atomic writes, digests, tensors without code."""
