"""The pairs that `data.path` names: generated dates, or the user's folder or file."""

from __future__ import annotations

from pathlib import Path

from cellwright.errors import ConfigError, DataError
from cellwright.tasks.data.hash_split import split_by_hash
from cellwright.tasks.data.splits import check_path, split_places
from cellwright.tasks.data.text import Unit
from cellwright.tasks.data.utterance import Corpus
from cellwright.tasks.set_files import SetFiles, lines_text
from cellwright.tasks.translate.config import TranslateData
from cellwright.tasks.translate.dates import DATES, dates_of
from cellwright.tasks.translate.pairs import Pair
from cellwright.tasks.translate.tables import Row, columns_of, read_pairs

__all__ = ["embedded_files", "open_corpus", "units_of"]


def open_corpus(data: TranslateData) -> Corpus[Pair]:
    """Read or generate the pairs; `data.size` cuts the training split.

    Raises:
        ConfigError: an unknown direction.
        DataError: nothing of that name (names the nearest embedded set), or a file that cannot be read as it must.
    """
    if data.path in DATES:
        return _dates(data)
    columns = columns_of(data.languages, data.direction)
    root = check_path(data.path, DATES)
    corpus: Corpus[Pair] = Corpus(root.name)
    places = {"train": root} if root.is_file() else split_places(root)
    if not places:
        raise DataError(
            "Expected train, valid (or dev) and test, found none of them.",
            file=root,
            repair="Name the files train.tsv, dev.tsv, test.tsv, or give one file.",
        )
    for split, place in places.items():
        for row in read_pairs(place, columns, data.encoding, corpus.notes):
            part = split_by_hash(row.first) if root.is_file() and data.hash_split else split
            getattr(corpus, part).append(_pair(row, place, data))
    if data.size:
        corpus.train = corpus.train[: data.size]
    return corpus


def embedded_files(data: TranslateData) -> SetFiles:
    """Generated dates, a pair a line: as written, a tab, ISO 8601."""
    splits = dict(_dates(data).splits())
    return SetFiles(
        {f"{split}.tsv": lines_text(f"{p.source}\t{p.target}" for p in pairs) for split, pairs in splits.items()},
        {split: len(pairs) for split, pairs in splits.items()},
        "pairs",
        settings=["data.source_unit=char", "data.target_unit=char"],
        notes=["the files do not say which forms and days training never had, so evaluate has no table of them"],
    )


def units_of(data: TranslateData) -> tuple[Unit, Unit]:
    """What is a token of the source and of the target; generated dates are read by character."""
    return ("char", "char") if data.path in DATES else (data.source_unit, data.target_unit)


def _dates(data: TranslateData) -> Corpus[Pair]:
    if data.languages or data.direction:
        raise ConfigError(
            f"Expected no languages and no direction with {data.path}, found {data.direction or data.languages}.",
            repair="Generated dates become ISO 8601; choose dates, dates-en or dates-zh.",
        )
    corpus: Corpus[Pair] = Corpus(data.path)
    for split, rows in dates_of(DATES[data.path], data.seed, data.size).items():
        setattr(corpus, split, [Pair.of(written, iso, *units_of(data), kind) for written, iso, kind in rows])
    return corpus


def _pair(row: Row, place: Path, data: TranslateData) -> Pair:
    try:
        return Pair.of(row.source, row.target, *units_of(data))
    except DataError as error:
        raise DataError(
            error.message, file=place, line=row.line, source=row.source[:200], repair=error.repair
        ) from None
