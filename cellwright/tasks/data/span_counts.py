"""Spans found, given and right, as the CoNLL script counts them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cellwright.tasks.data.schemes import Span

__all__ = ["Counts", "SpanCounts"]


@dataclass(slots=True)
class Counts:
    """Spans found, given and right, of one label or of all."""

    right: int = 0
    found: int = 0
    given: int = 0

    @property
    def precision(self) -> float:
        return self.right / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        return self.right / self.given if self.given else 0.0

    @property
    def f1(self) -> float:
        total = self.found + self.given
        return 2 * self.right / total if total else 0.0


class SpanCounts:
    """Counts by label. A span is right if its first word, last word and label are."""

    def __init__(self) -> None:
        self._labels: dict[str, Counts] = {}

    def add(self, given: Iterable[Span], found: Iterable[Span]) -> int:
        """One sentence; how many spans of it are right."""
        gold, answer = [*given], [*found]
        both = {*gold} & {*answer}
        for _, _, label in gold:
            self._of(label).given += 1
        for _, _, label in answer:
            self._of(label).found += 1
        for _, _, label in both:
            self._of(label).right += 1
        return len(both)

    def _of(self, label: str) -> Counts:
        return self._labels.setdefault(label, Counts())

    @property
    def by_label(self) -> dict[str, Counts]:
        return dict(sorted(self._labels.items()))

    @property
    def total(self) -> Counts:
        """Over all labels (micro average, as the CoNLL-2000 script prints)."""
        counts = self._labels.values()
        return Counts(sum(c.right for c in counts), sum(c.found for c in counts), sum(c.given for c in counts))
