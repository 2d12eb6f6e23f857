"""Find by range against a search of every range; co-clusters that were planted."""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

import cellwright
import cellwright.nn as cwnn
from cellwright.cells import MinGRU
from cellwright.errors import ConfigError, DataError
from cellwright.microscope.co_clusters import unit_word_clusters
from cellwright.microscope.runs import Record
from cellwright.microscope.search import find_by_range, find_units
from cellwright.nn import Recurrent

torch.set_num_threads(1)


def with_values(states: list[np.ndarray], words: tuple[tuple[str, ...], ...] = ()) -> Record:
    """A real record of a GRU whose states are then written over: (T, U) each."""
    steps, units = max(map(len, states)), states[0].shape[1]
    record = cellwright.inspect(
        cwnn.GRU(2, units), torch.zeros(steps, len(states), 2), lengths=list(map(len, states)), gradients=False
    )
    held = np.zeros((steps, len(states), units))
    for b, rows in enumerate(states):
        held[: len(rows), b] = rows
    run = dataclasses.replace(record.run(), values=record.run().values | {"h": held})
    return dataclasses.replace(record, runs=(run,), words=words)


def test_units_are_on_inside_and_off_just_outside() -> None:
    values = np.array([[0.5, 0.0, 0.5], [0.5, 0.5, 0.5], [0.5, 0.5, 0.1], [0.0, 0.2, 0.0]])
    assert list(find_units(values, 1, 3, level=0.3)) == [1]
    assert list(find_units(values, 1, 3, level=0.3, outside=False)) == [0, 1]
    assert list(find_units(values, 0, 3, level=0.3)) == [0]
    with pytest.raises(ConfigError, match="within 4 steps"):
        find_units(values, 2, 2)


def every_range(states: list[np.ndarray], chosen: list[int], level: float, taken: set[tuple[int, int]]) -> int:
    """The best score there is, by looking at all ranges."""
    best = 0
    for k, rows in enumerate(states):
        for start in range(len(rows)):
            for stop in range(start + 1, len(rows) + 1):
                if not any((k, t) in taken for t in range(start, stop)):
                    on = (rows[start:stop][:, chosen] >= level).all(0).sum()
                    best = max(best, int(on) * (stop - start))
    return best


@pytest.mark.parametrize("seed", range(5))
def test_passages_are_the_best_there_are_one_after_another(seed: int) -> None:
    rng = np.random.default_rng(seed)
    states = [np.repeat(rng.normal(size=(n, 7)), 2, axis=0) for n in (6, 9, 4)]
    chosen = [0, 2, 3, 6]
    figure = find_by_range(with_values(states), 2, 5, sequence=1, level=0.1, units=chosen, best=6)
    assert figure.check is not None
    assert figure.check.error == 0.0
    assert not replace(figure.check, left=figure.check.left + 1e-6).holds
    places = list(zip(*(figure.arrays[key].astype(int).tolist() for key in ("sequence", "start", "stop")), strict=True))
    assert places[0] == (1, 2, 5)
    taken = {(1, t) for t in range(2, 5)}
    for score, (sequence, start, stop), on in zip(
        figure.arrays["score"][1:], places[1:], figure.arrays["on"][1:], strict=True
    ):
        assert score == every_range(states, chosen, 0.1, taken)
        assert score == on.sum() * (stop - start)
        taken |= {(sequence, t) for t in range(start, stop)}


def test_a_corpus_of_words_says_which_words() -> None:
    off, on = np.zeros(3), np.array([0.9, 0.0, 0.9])
    records = [
        with_values([np.stack([off, on, on, off])], (("the", "big", "dog", "barks"),)),
        with_values([np.stack([off, off]), np.stack([on, on, off])], (("no", "noun"), ("small", "cats", "sleep"))),
    ]
    figure = find_by_range(records, 1, 3)
    assert figure.labels["passage"] == ("big dog", "small cats")
    assert figure.labels["unit"] == ("h 0", "h 2")
    assert figure.verdict == "2 units of h are on at big dog; most alike: small cats."
    with pytest.raises(DataError, match=r"Expected a unit of h that is 0\.95 or more"):
        find_by_range(records, 1, 3, level=0.95)
    with pytest.raises(ConfigError, match="Expected a sequence of 0 to 2, found 3"):
        find_by_range(records, 1, 3, sequence=3)
    with pytest.raises(ConfigError, match="Expected a value of GRU, found 'c'"):
        find_by_range(records, 1, 3, name="c")
    with pytest.raises(ConfigError, match="Expected units of 0 to 2"):
        find_by_range(records, 1, 3, units=[5])
    with pytest.raises(DataError, match="Expected records"):
        find_by_range([], 1, 3)


