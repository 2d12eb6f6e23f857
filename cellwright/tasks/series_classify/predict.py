"""A trained series classifier as a user meets it: a series in, its class with probabilities out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cellwright.errors import DataError, StorageError
from cellwright.tasks.answer import json_line
from cellwright.tasks.series.example import Series
from cellwright.tasks.series.numbers import LARGEST
from cellwright.tasks.series.ts_file import case_of
from cellwright.tasks.series_classify.config import ClassifyModel
from cellwright.tasks.series_classify.model import SeriesNetwork
from cellwright.tasks.series_classify.task import probabilities
from cellwright.tasks.storage.atomic import REPAIR
from cellwright.tasks.storage.model_folder import StoredModel, read_model

__all__ = ["SeriesAnswer", "SeriesClassifier"]


@dataclass(frozen=True, slots=True)
class SeriesAnswer:
    """The likeliest class, and the probability of each, likeliest first."""

    label: str
    probabilities: Mapping[str, float]

    def to_json(self) -> str:
        """One line."""
        return json_line({"label": self.label, "probabilities": self.probabilities})

    def __str__(self) -> str:
        return f"{self.label}  {self.probabilities[self.label]:.4f}"


class SeriesClassifier:
    """A trained classifier of series. Make it with `cellwright.load`.

    >>> model = cellwright.load("runs/vowels")
    >>> model.predict(np.zeros((20, 12))).label
    '4'
    """

    task = "series-classify"

    def __init__(self, stored: StoredModel) -> None:
        self.cell, self.metrics, self.data = stored.cell, stored.metrics, stored.data
        try:
            self.classes = [str(label) for label in stored.info["classes"]]
            self.channels = int(stored.info["channels"])
            settings = stored.section(ClassifyModel)
            if len(set(self.classes)) != len(self.classes) or len(self.classes) < 2 or self.channels < 1:
                raise ValueError("classes or channels")
        except (KeyError, TypeError, ValueError) as error:
            raise StorageError(
                f"Expected a series classifier, found: {error}.", file=stored.place, repair=REPAIR
            ) from None
        self.rows = {label: row for row, label in enumerate(self.classes)}
        self.network = stored.network(lambda: SeriesNetwork(settings, stored.cell, self.channels, len(self.classes)))

    @classmethod
    def load(cls, folder: str | Path) -> SeriesClassifier:
        """Raises StorageError."""
        return cls(read_model(folder, "series-classify"))

    def predict(self, series: str | Sequence[Sequence[float]] | np.ndarray) -> SeriesAnswer:
        """The class of one series.

        Args:
            series: (T, C) numbers, or a line of a .ts file: the channels parted by colons, their steps by commas.

        Raises DataError: another number of channels; uneven channels; a number that is not finite.
        """
        return self.predict_many([series])[0]

    def predict_many(self, several: Iterable[str | Sequence[Sequence[float]] | np.ndarray]) -> list[SeriesAnswer]:
        """The same for each; short ones are read together. Raises DataError: one series in place of several, too."""
        if isinstance(several, str | bytes | Mapping) or not isinstance(several, Iterable):
            raise DataError(
                f"Expected a list of series, found {type(several).__name__}.", repair="model.predict(series)"
            )
        several = list(several)
        if not several:
            return []
        shares_BK = probabilities(self.network, [self.series(series) for series in several], self.rows)
        answers = []
        for shares_K in shares_BK:
            order = np.argsort(-shares_K, kind="stable")
            names = {self.classes[k]: float(shares_K[k]) for k in order}
            answers.append(SeriesAnswer(next(iter(names)), names))
        return answers

    def series(self, given: str | Sequence[Sequence[float]] | np.ndarray) -> Series:
        """What `predict` is given, checked. Raises DataError as it does."""
        if isinstance(given, str):
            return case_of(given, self.channels)
        try:
            values_TC = np.asarray(given, dtype=np.float64)
        except (TypeError, ValueError):
            raise DataError(
                "Expected numbers, as many in each step, found others.", repair="One row a step, one column a channel."
            ) from None
        if values_TC.ndim != 2 or values_TC.shape[1] != self.channels or not len(values_TC):
            raise DataError(
                f"Expected a series of shape (steps, {self.channels}), found {values_TC.shape}.",
                repair="One row a step, one column a channel, in the order of training.",
            )
        if not (np.abs(values_TC) <= LARGEST).all():
            raise DataError("Expected finite numbers, found others in the series.", repair="Fill the gaps first.")
        return Series(values_TC.astype(np.float32), "")

    def __repr__(self) -> str:
        cell = "PerToken" if self.cell is None else self.cell.name
        return f"SeriesClassifier({cell}, {self.channels} channels, {len(self.classes)} classes)"
