"""`cellwright data`: write or convert utterances."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cellwright.cli.choices import one_of
from cellwright.errors import DataError, StorageError
from cellwright.nearest import nearest
from cellwright.tasks.data.corpus import FORMATS, read_corpus, write_corpus
from cellwright.tasks.registry import task_with_set
from cellwright.tasks.slots.corpora import EMBEDDED
from cellwright.tasks.travel.generate import LANGUAGES, generate

__all__ = ["write_data"]


def write_data(name: str, out: Path, format: str, scheme: str, from_scheme: str, language: str, seed: int) -> None:
    """Print one line a split, and the corpus's notes."""
    chosen: Any = one_of("--format", format, FORMATS)
    tags: Any = one_of("--scheme", scheme, ("bio", "bioes", "iob1"))
    read_tags: Any = one_of("--from-scheme", from_scheme, ("auto", "bio", "bioes", "iob1"))
    if out.exists() and any(out.iterdir() if out.is_dir() else [out]):
        raise StorageError("Expected a new or empty folder, found files.", file=out, repair="Choose another --out.")
    if name == "travel" or name in EMBEDDED:
        corpus: Any = generate(EMBEDDED.get(name) or one_of("--language", language, LANGUAGES), seed)
    else:
        check_name(name)
        corpus = read_corpus(name, scheme=read_tags)
    write_corpus(corpus, out, chosen, tags)
    for split, utterances in corpus.splits():
        if utterances:
            words = sum(len(u.words) for u in utterances)
            print(f"{split:5}  {len(utterances):7,} utterances  {words:9,} words")
    for note in corpus.notes:
        print(f"note: {note}")
    print(f"written to {out} as {format}")


def check_name(name: str) -> None:
    """Raises DataError: there is no such folder or file; names the nearest set, or whose set it is."""
    if Path(name).exists():
        return
    known = ["travel", *EMBEDDED]
    if task := task_with_set(name):
        repair = f"{name} is a set of {task}: cellwright train {task} --data {name}. Slot data: {', '.join(known)}."
    elif near := nearest(name, known):
        repair = f"Did you mean {near}?"
    else:
        repair = f"Give a folder or file with slots to convert, or the name of generated ones: {', '.join(known)}."
    raise DataError("Expected travel, or a folder or file with utterances, found none.", file=name, repair=repair)
