"""A trained model as a user meets it: text in, slots and intent with confidences out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from cellwright.tasks.answer import Span, json_line
from cellwright.tasks.data.given_text import given_text
from cellwright.tasks.data.schemes import spans
from cellwright.tasks.data.text import Unit
from cellwright.tasks.data.utterance import Utterance
from cellwright.tasks.slots.batches import make_batch
from cellwright.tasks.slots.model_file import SavedModel, load_model
from cellwright.tasks.text_model import TextModel

__all__ = ["Prediction", "SlotModel"]

BATCH = 32


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the model found in a text.

    Attributes:
        text: the input; words joined, if words were given.
        tokens, tags: the tokens and the BIO tag of each.
        slots: the labelled spans, left to right.
        intent: "" where the training data had no intents.
        intent_probability: from 0 to 1.
        unknown: tokens that training never had.
    """

    text: str
    tokens: tuple[str, ...]
    tags: tuple[str, ...]
    slots: tuple[Span, ...]
    intent: str
    intent_probability: float
    unknown: tuple[str, ...]

    def to_json(self) -> str:
        """One line."""
        said = asdict(self)
        return json_line({"spans" if key == "slots" else key: value for key, value in said.items()})

    def __str__(self) -> str:
        """The intent, then each slot: `book_flight  departure=Taipei  date="November 2nd"`."""
        found = [str(slot) for slot in self.slots]
        return "  ".join([self.intent, *found] if self.intent else found) or "O"


class SlotModel(TextModel[Prediction]):
    """A trained slots-and-intents model. Make it with `load` or `cellwright.load`.

    >>> model = cellwright.load("runs/demo/best")
    >>> model.predict("leave Taipei on November 2nd").slots[0].label
    'departure'
    """

    task = "slots"

    def __init__(self, saved: SavedModel) -> None:
        self.network = saved.network.eval()
        self.vocabulary = saved.vocabulary
        self.baselines = saved.baselines
        self.cell = saved.cell
        self.unit: Unit = "char" if saved.unit == "char" else "word"
        self.metrics = saved.metrics
        self.data = saved.data

    @classmethod
    def load(cls, folder: str | Path) -> SlotModel:
        """Read a model's folder (or a run's, whose best model is meant). Raises StorageError."""
        place = Path(folder)
        return cls(load_model(place / "best" if (place / "config.toml").is_file() else place))

    def answers(self, texts: Sequence[str | Sequence[str]]) -> list[Prediction]:
        made = [self.utterance(text) for text in texts]
        order = sorted(range(len(made)), key=lambda k: len(made[k].words))
        found: dict[int, Prediction] = {}
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            said = self.network.answer(make_batch([made[k] for k in chosen], self.vocabulary))
            rows = zip(chosen, said.tags, said.tag_confidence, said.intents, said.intent_confidence, strict=True)
            for k, tags, sure, intent, intent_sure in rows:
                names = [self.vocabulary.tags[row] for row in tags]
                found[k] = self._prediction(made[k], names, sure, self.vocabulary.intents[intent], intent_sure)
        return [found[k] for k in range(len(made))]

    def utterance(self, text: str | Sequence[str]) -> Utterance:
        """The text as the network reads it. Raises DataError: no word in it, or more than 10,000."""
        given = given_text(text, self.unit)
        return Utterance(given.words, ("O",) * len(given.words), "", text=given.text, spans=given.offsets)

    def _prediction(
        self, utterance: Utterance, tags: list[str], sure: list[float], intent: str, intent_sure: float
    ) -> Prediction:
        text, offsets = utterance.text or "", utterance.spans or ()
        slots = []
        for first, after, label in spans(tags):
            start, end = offsets[first][0], offsets[after - 1][1]
            slots.append(Span(label, text[start:end], start, end, min(1.0, *sure[first:after])))
        unknown = tuple(word for word in utterance.words if not self.vocabulary.knows(word))
        return Prediction(text, utterance.words, tuple(tags), tuple(slots), intent, min(1.0, intent_sure), unknown)

    def __repr__(self) -> str:
        labels = sum(tag.startswith("B-") for tag in self.vocabulary.tags)
        cell = "PerToken" if self.cell is None else self.cell.name
        return f"SlotModel({cell}, {labels} slots, {len(self.vocabulary.intents)} intents)"
