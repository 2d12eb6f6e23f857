"""A trained classifier as a user meets it: text in, class and probabilities out, and the words that decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cellwright.cells import Cell
from cellwright.errors import StorageError
from cellwright.tasks.answer import json_line
from cellwright.tasks.classify.config import ClassifyModel
from cellwright.tasks.classify.examples import Example
from cellwright.tasks.classify.model import ClassifyNetwork
from cellwright.tasks.classify.ngrams import Baselines
from cellwright.tasks.classify.task import probabilities, scores
from cellwright.tasks.classify.vocabulary import Vocabulary
from cellwright.tasks.classify.why import reasons
from cellwright.tasks.data.given_text import given_text
from cellwright.tasks.data.text import Unit, join_words
from cellwright.tasks.storage.atomic import REPAIR
from cellwright.tasks.storage.model_folder import StoredModel, read_model
from cellwright.tasks.text_model import TextModel

__all__ = ["Decision", "Explanation", "TextClassifier", "Weighed"]


@dataclass(frozen=True, slots=True)
class Decision:
    """The class of a text.

    Attributes:
        text: the input; words joined, if words were given.
        tokens: as the model read it.
        label: the likeliest class.
        probabilities: of every class, likeliest first; they sum to 1.
        unknown: tokens that training never had.
    """

    text: str
    tokens: tuple[str, ...]
    label: str
    probabilities: Mapping[str, float]
    unknown: tuple[str, ...]

    def to_json(self) -> str:
        """One line."""
        return json_line(asdict(self))

    def __str__(self) -> str:
        """`positive 0.93`."""
        return f"{self.label} {self.probabilities[self.label]:.2f}"


@dataclass(frozen=True, slots=True)
class Weighed:
    """A piece of the text; `effect` is how much the log odds of the label, log p/(1 − p), fall without it, in nats.

    Negative: the piece spoke against the label.
    """

    text: str
    effect: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision and the pieces of the text that decided, most decisive first."""

    decision: Decision
    pieces: tuple[Weighed, ...]

    def to_json(self) -> str:
        """One line."""
        return json_line(asdict(self.decision) | {"why": [asdict(piece) for piece in self.pieces]})

    def __str__(self) -> str:
        """`positive 0.93   not bad +2.10   slow −0.40`."""
        shown = [f"{piece.text} {'+' if piece.effect >= 0 else '−'}{abs(piece.effect):.2f}" for piece in self.pieces]
        return "   ".join([str(self.decision), *shown])


class TextClassifier(TextModel[Decision]):
    """A trained classifier. Make it with `cellwright.train("classify", …)` or `cellwright.load`.

    >>> model = cellwright.load("runs/reviews")
    >>> model.predict("the paper is not bad at all").label
    'positive'
    """

    task = "classify"

    def __init__(self, stored: StoredModel) -> None:
        info = stored.info
        size = info.get("vector_size")
        if info.get("unit") not in ("word", "char") or type(size) is not int or not 0 <= size <= 65_536:
            raise StorageError("Expected the unit and the size of vectors.", file=stored.place, repair=REPAIR)
        self.unit: Unit = info["unit"]
        self.vocabulary = Vocabulary.from_files(stored.folder.files, stored.place)
        self.baselines = Baselines.from_files(stored.folder.files, self.vocabulary.classes, stored.place)
        self.config = stored.section(ClassifyModel)
        self.cell: Cell | None = stored.cell

        def build() -> ClassifyNetwork:
            vectors = torch.zeros(self.vocabulary.size, size) if size else None
            return ClassifyNetwork(self.config, self.vocabulary, stored.cell, vectors)

        self.network = stored.network(build)
        self.metrics: Mapping[str, float] = stored.metrics
        self.data: Mapping[str, Any] = stored.data

    @classmethod
    def load(cls, folder: str | Path) -> TextClassifier:
        """Raises StorageError."""
        return cls(read_model(folder, cls.task))

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(self.vocabulary.classes)

    def summary(self) -> str:
        """A line a layer with how many numbers it learns (one bias a gate, as Keras counts)."""
        rows = self.network.layers()
        width = max(len(text) for text, _ in rows)
        total = sum(count for _, count in rows)
        return "\n".join([*(f"{text:{width}}  {count:12,}" for text, count in rows), f"{'total':{width}}  {total:12,}"])

    def answers(self, texts: Sequence[str | Sequence[str]]) -> list[Decision]:
        examples = [self.example(text) for text in texts]
        found = probabilities(self.network, self.vocabulary, examples)
        return [self._decision(example, row) for example, row in zip(examples, found, strict=True)]

    def why(self, text: str | Sequence[str]) -> Explanation:
        """The class and the pieces of the text that decided."""
        example = self.example(text)
        decision = self.predict(text)
        answer = self.vocabulary.class_rows[decision.label]

        def log_odds(cut: list[tuple[str, ...]]) -> Tensor:
            examples = [Example(words, "", "") for words in cut]
            scores_EN = scores(self.network, self.vocabulary, examples)
            others = torch.arange(len(self.classes)) != answer
            return scores_EN[:, answer] - scores_EN[:, others].logsumexp(1)

        pieces = [
            Weighed(join_words(self._in_order(example.words[reason.first : reason.after]))[0], reason.effect)
            for reason in reasons(example.words, log_odds)
        ]
        return Explanation(decision, tuple(pieces))

    def example(self, text: str | Sequence[str]) -> Example:
        """The text as the network reads it. Raises DataError."""
        given = given_text(text, self.unit)
        return Example(tuple(self._in_order(given.words)), "", given.text)

    def _in_order(self, words: Sequence[str]) -> Sequence[str]:
        return words[::-1] if self.data.get("reverse", False) else words

    def _decision(self, example: Example, found_N: Tensor) -> Decision:
        order: list[int] = found_N.argsort(descending=True, stable=True).tolist()
        shares = {self.vocabulary.classes[row]: float(found_N[row]) for row in order}
        unknown = tuple(word for word in example.words if not self.vocabulary.knows(word))
        return Decision(example.text, example.words, self.vocabulary.classes[order[0]], shares, unknown)

    def __repr__(self) -> str:
        cell = "PerToken" if self.cell is None else self.cell.name
        return f"TextClassifier({cell}, {len(self.classes)} classes)"
