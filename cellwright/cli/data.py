"""`cellwright data`: write an embedded set, or convert utterances."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from cellwright.cli.choices import one_of
from cellwright.errors import ConfigError, DataError, StorageError
from cellwright.nearest import nearest
from cellwright.tasks.data.corpus import FORMATS, read_corpus, write_corpus, write_texts
from cellwright.tasks.registry import kind_named, task_with_set
from cellwright.tasks.slots.corpora import EMBEDDED
from cellwright.tasks.summaries import EMBEDDED_SETS
from cellwright.tasks.training.config import load_config
from cellwright.tasks.travel.generate import LANGUAGES, generate

__all__ = ["write_data"]


def write_data(
    name: str,
    out: Path,
    format: str | None,
    scheme: str | None,
    from_scheme: str | None,
    language: str | None,
    seed: int,
) -> None:
    """Print one line a split, the notes, and how to train on it."""
    if out.exists() and any(out.iterdir() if out.is_dir() else [out]):
        raise StorageError("Expected a new or empty folder, found files.", file=out, repair="Choose another --out.")
    task = None if name == "travel" or name in EMBEDDED or Path(name).exists() else task_with_set(name)
    if task is None:
        write_utterances(name, out, format or "seq", scheme or "bio", from_scheme or "auto", language or "en", seed)
        return
    given = {"--format": format, "--scheme": scheme, "--from-scheme": from_scheme, "--language": language}
    if option := next((option for option, value in given.items() if value is not None), None):
        raise ConfigError(
            f"Expected slot data with {option}, found {name}, an embedded set of {task}.",
            repair=f"Leave {option} out: the set is written as {task} reads it.",
        )
    write_set(task, name, out, seed)


def write_utterances(
    name: str, out: Path, format: str, scheme: str, from_scheme: str, language: str, seed: int
) -> None:
    """Generated ones, or those of a folder or file, in any of FORMATS."""
    chosen: Any = one_of("--format", format, FORMATS)
    tags: Any = one_of("--scheme", scheme, ("bio", "bioes", "iob1"))
    read_tags: Any = one_of("--from-scheme", from_scheme, ("auto", "bio", "bioes", "iob1"))
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


def write_set(task: str, name: str, out: Path, seed: int) -> None:
    """A set of any task, in the one format that holds it."""
    kind = kind_named(task)
    files = kind.embedded_files(
        load_config(None, schema=kind.config, values={"data.path": name, "data.seed": seed}).data
    )
    write_texts(files.texts, out)
    for split, count in files.counts.items():
        print(f"{split:5}  {count:7,} {files.unit}")
    for note in files.notes:
        print(f"note: {note}")
    print(f"written to {out}: {', '.join(files.texts)}")
    sets = " ".join(f"--set {shlex.quote(setting)}" for setting in files.settings)
    print(f"cellwright train {task} --data {shlex.quote(str(out / files.place))} {sets}".rstrip())


def check_name(name: str) -> None:
    """Raises DataError: there is no such folder or file; names the nearest set."""
    if Path(name).exists():
        return
    known = ["travel", *(one for sets in EMBEDDED_SETS.values() for one in sets)]
    near = nearest(name, known)
    sets = f"Give a folder or file with slots to convert, or an embedded set: {', '.join(known)}."
    raise DataError(
        "Expected an embedded set, or a folder or file with utterances, found none.",
        file=name,
        repair=f"Did you mean {near}?" if near else sets,
    )
