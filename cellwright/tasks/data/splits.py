"""Where a folder keeps its splits, and a validation split where there is none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from cellwright.errors import DataError
from cellwright.nearest import nearest
from cellwright.tasks.data.utterance import Corpus

__all__ = ["check_path", "split_named", "split_places", "with_validation"]

ExampleT = TypeVar("ExampleT")

SPLITS: Mapping[str, tuple[str, ...]] = {
    "train": ("train", "training"),
    "valid": ("valid", "dev", "validation", "val"),
    "test": ("test",),
}


def check_path(path: str, embedded: Iterable[str], what: str = "data") -> Path:
    """The folder or file with `what`. Raises DataError: there is none; names the nearest embedded set."""
    sets = list(embedded)
    if not Path(path).exists():
        near = nearest(path, sets)
        raise DataError(
            f"Expected a folder or file with {what}, found none.",
            file=path,
            repair=f"Did you mean {near}?" if near else f"Check --data. Embedded sets: {', '.join(sets)}.",
        )
    return Path(path)


def split_places(root: Path, folders_of: Sequence[str] = ()) -> dict[str, Path]:
    """The file of each split: `train.conll`, `weiboNER.train`, `TREC.train.all`, `en_ewt-ud-dev.conllu.gz` …

    Args:
        folders_of: a folder called `train` is a split if it holds one of these files.

    Raises DataError: two files for a split.
    """
    found = {split: _place(root, names, folders_of) for split, names in SPLITS.items()}
    return {split: place for split, place in found.items() if place is not None}


def split_named(corpus: Corpus[ExampleT], split: str, path: str) -> Sequence[ExampleT]:
    """The examples of a split. Raises DataError: there are none; names the splits there are."""
    examples = dict(corpus.splits())[split]
    if not examples:
        present = [name for name, found in corpus.splits() if found]
        raise DataError(
            f"Expected a split {split}, found {', '.join(present)}.", file=path, repair=f"--split {present[0]}"
        )
    return examples


def with_validation(corpus: Corpus[Any], share: float = 0.0) -> Corpus[Any]:
    """The corpus itself, or with a part of the training split set aside for validation, with a note.

    Args:
        share: the last examples of the training split, in place of any validation split there is, as Keras's
            `validation_split`; 0 = every tenth, where there is no validation split.

    Raises DataError: no training examples, or too few to set any aside.
    """
    if not corpus.train:
        raise DataError(
            "Expected a training split, found none.", file=corpus.name, repair="Add train.jsonl, for example."
        )
    if share:
        kept = int(len(corpus.train) * (1 - share))
        if not 0 < kept < len(corpus.train):
            raise DataError(
                f"Expected enough training examples to set {share:g} of them aside, found {len(corpus.train)}.",
                file=corpus.name,
                repair="Add examples, or change data.validation.",
            )
        corpus.train, corpus.valid = corpus.train[:kept], corpus.train[kept:]
        corpus.notes.append(f"validation: the last {len(corpus.valid):,} training examples (data.validation {share:g})")
        return corpus
    if corpus.valid:
        return corpus
    if len(corpus.train) < 10:
        raise DataError(
            f"Expected a validation split, or at least 10 training examples, found {len(corpus.train)}.",
            file=corpus.name,
            repair="Add examples, or a split called valid or dev.",
        )
    corpus.valid = corpus.train[9::10]
    corpus.train = [example for k, example in enumerate(corpus.train) if k % 10 != 9]
    corpus.notes.append(f"no validation split: every tenth training example ({len(corpus.valid)}) is set aside for it")
    return corpus


def _place(root: Path, names: tuple[str, ...], folders_of: Sequence[str]) -> Path | None:
    for name in names:
        if any((root / name / file).exists() for file in folders_of):
            return root / name  # a file that it lacks is then named by the reader
    found = [
        file
        for file in sorted(root.iterdir())
        if file.is_file() and not file.name.startswith(".") and set(re.split(r"[._-]", file.name.lower())) & set(names)
    ]
    if len(found) > 1:
        raise DataError(
            f"Expected one file for {names[0]}, found {', '.join(file.name for file in found)}.",
            file=root,
            repair="Move the others away, or give the file itself.",
        )
    return found[0] if found else None
