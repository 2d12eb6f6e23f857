"""A trained tagger as a user meets it: text in; words with tags, labelled spans, or words out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from cellwright.cells import Cell
from cellwright.errors import StorageError
from cellwright.tasks.answer import Span, json_line
from cellwright.tasks.data.given_text import given_text
from cellwright.tasks.data.schemes import spans
from cellwright.tasks.data.text import Unit
from cellwright.tasks.data.utterance import Utterance
from cellwright.tasks.storage.atomic import REPAIR
from cellwright.tasks.storage.model_folder import StoredModel, read_model
from cellwright.tasks.tag.baselines import Baselines
from cellwright.tasks.tag.config import TagModel
from cellwright.tasks.tag.model import TagNetwork
from cellwright.tasks.tag.segments import to_spans
from cellwright.tasks.tag.task import make_batch
from cellwright.tasks.tag.vocabulary import Vocabulary
from cellwright.tasks.text_model import TextModel

__all__ = ["TaggedText", "Tagger"]

BATCH = 32


@dataclass(frozen=True, slots=True)
class TaggedText:
    """What the model found in a text.

    Attributes:
        target: "tags", "spans" or "words".
        text: the input; words joined, if words were given.
        tokens, tags: the tokens and the tag of each; where words are found, the characters.
        spans: every word with its tag; the labelled spans; or the words.
        unknown: tokens that training never had.
    """

    target: str
    text: str
    tokens: tuple[str, ...]
    tags: tuple[str, ...]
    spans: tuple[Span, ...]
    unknown: tuple[str, ...]

    def to_json(self) -> str:
        """One line."""
        return json_line(asdict(self))

    def __str__(self) -> str:
        """`the/DET dog/NOUN`, or `person="Ann Lee"`, or `我 爱 中国`."""
        if self.target == "tags":
            return " ".join(f"{one.value}/{one.label}" for one in self.spans)
        if self.target == "words":
            return " ".join(one.value for one in self.spans)
        return "  ".join(map(str, self.spans)) or "O"


class Tagger(TextModel[TaggedText]):
    """A trained tagger. Make it with `cellwright.train("tag", …)` or `cellwright.load`.

    >>> model = cellwright.load("runs/words")
    >>> print(model.predict("我爱中国"))
    我 爱 中国
    """

    task = "tag"

    def __init__(self, stored: StoredModel) -> None:
        info = stored.info
        size = info.get("vector_size")
        if info.get("unit") not in ("word", "char") or type(size) is not int or not 0 <= size <= 65_536:
            raise StorageError("Expected the unit and the size of vectors.", file=stored.place, repair=REPAIR)
        self.vocabulary = Vocabulary.from_files(stored.folder.files, stored.place)
        self.unit: Unit = "char" if self.vocabulary.target == "words" else info["unit"]
        self.baselines = Baselines.from_files(stored.folder.files, stored.place)
        config = stored.section(TagModel)
        self.cell: Cell | None = stored.cell

        def build() -> TagNetwork:
            vectors = torch.zeros(self.vocabulary.size, size) if size else None
            return TagNetwork(config, self.vocabulary, stored.cell, vectors)

        self.network = stored.network(build)
        self.metrics: Mapping[str, float] = stored.metrics
        self.data: Mapping[str, Any] = stored.data

    @classmethod
    def load(cls, folder: str | Path) -> Tagger:
        """Raises StorageError."""
        return cls(read_model(folder, cls.task))

    def answers(self, texts: Sequence[str | Sequence[str]]) -> list[TaggedText]:
        made = [self.utterance(text) for text in texts]
        order = sorted(range(len(made)), key=lambda k: len(made[k].words))
        found: dict[int, TaggedText] = {}
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            rows, shares = self.network.answer(make_batch([made[k] for k in chosen], self.vocabulary))
            for k, tags, sure in zip(chosen, rows, shares, strict=True):
                found[k] = self._answer(made[k], [self.vocabulary.tags[row] for row in tags], sure)
        return [found[k] for k in range(len(made))]

    def utterance(self, text: str | Sequence[str]) -> Utterance:
        """The text as the network reads it. Raises DataError."""
        given = given_text(text, self.unit)
        return Utterance(given.words, (), "", text=given.text, spans=given.offsets)

    def _answer(self, utterance: Utterance, tags: Sequence[str], sure: Sequence[float]) -> TaggedText:
        target, text, offsets = self.vocabulary.target, utterance.text or "", utterance.spans or ()
        if target == "tags":
            pieces = [(k, k + 1, tag) for k, tag in enumerate(tags)]
        else:
            pieces = to_spans(tags) if target == "words" else spans(tags)
        found = []
        for first, after, label in pieces:
            start, end = offsets[first][0], offsets[after - 1][1]
            found.append(Span(label, text[start:end], start, end, min(1.0, *sure[first:after])))
        words = zip(utterance.words, self.vocabulary.read(utterance.words), strict=True)
        unknown = tuple(word for word, read in words if not self.vocabulary.knows(read))
        return TaggedText(target, text, utterance.words, tuple(tags), tuple(found), unknown)

    def __repr__(self) -> str:
        cell = "PerToken" if self.cell is None else self.cell.name
        return f"Tagger({cell}, {len(self.vocabulary.tags)} tags, {self.vocabulary.target})"
