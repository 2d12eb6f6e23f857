"""The n-gram baseline against a slow one written from the paper's formulas with plain dictionaries."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from cellwright.tasks.text.ngram import NGram

ROWS, UNUSED = 9, 7


def stream(seed: int, count: int) -> np.ndarray:
    """Rows of which some follow others often; row UNUSED never occurs."""
    rng = np.random.default_rng(seed)
    found = [0]
    for _ in range(count - 1):
        found.append(int((found[-1] * 2 + 1) % 7 if rng.random() < 0.6 else rng.integers(0, 7)))
    return np.array(found)


class Slow:
    """Chen & Goodman 1999, equations 21 to 26, interpolated, with dictionaries."""

    def __init__(self, words: list[int], order: int) -> None:
        self.order = order
        grams = {n: Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1)) for n in range(1, order + 1)}
        self.counts = {order: grams[order]}
        for n in range(1, order):
            self.counts[n] = Counter(gram[1:] for gram in grams[n + 1])
            for gram in grams[n]:
                self.counts[n].setdefault(gram, 0)  # the very first words of the text have nothing before them

    def discount(self, n: int, count: int) -> float:
        of = Counter(min(c, 4) for c in self.counts[n].values())
        if not (of[1] and of[2] and of[3]):
            return [0.0, 0.5, 1.0, 1.5][min(count, 3)]
        y = of[1] / (of[1] + 2 * of[2])
        raw = [0.0, 1 - 2 * y * of[2] / of[1], 2 - 3 * y * of[3] / of[2], 3 - 4 * y * of[4] / of[3]]
        low, high = [0, 0.1, 0.1, 0.1], [0, 1, 2, 3]
        return [min(max(r, a), b) for r, a, b in zip(raw, low, high, strict=True)][min(count, 3)]

    def p(self, word: int, history: tuple[int, ...]) -> float:
        n = len(history) + 1
        below = self.p(word, history[1:]) if history else 1 / (ROWS - 1)
        after = {g[-1]: c for g, c in self.counts[n].items() if g[:-1] == history}
        total = sum(after.values())
        if not total:
            return below
        shared = sum(self.discount(n, c) for c in after.values())
        kept = after.get(word, 0) - self.discount(n, after.get(word, 0))
        return (kept + shared * below) / total


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_probabilities_are_those_of_the_formula(order):
    train, text = stream(1, 300), stream(2, 40)
    fast, slow = NGram(train, ROWS, order, [UNUSED]), Slow(train.tolist(), order)
    expected = [slow.p(int(w), tuple(text[max(0, i - order + 1) : i].tolist())) for i, w in enumerate(text)]
    np.testing.assert_allclose(fast.probabilities(text), expected, rtol=1e-12)


@pytest.mark.parametrize("order", [1, 3, 6])
def test_a_distribution_sums_to_one_and_is_what_probabilities_says(order):
    model, text = NGram(stream(3, 500), ROWS, order, [UNUSED]), stream(4, 30)
    whole = [model.distribution(text[:i].tolist()) for i in range(len(text))]
    np.testing.assert_allclose([d.sum() for d in whole], 1.0, atol=1e-12)
    np.testing.assert_allclose([d[w] for d, w in zip(whole, text, strict=True)], model.probabilities(text), rtol=1e-12)
    assert all(d[UNUSED] == 0 for d in whole)
    assert all((np.delete(d, UNUSED) > 0).all() for d in whole)


def test_counts_of_few_rows_fall_back_to_fixed_discounts():
    model = NGram(np.array([1, 2, 1, 2, 1, 2]), 4, 2)
    # by hand: rows alone (1 - 0.5) / 2 + 0.5 · 1/4 = 0.375, then (3 - 1.5) / 3 + 1.5 / 3 · 0.375
    assert model.distribution([1])[2] == pytest.approx(0.6875)
    assert model.distribution([3]).sum() == pytest.approx(1)


def test_a_longer_history_foretells_what_needs_it():
    rng = np.random.default_rng(0)
    text = np.concatenate([[a, 3, a] for a in rng.integers(0, 3, 2000)])  # the row after 3 is the one before it
    losses = [-np.log(NGram(text, 4, n).probabilities(text)[2::3]).mean() for n in (2, 3)]
    assert losses[0] > 1.0
    assert losses[1] < 0.01
