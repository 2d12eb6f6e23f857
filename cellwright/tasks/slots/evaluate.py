"""A model on labelled utterances, always beside the two answers that need no network."""

from __future__ import annotations

from collections.abc import Sequence

from cellwright.errors import DataError
from cellwright.tasks.data.labels import intent_labels, slot_labels, unseen_labels
from cellwright.tasks.data.span_counts import Counts
from cellwright.tasks.data.utterance import Utterance
from cellwright.tasks.report import Figure, Line, Report, Section
from cellwright.tasks.slots.metrics import Scores
from cellwright.tasks.slots.predict import SlotModel
from cellwright.tasks.slots.task import compare_answers, score_utterances

__all__ = ["PERCENT", "evaluate_model"]

PERCENT = (
    *("slot_precision", "slot_recall", "slot_f1", "intent_accuracy", "sentence_accuracy", "token_accuracy"),
    *("precision", "recall", "f1"),
)
CONFUSIONS = 10  # pairs named


def evaluate_model(model: SlotModel, utterances: Sequence[Utterance], name: str = "", split: str = "") -> Report:
    """Compare the model's answers, the per-token table's and the majority's with the labels.

    Raises DataError: no utterances.
    """
    if not utterances:
        raise DataError(f"Expected utterances in the split {split or 'given'}, found none.", repair="Choose --split.")
    scores = score_utterances(model.network, model.vocabulary, utterances)
    per_token = compare_answers(utterances, [model.baselines.per_token(u) for u in utterances])
    majority = compare_answers(utterances, [model.baselines.majority(u) for u in utterances])
    lines = [
        Line("model", scores.figures()),
        Line("per-token table", per_token.figures()),
        Line("majority", majority.figures()),
    ]
    return Report(
        "slots", name, split, len(utterances), lines, "utterances", PERCENT,
        _sections(scores), unknown_labels(model, utterances),
    )  # fmt: skip


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


def _sections(scores: Scores) -> list[Section]:
    """A line a slot, then the most confused pairs."""
    found = [Section("slot", [Line(label, _of_slot(counts)) for label, counts in scores.per_slot.items()])]
    for kind, pairs in (("slot", scores.confusions), ("intent", scores.intent_confusions)):
        if pairs:
            rows = [Line(f"{given} → {said}", {"times": times}) for given, said, times in pairs[:CONFUSIONS]]
            found.append(Section(f"{kind} given → found", rows))
    return found


def _of_slot(counts: Counts) -> dict[str, Figure]:
    return {"precision": counts.precision, "recall": counts.recall, "f1": counts.f1, "count": counts.given}
