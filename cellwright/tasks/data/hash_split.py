"""Which split a text falls into by itself alone: for data that come without splits."""

from __future__ import annotations

import hashlib

from cellwright.tasks.data.held_out import Split

__all__ = ["split_by_hash"]

PARTS: dict[int, Split] = {0: "test", 1: "valid"}


def split_by_hash(text: str) -> Split:
    """Ten parts: n = the first 8 hexadecimal digits of the SHA-256 of the text's UTF-8, modulo 10.

    n = 0 is test, n = 1 is valid, all others are train. Equal texts fall into the same split, and a text stays in its
    split whatever stands beside it.
    """
    return PARTS.get(int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) % 10, "train")
