"""A classifier on labelled texts, beside the answers that need no network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from cellwright.errors import DataError
from cellwright.tasks.class_figures import class_figures, macro_f1
from cellwright.tasks.classify.examples import Example
from cellwright.tasks.classify.predict import TextClassifier
from cellwright.tasks.classify.task import probabilities
from cellwright.tasks.data.labels import unseen_labels
from cellwright.tasks.report import Line, Report, Section

__all__ = ["evaluate_model", "figures"]

PERCENT = ("accuracy", "macro_f1", "precision", "recall", "f1")
CONFUSIONS = 10


def evaluate_model(model: TextClassifier, examples: Sequence[Example], name: str = "", split: str = "") -> Report:
    """The model's answers, those of the n-grams, and the most frequent class. Raises DataError: no texts."""
    if not examples:
        raise DataError(f"Expected texts in the split {split or 'given'}, found none.", repair="Choose --split.")
    given = [example.label for example in examples]
    best = probabilities(model.network, model.vocabulary, examples).argmax(1).tolist()
    found = [model.vocabulary.classes[row] for row in best]
    grams = f"n-grams up to {model.baselines.longest}, logistic regression"
    lines = [
        Line("model", figures(given, found)),
        Line(grams, figures(given, model.baselines.answers(examples))),
        Line("majority", figures(given, [model.baselines.majority()] * len(given))),
    ]
    confused = Counter((a, b) for a, b in zip(given, found, strict=True) if a != b)
    sections = [Section("class", [Line(label, class_figures(label, given, found)) for label in sorted({*given})])]
    if confused:
        rows = [Line(f"{a} → {b}", {"times": count}) for (a, b), count in confused.most_common(CONFUSIONS)]
        sections.append(Section("given → found", rows))
    count, shown = unseen_labels(Counter(given), set(model.classes))
    notes = [f"{count} class(es) that the model never saw, counted as errors: {shown}"] if count else []
    return Report("classify", name, split, len(examples), lines, "texts", PERCENT, sections, notes)


def figures(given: Sequence[str], found: Sequence[str]) -> dict[str, float]:
    """Accuracy, and the mean F1 of the classes that are given."""
    right = sum(a == b for a, b in zip(given, found, strict=True))
    return {"accuracy": right / len(given), "macro_f1": macro_f1(given, found)}
