"""Recordings of the user's: a folder with train.tsv, valid.tsv and test.tsv, each line a WAV file, a tab, its text."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cellwright.errors import DataError
from cellwright.tasks.data.splits import split_places, with_validation
from cellwright.tasks.data.text import check_text, read_bytes, read_lines
from cellwright.tasks.data.utterance import Corpus
from cellwright.tasks.transcribe.config import TranscribeData, TranscribeModel
from cellwright.tasks.transcribe.recording import Material, Recording, steps_needed
from cellwright.tasks.transcribe.sound import Samples, log_mel, read_wav, steps_of, stretched
from cellwright.tasks.transcribe.variation import varied_frames

__all__ = ["Listed", "read_list"]

Spoken = tuple[Samples, str]
HEADERS = {"file", "filename", "path", "wav", "audio", "recording", "clip"}  # what a first line calls its first column


class Listed(Material):
    """Recordings with their texts. Raises DataError: a list or a file that cannot be read as it must."""

    kind = "sound"

    def __init__(self, path: Path, data: TranscribeData, model: TranscribeModel) -> None:
        self.name, self.model = path.name, model
        corpus: Corpus[Spoken] = Corpus(path.name)
        for split, place in split_places(path).items():
            setattr(corpus, split, read_list(place, model if split == "train" else None))
        with_validation(corpus)
        self.train = corpus.train[: data.size] if data.size else corpus.train
        self.train_size = len(self.train)
        self.symbols = sorted({symbol for _, text in self.train for symbol in text})
        self.channels = model.bands * model.stack
        self.valid, self.test = ([self._recording(*one) for one in split] for split in (corpus.valid, corpus.test))
        self.notes = tuple(corpus.notes)

    def draw(self, indices: Sequence[int], rng: np.random.Generator) -> list[Recording]:
        model, found = self.model, []
        for k in indices:
            samples, text = self.train[k]
            factor = 1 + model.tempo * float(rng.uniform(-1, 1))
            sound = stretched(samples, factor) if model.tempo else samples
            found.append(Recording(varied_frames(sound, model, rng), text))
        return found

    def digest(self) -> list[list[str]]:
        return [[text, hashlib.sha256(samples.tobytes()).hexdigest()] for samples, text in self.train]

    def _recording(self, samples: Samples, text: str) -> Recording:
        return Recording(log_mel(samples, self.model.bands, self.model.stack, floor=self.model.floor), text)


def read_list(path: Path, trained: TranscribeModel | None = None) -> list[Spoken]:
    """Samples and text of each line; files are named from the list's own folder.

    Args:
        trained: how the recordings are read in training, where each must have the steps that its text needs.

    Raises DataError: a line without a tab or a text, a file that is no such WAV file, one too short to train on.
    """
    found: list[Spoken] = []
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            continue
        name, tab, text = line.partition("\t")
        text = " ".join(check_text(text).split())
        if not found and name.strip().lower() in HEADERS and not (path.parent / name.strip()).exists():
            continue
        if not tab or not name.strip() or not text:
            raise DataError(
                "Expected a WAV file, a tab and its text, found another line.",
                file=path,
                line=number,
                source=line[:200],
                repair="Example: clips/one.wav⇥one",
            )
        file = path.parent / name.strip()
        try:
            samples = read_wav(read_bytes(file), file)
        except DataError as error:
            raise DataError(
                f"{error.message} It is {file}.", file=path, line=number, source=line[:200], repair=error.repair
            ) from None
        if trained is not None:
            steps, needed = steps_of(int(len(samples) * (1 - trained.tempo)), trained.stack), steps_needed(text)
            if steps < needed:
                raise DataError(
                    f"Expected at least {needed} steps for the {len(text)} symbols of the text, found {steps}"
                    f"{' when it is played at its fastest (model.tempo)' * (trained.tempo > 0)}.",
                    file=path, line=number, source=line[:200], repair="Lower model.stack, or leave the recording out.",
                )  # fmt: skip
        found.append((samples, text))
    if not found:
        raise DataError("Expected recordings, found none.", file=path, repair="A line each: file, tab, text.")
    return found
