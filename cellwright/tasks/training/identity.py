"""What a run's numbers depend on beside its settings, as digests that a resumed run is compared by."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["run_identity"]


def run_identity(
    cell: Mapping[str, Any] | None, examples: Iterable[Iterable[str]], files: Iterable[bytes] = ()
) -> dict[str, str]:
    """In words → a digest of it.

    Args:
        cell: as data.
        examples: the training data, as texts.
        files: what else was learnt from it, such as the vocabulary.
    """
    data = hashlib.sha256(b"".join(files))
    for example in examples:
        data.update("\t".join((*example, "\n")).encode())
    cell_digest = hashlib.sha256(json.dumps(cell, sort_keys=True).encode())
    return {"the cell": cell_digest.hexdigest(), "the training data": data.hexdigest()}
