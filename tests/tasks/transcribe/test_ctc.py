"""Decoding finds what summing over every alignment finds; the loss is minus ln of that sum."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from cellwright.tasks.transcribe.config import TranscribeModel
from cellwright.tasks.transcribe.ctc import add_logs, beam_search, edit_distance, greedy
from cellwright.tasks.transcribe.model import TranscribeNetwork, make_batch
from cellwright.tasks.transcribe.recording import Recording


def collapsed(path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(row for row, _ in itertools.groupby(path) if row)


def by_alignments(logs_TK: np.ndarray) -> dict[tuple[int, ...], float]:
    """P of every text: the sum over all K ** T alignments."""
    found: dict[tuple[int, ...], float] = {}
    steps, rows = logs_TK.shape
    for path in itertools.product(range(rows), repeat=steps):
        text = collapsed(path)
        found[text] = found.get(text, 0.0) + math.exp(sum(logs_TK[t, row] for t, row in enumerate(path)))
    return found


def logs(seed: int, steps: int = 5, rows: int = 3) -> np.ndarray:
    scores = 2 * np.random.default_rng(seed).standard_normal((steps, rows))
    return scores - np.log(np.exp(scores).sum(1, keepdims=True))


@pytest.mark.parametrize("seed", range(8))
def test_a_wide_beam_gives_every_text_its_probability(seed: int) -> None:
    logs_TK = logs(seed)
    expected = by_alignments(logs_TK)
    found = beam_search(logs_TK, 10_000)
    assert [text for text, _ in found] == sorted(expected, key=lambda text: -expected[text])
    for text, log in found:
        assert math.exp(log) == pytest.approx(expected[text], rel=1e-12)
    assert sum(math.exp(log) for _, log in found) == pytest.approx(1.0)


def test_a_beam_may_find_what_step_by_step_does_not() -> None:
    logs_TK = np.log(np.array([[0.6, 0.4], [0.6, 0.4]]))  # nothing 0.36, the symbol 0.64 in three alignments
    assert greedy(logs_TK) == ()
    assert beam_search(logs_TK, 2)[0][0] == (1,)
    assert math.exp(beam_search(logs_TK, 2)[0][1]) == pytest.approx(0.64)


@pytest.mark.parametrize("seed", range(5))
def test_step_by_step_is_the_text_of_the_likeliest_alignment(seed: int) -> None:
    logs_TK = logs(seed, steps=6)
    assert greedy(logs_TK) == collapsed(tuple(int(row) for row in logs_TK.argmax(1)))


def test_repeats_need_a_blank_between_them() -> None:
    one = np.full((5, 3), -50.0)
    for t, row in enumerate((1, 1, 0, 1, 2)):
        one[t, row] = 0.0
    assert greedy(one) == beam_search(one, 4)[0][0] == (1, 1, 2)


def test_the_loss_sums_over_alignments() -> None:
    torch.manual_seed(0)
    network = TranscribeNetwork(TranscribeModel(hidden_size=4, dropout=0.0), 2, 2, None).double().eval()
    rng = np.random.default_rng(0)
    recordings = [Recording(rng.standard_normal((t, 2)).astype(np.float32), text) for t, text in ((5, "ab"), (3, "a"))]
    batch = make_batch(recordings, {"a": 1, "b": 2})
    frames_BTC = batch.frames_BTC.double()
    logs_BTK = network(frames_BTC, batch.lengths_B).detach().numpy()
    expected = [
        -math.log(by_alignments(logs_BTK[k, :t])[rows]) / len(rows)
        for k, (t, rows) in enumerate(((5, (1, 2)), (3, (1,))))
    ]
    batch = type(batch)(frames_BTC, batch.lengths_B, batch.rows_N, batch.counts_B, batch.tokens)
    assert network.loss(batch).item() == pytest.approx(sum(expected) / 2, rel=1e-5)  # log_softmax in float32


def test_edits() -> None:
    cases = {("kitten", "sitting"): 3, ("", "abc"): 3, ("abc", ""): 3, ("123", "123"): 0, ("1223", "123"): 1}
    assert {pair: edit_distance(*pair) for pair in cases} == cases
    assert add_logs(-math.inf, -math.inf) == -math.inf
    assert math.exp(add_logs(math.log(0.3), math.log(0.4))) == pytest.approx(0.7)
