"""A trained memory as a user meets it: a sequence in, what it says at the end out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cellwright.errors import DataError, StorageError
from cellwright.tasks.answer import json_line
from cellwright.tasks.data.given_text import given_words
from cellwright.tasks.memory.config import MemoryData, MemoryModel
from cellwright.tasks.memory.model import MemoryNetwork
from cellwright.tasks.memory.problem import Example, Problem
from cellwright.tasks.memory.problems import make_batch, problem_of
from cellwright.tasks.storage.atomic import REPAIR
from cellwright.tasks.storage.model_folder import StoredModel, read_model
from cellwright.tasks.text.vocabulary import FILE, UNKNOWN, TextVocabulary

__all__ = ["MemoryAnswer", "TrainedMemory"]

SHOWN = 3


@dataclass(frozen=True, slots=True)
class MemoryAnswer:
    """What is said at the end of a sequence.

    Attributes:
        text: the input; words joined, if words were given.
        tokens: as the model read it; empty where the steps are numbers.
        answers: a class a step that answers; empty where a number is asked for.
        probabilities: of each class, most likely first; of the last step that answers.
        value: the number, where one is asked for.
        unknown: tokens that training never had.
    """

    text: str
    tokens: tuple[str, ...]
    answers: tuple[str, ...]
    probabilities: Mapping[str, float]
    value: float | None = None
    unknown: tuple[str, ...] = ()

    def to_json(self) -> str:
        """One line."""
        said: dict[str, Any] = {"text": self.text, "tokens": self.tokens}
        if self.value is not None:
            return json_line(said | {"value": self.value})
        said |= {"label": "".join(self.answers), "probabilities": self.probabilities, "unknown": self.unknown}
        return json_line(said)

    def __str__(self) -> str:
        """The likeliest answers with their probabilities; several steps joined; or the number."""
        if self.value is not None:
            return f"{self.value:.4f}"
        if len(self.answers) > 1:
            return "".join(self.answers)
        return "  ".join(f"{name} {share:.4f}" for name, share in list(self.probabilities.items())[:SHOWN])


class TrainedMemory:
    """A trained network. Make it with `cellwright.load`.

    >>> memory = cellwright.load("runs/memory")
    >>> memory.predict("我一直呆在中国，今天天气很好，我会说一口流利的").answers
    ('汉语',)
    """

    task = "memory"

    def __init__(self, stored: StoredModel) -> None:
        self.cell = stored.cell
        self.metrics = stored.metrics
        self.data = stored.data
        self.vocabulary = TextVocabulary.from_file(stored[FILE], stored.folder.path / FILE)
        try:
            self.problem: Problem = problem_of(MemoryData.model_validate(self.data))
            sizes = {str(key): int(value) for key, value in stored.info["sizes"].items()}
            settings = stored.section(MemoryModel)
            if sizes["tokens"] not in (0, len(self.vocabulary)) or sizes["classes"] != len(self.problem.classes):
                raise ValueError("sizes that are not those of its problem")
            self.network = stored.network(lambda: MemoryNetwork(settings, stored.cell, **sizes))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StorageError(
                f"Expected a memory's model, found: {error}.", file=stored.place, repair=REPAIR
            ) from None

    @classmethod
    def load(cls, folder: str | Path) -> TrainedMemory:
        """Raises StorageError."""
        return cls(read_model(folder, "memory"))

    @torch.no_grad()
    def predict(self, text: str | Sequence[str]) -> MemoryAnswer:
        """The answer at the end of a sequence, written as the problem's own: a sentence, symbols or numbers.

        Raises DataError: not such a sequence.
        """
        given = text if isinstance(text, str) else " ".join(given_words(text))
        read = self.problem.read(given)
        tokens = () if isinstance(read, np.ndarray) else tuple(read)
        rows = np.asarray(read) if isinstance(read, np.ndarray) else np.array(self.vocabulary.encode(tokens))
        strange = tuple(token for token in tokens if self.vocabulary.row(token) == UNKNOWN)
        if len(rows) < self.problem.answers:
            raise DataError(f"Expected at least {self.problem.answers} steps, found {len(rows)}.")
        nothing = np.zeros(self.problem.answers, dtype=np.int64)
        batch = make_batch([Example(rows, nothing)], np.arange(max(1, len(self.vocabulary))))
        scores_AK = self.network(batch)[0]
        if not self.problem.classes:
            return MemoryAnswer(given, tokens, (), {}, float(scores_AK[0, 0]))
        shares: list[Any] = scores_AK[-1].double().softmax(-1).tolist()
        order = sorted(range(len(shares)), key=lambda k: -shares[k])
        names = self.problem.classes
        return MemoryAnswer(
            given,
            tokens,
            tuple(names[k] for k in scores_AK.argmax(-1).tolist()),
            {names[k]: shares[k] for k in order},
            unknown=strange,
        )

    def __repr__(self) -> str:
        cell = "PerToken" if self.cell is None else self.cell.name
        return f"TrainedMemory({cell}, {self.data.get('problem', 'recall')})"