def test_a_long_text_is_searched_in_seconds() -> None:
    rng = np.random.default_rng(0)
    states = np.repeat(rng.normal(size=(1000, 64)), 5, axis=0)
    figure = find_by_range(with_values([states]), 10, 15, level=0.2, outside=False, best=5)
    assert len(figure.arrays["score"]) == 6


def additive() -> tuple[Record, list[list[str]]]:
    """Words of three kinds, each of which moves its own four units of an additive cell, some up and some down."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    vocabulary = [f"{kind}{k}" for kind in "abc" for k in range(5)]
    layer = Recurrent(MinGRU(), 15, 12, dtype=torch.float64)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.zero_()
        for column in range(15):
            units = slice(4 * (column // 5), 4 * (column // 5) + 4)
            layer.views(0)["W.n"][units, column] = torch.tensor([1.0, -1.0, 2.0, 0.5]) * (1 if column % 2 else -1)
            layer.views(0)["W.z"][units, column] = 3.0
        layer.views(0)["b.z"].fill_(-4.0)
    ids = rng.integers(0, 15, (8, 12))
    record = cellwright.inspect(layer, torch.eye(15, dtype=torch.float64)[torch.from_numpy(ids)], gradients=False)
    return record, [[vocabulary[word] for word in column] for column in ids.T]


def test_planted_groups_of_words_and_units_are_found() -> None:
    record, words = additive()
    figure = unit_word_clusters(record, words=words, clusters=3)
    assert figure.check is not None
    assert figure.check.holds, figure.check
    kinds = {label[0]: group for label, group in zip(figure.labels["word"], figure.arrays["word_group"], strict=True)}
    assert len(set(kinds.values())) == 3
    for label, group in zip(figure.labels["word"], figure.arrays["word_group"], strict=True):
        assert group == kinds[label[0]]
    assert figure.arrays["unit_group"].tolist() == [kinds[kind] for kind in "abc" for _ in range(4)]
    wrong = figure.check.left.copy()
    wrong[0] += 1e-6
    assert not replace(figure.check, left=wrong).holds


def test_a_words_update_is_the_mean_of_its_differences_also_backward() -> None:
    layer = cwnn.LSTM(3, 4, bidirectional=True)
    x = torch.randn(5, 2, 3)
    records = [cellwright.inspect(layer, x, lengths=[5, 3]), cellwright.inspect(layer, x[:2])]
    words = [list("abcab"), list("cba"), list("ab"), list("aa")]
    figure = unit_word_clusters(records, words=words, clusters=2, name="c", direction=1, least=1)
    assert figure.check is not None
    assert figure.check.holds
    c = [record.run(0, 1).values["c"] for record in records]
    expected = [c[0][0, 0] - c[0][1, 0], c[0][3, 0] - c[0][4, 0], c[0][2, 1]]
    expected += [c[1][0, 0] - c[1][1, 0], c[1][0, 1] - c[1][1, 1], c[1][1, 1]]
    np.testing.assert_allclose(figure.arrays["update"][0], np.mean(expected, axis=0), rtol=0, atol=1e-15)
    assert figure.arrays["count"].tolist() == [6, 4, 2]


def test_what_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    record, words = additive()
    with pytest.raises(DataError, match="Expected a word for each of 96 steps, found 0"):
        unit_word_clusters(record)
    with pytest.raises(ConfigError, match="Expected 2 to 12 groups of 15 words and 12 units, found clusters=13"):
        unit_word_clusters(record, words=words, clusters=13)
    with pytest.raises(ConfigError, match="Expected a state of MinGRU, h, found 'z'"):
        unit_word_clusters(record, words=words, name="z")
    with pytest.raises(DataError, match="Expected records"):
        unit_word_clusters([])
    monkeypatch.setitem(sys.modules, "sklearn.cluster", None)
    with pytest.raises(ConfigError, match="Expected scikit-learn"):
        unit_word_clusters(record, words=words, clusters=3)
