"""The corpus that `data.path` names: an embedded set, or the user's folder or file; with a validation split."""

from __future__ import annotations

import difflib
from pathlib import Path

from cellwright.errors import DataError
from cellwright.tasks.data.corpus import read_corpus
from cellwright.tasks.data.utterance import Corpus
from cellwright.tasks.slots.config import SlotsData
from cellwright.tasks.travel.generate import LANGUAGES, generate

__all__ = ["EMBEDDED", "open_corpus", "with_validation"]

EMBEDDED = {f"travel-{language}": language for language in LANGUAGES}


def open_corpus(data: SlotsData) -> Corpus:
    """Read or generate the corpus; `data.size` cuts its training split.

    Raises DataError: nothing of that name (names the nearest embedded set), or a file that cannot be read as it must.
    """
    if data.path in EMBEDDED:
        sizes = {"train": data.size} if data.size else {}
        return generate(EMBEDDED[data.path], data.seed, **sizes)
    if not Path(data.path).exists():
        near = difflib.get_close_matches(data.path, EMBEDDED, 1, 0.5)
        raise DataError(
            "Expected a folder or file with utterances, found none.",
            file=data.path,
            repair=f"Did you mean {near[0]}?" if near else f"Check --data. Embedded sets: {', '.join(EMBEDDED)}.",
        )
    corpus = read_corpus(data.path, scheme=data.scheme, unit=data.unit)
    if data.size:
        corpus.train = corpus.train[: data.size]
    return corpus


def with_validation(corpus: Corpus) -> Corpus:
    """The corpus itself, or with every tenth training utterance set aside for validation, with a note.

    Raises DataError: no training utterances, or too few to set any aside.
    """
    if not corpus.train:
        raise DataError(
            "Expected a training split, found none.", file=corpus.name, repair="Add train.jsonl, for example."
        )
    if corpus.valid:
        return corpus
    if len(corpus.train) < 10:
        raise DataError(
            f"Expected a validation split, or at least 10 training utterances, found {len(corpus.train)}.",
            file=corpus.name,
            repair="Add utterances, or a split called valid or dev.",
        )
    corpus.valid = corpus.train[9::10]
    corpus.train = [u for k, u in enumerate(corpus.train) if k % 10 != 9]
    corpus.notes.append(
        f"no validation split: every tenth training utterance ({len(corpus.valid)}) is set aside for it"
    )
    return corpus
