"""Static word vectors from a file, as rows of a word table."""

from __future__ import annotations

import torch
from torch import Tensor

from cellwright.tasks.data.vectors import read_vectors
from cellwright.tasks.text.words import WordTable, normalize

__all__ = ["static_vectors"]


def static_vectors(path: str | None, table: WordTable, notes: list[str]) -> Tensor | None:
    """(words, size), 0 where the file has no vector; None without a path. How many were found goes to `notes`.

    Raises DataError.
    """
    if path is None:
        return None
    vectors, found = read_vectors(path, lambda word: table.words.token_to_id(normalize(word)), table.size)
    notes.append(f"{found:,} of {table.size - 2:,} words have a vector")
    return torch.from_numpy(vectors)
