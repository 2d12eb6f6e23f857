"""Settings of a training split that stays on the disk, and the files of its folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field

from cellwright.errors import ConfigError, DataError
from cellwright.tasks.data.splits import split_places
from cellwright.tasks.data.utterance import Corpus
from cellwright.tasks.training.config import DataSection

__all__ = ["StreamedData", "check_stream_folder", "check_validation", "stream_note", "streamed_corpus"]

ExampleT = TypeVar("ExampleT")


class StreamedData(DataSection):
    """Settings of data whose training file may be larger than memory."""

    stream: bool = Field(
        False, description="leave the training file on the disk, however large: a folder with train and valid"
    )
    stream_texts: int = Field(
        200_000, ge=0, le=10**12, description="with stream: texts, evenly spread, that words are learnt from; 0 = all"
    )


def check_stream_folder(data: StreamedData) -> None:
    """Raises ConfigError: `data.stream` with anything but a folder."""
    if data.stream and not Path(data.path).is_dir():
        raise ConfigError(
            f"Expected a folder with train and valid for data.stream, found {data.path}.",
            repair="A single file has no split that could be kept apart: cut it into train.jsonl and valid.jsonl.",
        )


def check_validation(data: StreamedData, corpus: Corpus[Any]) -> None:
    """Raises DataError: a training split that is streamed without a validation split, which cannot be cut from it."""
    if data.stream and not corpus.valid:
        raise DataError(
            "Expected a validation split beside a training split that is streamed, found none.",
            file=data.path,
            repair="Move some lines of train into a file called valid.",
        )


def streamed_corpus(
    root: Path,
    read: Callable[[Path], list[ExampleT]],
    stream: Callable[[Path], Sequence[ExampleT]],
    folders_of: Sequence[str] = (),
) -> Corpus[ExampleT]:
    """What of a folder is there: valid and test in memory, train on the disk; `folders_of` as in `split_places`."""
    corpus: Corpus[ExampleT] = Corpus(root.name)
    for split, place in split_places(root, folders_of).items():
        setattr(corpus, split, stream(place) if split == "train" else read(place))
    if corpus.train:
        corpus.notes.append(stream_note(corpus.train))
    return corpus


def stream_note(train: Sequence[object]) -> str:
    """What the user is told of it."""
    return f"{len(train):,} training texts are read from the disk as they are needed"
