"""A tagger on tagged sentences, beside the answers that need no network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from cellwright.errors import DataError
from cellwright.tasks.data.labels import unseen_labels
from cellwright.tasks.data.utterance import Utterance
from cellwright.tasks.report import Line, Report, Section
from cellwright.tasks.tag.metrics import figures, per_label
from cellwright.tasks.tag.predict import Tagger
from cellwright.tasks.tag.task import tags_of

__all__ = ["evaluate_model"]

PERCENT = ("accuracy", "new_words", "f1", "precision", "recall", "token_accuracy")


def evaluate_model(model: Tagger, sentences: Sequence[Utterance], name: str = "", split: str = "") -> Report:
    """The model's answers, then the baselines'. Raises DataError: no sentences."""
    if not sentences:
        raise DataError(f"Expected sentences in the split {split or 'given'}, found none.", repair="Choose --split.")
    target, gold = model.vocabulary.target, [u.slots for u in sentences]
    answers = {"model": tags_of(model.network, model.vocabulary, sentences), **model.baselines.lines(sentences)}
    lines = [Line(who, figures(target, sentences, found, model.baselines.knows)) for who, found in answers.items()]
    sections = []
    if target != "words":
        rows = per_label(target, gold, answers["model"]).items()
        sections.append(Section("tag" if target == "tags" else "label", [Line(label, row) for label, row in rows]))
    count, shown = unseen_labels(Counter(tag for tags in gold for tag in tags), {*model.vocabulary.tags})
    notes = [f"{count} tag(s) that the model never saw, counted as errors: {shown}"] if count else []
    return Report("tag", name, split, len(sentences), lines, "sentences", PERCENT, sections, notes)
