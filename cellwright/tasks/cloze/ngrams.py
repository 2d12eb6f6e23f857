"""Guesses that need no network: n-grams to the left of a gap, and to both sides of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from cellwright.tasks.cloze.corpora import Example
from cellwright.tasks.cloze.model import NEVER
from cellwright.tasks.text.ngram import NGram
from cellwright.tasks.text.vocabulary import END, TextVocabulary

__all__ = ["TwoSided"]


class TwoSided:
    """Kneser-Ney n-grams of the training sentences, read in both directions.

    P(w | left, right) ∝ P(w | left) · P(w | right) / P(w): exact where left and right are independent given w.
    """

    def __init__(self, examples: Sequence[Example], vocabulary: TextVocabulary, order: int) -> None:
        self.vocabulary, self.order = vocabulary, order
        rows = [vocabulary.encode(example.answers) for example in examples]
        size = len(vocabulary)
        forward = np.array([END, *(row for words in rows for row in (*words, END))])
        backward = np.array([END, *(row for words in rows for row in (*reversed(words), END))])
        never = [row for row in NEVER if row != END]
        self.left = NGram(forward, size, order, never)
        self.right = NGram(backward, size, order, never)
        counts = np.bincount(forward, minlength=size) + 1.0
        counts[list(NEVER)] = 0.0
        self.alone: NDArray[np.float64] = counts / counts.sum()

    def distributions(
        self, sentences: Sequence[Sequence[str]], places: Sequence[Sequence[int]], sides: int
    ) -> Iterator[NDArray[np.float64]]:
        """P of every row at the given places of each sentence, (V,) each, in order.

        Args:
            sides: 0 = how often each word is, 1 = the left side, 2 = both.
        """
        for sentence, own in zip(sentences, places, strict=True):
            rows = [END, *self.vocabulary.encode(sentence), END]
            yield from (self._at(rows, place + 1, sides) for place in own)

    def _at(self, rows: Sequence[int], place: int, sides: int) -> NDArray[np.float64]:
        if sides == 0:
            return self.alone
        reach = self.order - 1
        p_V = self.left.distribution(rows[max(0, place - reach) : place])
        if sides == 2:
            p_V *= self.right.distribution(rows[place + 1 : place + 1 + reach][::-1])
            p_V /= np.maximum(self.alone, 1e-300)
        p_V[list(NEVER)] = 0.0
        p_V /= p_V.sum()
        return p_V
