"""A trained transcriber as a user meets it: a WAV file or the movements of a pen in, what they say out."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from cellwright.errors import DataError, StorageError
from cellwright.tasks.answer import Ranked, json_line
from cellwright.tasks.data.text import read_bytes
from cellwright.tasks.storage.atomic import REPAIR
from cellwright.tasks.storage.model_folder import StoredModel, read_model
from cellwright.tasks.transcribe.config import TranscribeData, TranscribeModel
from cellwright.tasks.transcribe.ctc import beam_search, greedy
from cellwright.tasks.transcribe.model import TranscribeNetwork
from cellwright.tasks.transcribe.sound import MOST_SECONDS, RATE, log_mel, read_wav
from cellwright.tasks.transcribe.strokes import pen_frames
from cellwright.tasks.transcribe.task import log_probabilities

__all__ = ["Transcriber", "Transcript"]

KINDS = ("sound", "strokes")


@dataclass(frozen=True, slots=True)
class Transcript:
    """What a recording says.

    Attributes:
        answer: the best candidate's text.
        candidates: what the beam kept, best first; the probability is that of exactly this text, over the alignments
            the beam kept.
        steps: of the recording, as the network read it.
    """

    answer: str
    candidates: tuple[Ranked, ...]
    steps: int

    def to_json(self) -> str:
        """One line."""
        return json_line(asdict(self))

    def __str__(self) -> str:
        return self.answer


class Transcriber:
    """A trained network. Make it with `cellwright.load`.

    >>> transcriber = cellwright.load("runs/spoken")
    >>> transcriber.predict("recording.wav").answer
    '40721'
    """

    task = "transcribe"

    def __init__(self, stored: StoredModel) -> None:
        self.cell, self.metrics, self.data = stored.cell, stored.metrics, stored.data
        stored.folder.info["model"].setdefault("floor", 0.0)  # as models read sound before they named one
        self.model = stored.section(TranscribeModel)
        try:
            self.settings = TranscribeData.model_validate(self.data)
            self.kind, self.symbols = str(stored.info["kind"]), list(stored.info["symbols"])
            channels = int(stored.info["channels"])
            right = {"sound": self.model.bands * self.model.stack, "strokes": 3}
            if self.kind not in KINDS or channels != right[self.kind]:
                raise ValueError(f"{channels} numbers a step of {self.kind}")
            if not self.symbols or not all(isinstance(symbol, str) and len(symbol) == 1 for symbol in self.symbols):
                raise ValueError("symbols that are no characters")
        except (KeyError, TypeError, ValueError, ValidationError) as error:
            raise StorageError(
                f"Expected a transcriber's model, found: {error}.", file=stored.place, repair=REPAIR
            ) from None
        self.network = stored.network(lambda: TranscribeNetwork(self.model, channels, len(self.symbols), stored.cell))

    @classmethod
    def load(cls, folder: str | Path) -> Transcriber:
        """Raises StorageError."""
        return cls(read_model(folder, "transcribe"))

    def predict(self, text: str | Sequence[Any] | NDArray[Any]) -> Transcript:
        """What a recording says.

        Args:
            text: of sound, the name of a WAV file, or samples from -1 to 1 (8,000 a second); of strokes, movements
                [[dx, dy, pen], …] with pen 1 where it draws, as lists, an array or JSON.

        Raises DataError: no such recording.
        """
        return self.predict_frames([self.frames(text)])[0]

    def frames(self, given: str | Sequence[Any] | NDArray[Any]) -> NDArray[np.float32]:
        """A recording as the network reads it. Raises DataError."""
        if self.kind == "sound":
            if isinstance(given, str):
                samples = read_wav(read_bytes(Path(given)), given)
            else:
                samples = _array(given).astype(np.float32)
                if samples.ndim != 1 or not 0 < len(samples) <= MOST_SECONDS * RATE or not np.isfinite(samples).all():
                    raise DataError(
                        f"Expected samples of up to {MOST_SECONDS} seconds, found an array of {samples.shape}.",
                        repair="One finite number a sample, 8,000 a second.",
                    )
            return log_mel(samples, self.model.bands, self.model.stack, floor=self.model.floor)
        return pen_frames(_array(_json(given) if isinstance(given, str) else given))

    def predict_frames(self, frames: Sequence[NDArray[np.float32]]) -> list[Transcript]:
        """What recordings say that are frames already; those of like length are read together."""
        return [self._transcript(logs_TK) for logs_TK in log_probabilities(self.network, frames)]

    def greedy(self, frames: Sequence[NDArray[np.float32]]) -> list[str]:
        """The texts by the likeliest symbol of each step."""
        return [self._text(greedy(logs_TK)) for logs_TK in log_probabilities(self.network, frames)]

    def deciding(self, settings: TranscribeData) -> Transcriber:
        """The same network with another beam."""
        other = copy.copy(self)
        other.settings = settings
        return other

    def _transcript(self, logs_TK: NDArray[np.float32]) -> Transcript:
        found = beam_search(logs_TK, self.settings.beam)
        read = tuple(Ranked(self._text(rows), math.exp(log)) for rows, log in found)
        return Transcript(read[0].text, read, len(logs_TK))

    def _text(self, rows: Sequence[int]) -> str:
        return "".join(self.symbols[row - 1] for row in rows)

    def __repr__(self) -> str:
        cell = "PerToken" if self.cell is None else self.cell.name
        return f"Transcriber({cell}, {self.kind})"


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise DataError(
            "Expected movements as JSON, found other text.", repair="Example: [[0, 1, 0], [0, -1, 1]]"
        ) from None


def _array(given: Any) -> NDArray[np.float64]:
    try:
        return np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError("Expected numbers, found something else among them.", repair="Give lists of numbers.") from None
