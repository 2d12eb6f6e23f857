"""The recordings that `data.path` names."""

from __future__ import annotations

from pathlib import Path

from cellwright.tasks.data.splits import check_path
from cellwright.tasks.transcribe.config import TranscribeData, TranscribeModel
from cellwright.tasks.transcribe.listed import Listed
from cellwright.tasks.transcribe.recording import Material
from cellwright.tasks.transcribe.spoken import Spoken
from cellwright.tasks.transcribe.strokes import Strokes

__all__ = ["EMBEDDED", "open_material"]

EMBEDDED = ("strokes",)


def open_material(data: TranscribeData, model: TranscribeModel) -> Material:
    """Generated strokes, clips to put together, or a folder with lists of recordings. Raises ConfigError, DataError."""
    if data.path in EMBEDDED:
        return Strokes(data)
    root: Path = check_path(data.path, EMBEDDED)
    if root.is_dir() and any(root.glob("*train*.tsv")):
        return Listed(root, data, model)
    return Spoken(root, data, model)
