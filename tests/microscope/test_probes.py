"""Probes: planted directions are found, labels by lot stay at chance, a probe that learns words by heart is seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import RidgeClassifier

import cellwright
import cellwright.nn as cwnn
from cellwright.errors import ConfigError, DataError
from cellwright.microscope.handset import latch
from cellwright.microscope.linear_maps import fit_linear
from cellwright.microscope.probes import probe, probe_by_step, states_at

torch.set_num_threads(1)
N, S = 400, 6
KINDS = pytest.mark.parametrize("kind", ["ridge", "logistic"])


def planted(noise: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    u, y = rng.normal(size=S), rng.integers(0, 2, N)
    u /= np.linalg.norm(u)
    return (2 * y - 1)[:, None] * u + noise * rng.normal(size=(N, S)), y, u


@KINDS
def test_a_planted_direction_is_found(kind: str) -> None:
    states, y, u = planted(0.0)
    figure = probe(states, y, kind=kind)  # type: ignore[arg-type]
    assert figure.arrays["accuracy"][0] == 1.0
    cosines = figure.arrays["direction"] @ u
    np.testing.assert_allclose(cosines, [-1, 1], atol=1e-9)
    assert figure.labels["class"] == ("0", "1")
    assert figure.check is not None
    assert figure.check.error == 0.0
    assert "Above chance" in figure.verdict


def test_with_isotropic_noise_the_direction_comes_nearer_with_more_examples() -> None:
    rng = np.random.default_rng(1)
    u = np.eye(S)[0]
    cosines = []
    for count in (50, 500, 20_000):
        y = rng.integers(0, 2, count)
        states = (2 * y - 1)[:, None] * u + rng.normal(size=(count, S))
        cosines.append(float(probe(states, y).arrays["direction"][1] @ u))
    assert cosines[0] < cosines[1] < cosines[2]
    assert cosines[2] > 0.999


@KINDS
def test_labels_by_lot_stay_at_chance(kind: str) -> None:
    rng = np.random.default_rng(2)
    states, y = rng.normal(size=(3000, S)), rng.integers(0, 2, 3000)
    figure = probe(states, y, kind=kind)  # type: ignore[arg-type]
    held_out = figure.arrays["confusion"].sum()
    assert abs(figure.arrays["accuracy"][0] - 0.5) < 3 * np.sqrt(0.25 / held_out)
    assert "Not clearly above chance" in figure.verdict


def test_ridge_is_scikit_learns() -> None:
    states, y, _ = planted(0.7)
    fitted = np.arange(N) < 300
    ours = fit_linear(states, y, fitted, 2, "ridge", 0.01)
    penalty = 0.01 * 300 * float(((states[:300] - states[:300].mean(0)) ** 2).mean())
    theirs = RidgeClassifier(alpha=penalty, solver="cholesky").fit(states[:300], y[:300])
    np.testing.assert_allclose(ours.weight_CS[1], np.ravel(theirs.coef_), rtol=0, atol=1e-12)
    np.testing.assert_allclose(ours.bias_C[1], np.ravel(theirs.intercept_)[0], rtol=0, atol=1e-12)
    assert ours.right == (theirs.predict(states[300:]) == y[300:]).sum()


@KINDS
def test_logistic_and_ridge_tell_three_classes(kind: str) -> None:
    rng = np.random.default_rng(3)
    y = rng.integers(0, 3, N)
    states = np.eye(3)[y] @ rng.normal(size=(3, S)) + 0.05 * rng.normal(size=(N, S))
    names = np.array(["singular", "plural", "none"])[y]
    figure = probe(states, names, kind=kind)  # type: ignore[arg-type]
    assert figure.arrays["accuracy"][0] > 0.97
    assert figure.labels["class"] == ("none", "plural", "singular")


def test_a_probe_that_knows_words_by_heart_has_no_selectivity() -> None:
    rng = np.random.default_rng(4)
    kinds = rng.integers(0, 20, 3000)
    one_hot = np.eye(20)[kinds]  # a state that is the word: any labels of words can be read off it
    figure = probe(one_hot, kinds % 2, types=kinds)
    accuracy = dict(zip(figure.labels["what"], figure.arrays["accuracy"], strict=True))
    assert accuracy["probe"] == accuracy["control"] == 1.0
    assert "selectivity +0.000" in figure.verdict
    few = np.concatenate([np.where(kinds % 2, 1.0, -1.0)[:, None], rng.normal(size=(3000, 1))], axis=1)
    accuracy = dict(
        zip(("probe", "control", "chance"), probe(few, kinds % 2, types=kinds).arrays["accuracy"], strict=True)
    )
    assert accuracy["probe"] == 1.0
    assert accuracy["control"] < 0.8  # two units cannot hold twenty words


def test_sentences_are_fitted_or_held_out_as_a_whole() -> None:
    """Words of one sentence share its noise: held out one by one, they are told by heart."""
    rng = np.random.default_rng(5)
    sentence = np.repeat(np.arange(60), 10)
    states = np.eye(60)[sentence]
    label = rng.integers(0, 2, 60)[sentence]
    assert probe(states, label).arrays["accuracy"][0] == 1.0
    assert probe(states, label, groups=sentence).arrays["accuracy"][0] < 0.75


def test_a_latch_holds_its_bit_from_the_step_that_sets_it() -> None:
    hand = latch()
    rng = np.random.default_rng(6)
    bits = rng.integers(0, 2, 40)
    record = hand.inspect(*(["wait", "set" if bit else "wait", "wait", "wait", "read"] for bit in bits))
    figure = probe_by_step(record, bits, "c")
    np.testing.assert_array_equal(figure.arrays["accuracy"][1:], 1.0)
    assert figure.arrays["accuracy"][0] < 0.8
    assert figure.arrays["control"][1] == pytest.approx(1.0)  # there the word itself is the bit
    assert figure.check is not None
    assert figure.check.holds
    assert not replace(figure.check, left=figure.check.left + 1e-6).holds
    assert "c tells the label best after step 1: 1.000" in figure.verdict


def test_states_are_gathered_by_position_without_padding() -> None:
    layer = cwnn.LSTM(3, 4, bidirectional=True)
    records = [cellwright.inspect(layer, torch.randn(5, 3, 3), lengths=lengths) for lengths in ([5, 0, 2], [1, 1, 4])]
    states, places, words = states_at(records, "f", direction=1)
    assert states.shape == (13, 4)
    assert places[:7] == [(0, 0), (0, 1), (0, 2), (0, 3), (0, 4), (2, 0), (2, 1)]
    assert words == [""] * 13
    np.testing.assert_array_equal(states[5], records[0].run(0, 1).values["f"][0, 2])
    figure = probe_by_step(
        cellwright.inspect(layer, torch.randn(5, 40, 3)), np.arange(40) % 2, "c", held_out=0.5, kind="logistic"
    )
    assert np.isnan(figure.arrays["selectivity"]).all()
    assert "no control task" in figure.notes[1]


def test_what_is_refused() -> None:
    states, y, _ = planted(0.1)
    with pytest.raises(ConfigError, match="Expected kind ridge or logistic"):
        probe(states, y, kind="tree")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="held_out between 0 and 1"):
        probe(states, y, held_out=1.0)
    with pytest.raises(ConfigError, match="Expected one of labels for each of 400 states, found 3"):
        probe(states, y[:3])
    with pytest.raises(ConfigError, match=r"Expected states \(N, S\)"):
        probe(states[0], y)
    with pytest.raises(DataError, match="two classes or more, found 400 of 1"):
        probe(states, [0] * N)
    with pytest.raises(DataError, match="8 examples or more"):
        probe(states[:4], y[:4])
    with pytest.raises(DataError, match="nan or inf"):
        probe(states * np.nan, y)
    with pytest.raises(DataError, match="among the examples that are fitted"):
        probe(states, np.arange(N) == 7, groups=[0] * N)
    record = cellwright.inspect(cwnn.GRU(3, 4), torch.randn(4, 9, 3))
    with pytest.raises(ConfigError, match="Expected a value of GRU, found 'c'"):
        states_at(record, "c")
    with pytest.raises(ConfigError, match="Expected a label for each of 9 sequences, found 2"):
        probe_by_step(record, [0, 1], "h")
    with pytest.raises(DataError, match="Expected a step that 8 sequences of two classes reach"):
        probe_by_step(record, [0] * 9, "h")
    with pytest.raises(DataError, match="Expected records"):
        states_at([], "h")
