"""A model on labelled utterances, always beside the two answers that need no network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console

from cellwright.errors import DataError
from cellwright.tasks.data.labels import intent_labels, slot_labels, unseen_labels
from cellwright.tasks.data.span_counts import Counts
from cellwright.tasks.data.utterance import Utterance
from cellwright.tasks.slots.metrics import Scores
from cellwright.tasks.slots.predict import SlotModel
from cellwright.tasks.slots.report import CONFUSIONS, print_evaluation
from cellwright.tasks.slots.task import compare_answers, score_utterances

__all__ = ["Evaluation", "evaluate_model"]


@dataclass(slots=True)
class Evaluation:
    """Figures of a model and of its baselines on the same utterances; shares from 0 to 1.

    Attributes:
        name, split: of the data.
        model, majority, per_token: the scores of each.
        notes: labels that the model does not know, and how often they occur.
    """

    name: str
    split: str
    model: Scores
    majority: Scores
    per_token: Scores
    notes: list[str] = field(default_factory=list)

    @property
    def slot_f1(self) -> float:
        """Of the model, over all slots."""
        return self.model.slots.f1

    @property
    def intent_accuracy(self) -> float | None:
        """Of the model; None where the data has no intents."""
        return self.model.intent_accuracy

    @property
    def sentence_accuracy(self) -> float:
        """Of the model: all slots and the intent right."""
        return self.model.sentence_accuracy

    def to_data(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "data": self.name,
            "split": self.split,
            "utterances": self.model.sentences,
            "model": self.model.figures(),
            "baselines": {"majority": self.majority.figures(), "per_token": self.per_token.figures()},
            "slots": {label: counts_data(counts) for label, counts in self.model.per_slot.items()},
            "confusions": [list(row) for row in self.model.confusions[:CONFUSIONS]],
            "intent_confusions": [list(row) for row in self.model.intent_confusions[:CONFUSIONS]],
            "notes": self.notes,
        }

    def print(self, console: Console) -> None:
        """Headline figures beside the baselines, a table a slot, the most confused pairs."""
        print_evaluation(self, console)


def evaluate_model(model: SlotModel, utterances: Sequence[Utterance], name: str = "", split: str = "") -> Evaluation:
    """Compare the model's answers, the majority's and the per-token table's with the labels.

    Raises DataError: no utterances.
    """
    if not utterances:
        raise DataError(f"Expected utterances in the split {split or 'given'}, found none.", repair="Choose --split.")
    majority = [model.baselines.majority(u) for u in utterances]
    per_token = [model.baselines.per_token(u) for u in utterances]
    return Evaluation(
        name,
        split,
        score_utterances(model.network, model.vocabulary, utterances),
        compare_answers(utterances, majority),
        compare_answers(utterances, per_token),
        unknown_labels(model, utterances),
    )


def unknown_labels(model: SlotModel, utterances: Sequence[Utterance]) -> list[str]:
    """One note for slots and one for intents that the model can never give."""
    notes = []
    named = [u for u in utterances if u.intent and any(model.vocabulary.intents)]
    for kind, found, known in (
        ("slot", slot_labels(utterances), {tag[2:] for tag in model.vocabulary.tags}),
        ("intent", intent_labels(named), set(model.vocabulary.intents)),
    ):
        count, shown = unseen_labels(found, known)
        if count:
            notes.append(f"{count} {kind} label(s) that the model never saw, counted as errors: {shown}")
    return notes


def counts_data(counts: Counts) -> dict[str, float]:
    return {"precision": counts.precision, "recall": counts.recall, "f1": counts.f1, "support": counts.given}
