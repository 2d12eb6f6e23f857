"""The labelled series that `data.path` names: an embedded set, or the user's files; with a validation split."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cellwright.errors import DataError
from cellwright.tasks.data.splits import check_path, split_named, split_places, with_validation
from cellwright.tasks.data.utterance import Corpus
from cellwright.tasks.series.example import Series
from cellwright.tasks.series.long_csv import Columns, read_long_csv
from cellwright.tasks.series.ts_file import read_ts, ts_text
from cellwright.tasks.series_classify.config import ClassifyData
from cellwright.tasks.series_classify.moving_dot import DIRECTIONS, SIZES, moving_dot
from cellwright.tasks.set_files import SetFiles

__all__ = [
    "EMBEDDED",
    "checked_channels",
    "embedded_files",
    "open_corpus",
    "read_series",
    "series_of",
    "training_corpus",
]

EMBEDDED = ("moving-dot",)


def read_series(path: Path, data: ClassifyData) -> list[Series]:
    """Every series of a .ts or .csv file. Raises DataError."""
    if path.suffix.lower() == ".ts":
        return read_ts(path)
    if path.suffix.lower() == ".csv":
        columns = Columns(data.series_column, data.label_column, data.time_column, data.channels, data.time_format)
        return read_long_csv(path, columns)[0]
    raise DataError(
        f"Expected a .ts or .csv file, found {path.suffix or 'a name without an ending'}.",
        file=path,
        repair="Give the file the ending of its format.",
    )


def open_corpus(data: ClassifyData) -> Corpus[Series]:
    """Every split there is; a single file is all training. Raises DataError."""
    if data.path in EMBEDDED:
        return moving_dot(data.seed, data.size or SIZES["train"])
    root = check_path(data.path, EMBEDDED, "series")
    corpus: Corpus[Series] = Corpus(root.name)
    for split, place in ({"train": root} if root.is_file() else split_places(root)).items():
        getattr(corpus, split).extend(read_series(place, data))
    if data.size:
        corpus.train = corpus.train[: data.size]
    return corpus


def embedded_files(data: ClassifyData) -> SetFiles:
    """The embedded films as .ts files."""
    splits = dict(open_corpus(data).splits())
    texts = {f"{split}.ts": ts_text(examples, list(DIRECTIONS)) for split, examples in splits.items()}
    return SetFiles(texts, {split: len(examples) for split, examples in splits.items()}, "series")


def training_corpus(data: ClassifyData) -> Corpus[Series]:
    """The same with a validation split. Raises DataError: splits that differ in their channels."""
    corpus = with_validation(open_corpus(data), data.validation)
    channels = corpus.train[0].values.shape[1]
    for _, examples in corpus.splits():
        checked_channels(examples, channels)
    return corpus


def checked_channels(examples: Sequence[Series], channels: int) -> Sequence[Series]:
    """The same. Raises DataError: a series with another number of channels."""
    for series in examples:
        if series.values.shape[1] != channels:
            raise DataError(
                f"Expected {channels} channels, as the training split has, found {series.values.shape[1]}.",
                file=series.place,
                repair="All series have the same channels in the same order.",
            )
    return examples


def series_of(data: ClassifyData, split: str) -> tuple[str, str, Sequence[Series]]:
    """(name, split, series) to evaluate on; a single file is all there is, whatever `split` says, and has none."""
    path = Path(data.path)
    if data.path not in EMBEDDED and path.is_file():
        return path.name, "", read_series(path, data)
    corpus = open_corpus(data)
    return corpus.name, split, split_named(corpus, split, data.path)
