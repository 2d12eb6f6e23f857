"""A series classifier on labelled series, beside the answers that need no memory."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from cellwright.errors import DataError
from cellwright.tasks.class_figures import class_figures, macro_f1
from cellwright.tasks.report import Line, Report, Section
from cellwright.tasks.series.example import Series
from cellwright.tasks.series_classify.batches import make_batch
from cellwright.tasks.series_classify.corpora import checked_channels
from cellwright.tasks.series_classify.predict import SeriesClassifier
from cellwright.tasks.series_classify.task import probabilities
from cellwright.tasks.share import Share

__all__ = ["evaluate_model"]

PERCENT = ("accuracy", "macro_f1", "precision", "recall", "f1")


def evaluate_model(model: SeriesClassifier, examples: Sequence[Series], name: str, split: str) -> Report:
    """Accuracy and macro F1 of the model and of each baseline; precision, recall and F1 by class.

    Raises DataError: no series, or one with other channels.
    """
    if not examples:
        raise DataError(f"Expected series in the split {split or 'given'}, found none.", repair="Choose --split.")
    given = checked_channels(list(examples), model.channels)
    found = [model.classes[row] for row in probabilities(model.network, given, model.rows).argmax(1)]
    answers = {"model": found} | _baselines(model, given)
    labels = [series.label for series in given]
    lines = [
        Line(who, {"accuracy": _right(said, given), "macro_f1": macro_f1(labels, said)})
        for who, said in answers.items()
    ]
    by_class = []
    for label in sorted({*labels}):
        own = [k for k, series in enumerate(given) if series.label == label]
        right = _right([found[k] for k in own], [given[k] for k in own])
        by_class.append(Line(label, {**class_figures(label, labels, found), "recall": right}))
    unknown = sorted({*labels} - set(model.classes))
    notes = [f"classes that the model never saw, counted as errors: {', '.join(unknown)}"] if unknown else []
    notes.append("in brackets the 95 % interval (Wilson)")
    return Report(
        "series-classify", name, split, len(given), lines, "series", PERCENT,
        [Section("class", by_class)], notes,
    )  # fmt: skip


def _right(said: Sequence[str], given: Sequence[Series]) -> Share:
    return Share(sum(a == series.label for a, series in zip(said, given, strict=True)), len(given))


@torch.no_grad()
def _baselines(model: SeriesClassifier, given: Sequence[Series]) -> dict[str, list[str]]:
    batch = make_batch(given, model.rows)
    answers = model.network.baselines.answers(model.network.scaled(batch.x_BTC), batch.lengths_B)
    return {who: [model.classes[row] for row in rows] for who, rows in answers.items()}
