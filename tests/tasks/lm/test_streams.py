"""Windows follow each other without a gap, the state is carried over them, and a text is cut as said."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from cellwright.cells import GRU, LSTM, LayerNormLSTM
from cellwright.errors import DataError
from cellwright.tasks.lm.carry import CarriedNetwork
from cellwright.tasks.lm.config import LmModelSection
from cellwright.tasks.lm.model import LanguageNetwork
from cellwright.tasks.lm.streams import Streams

ROWS = 30


def text(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(4, ROWS, count)


@pytest.mark.parametrize(("count", "streams", "steps"), [(101, 4, 7), (21, 4, 5), (41, 4, 10), (9, 4, 50), (50, 1, 3)])
def test_every_epoch_has_as_many_windows_and_they_join(count, streams, steps):
    rows = text(count)
    made = Streams(rows, streams, steps)
    counts = set()
    for epoch in range(12):
        cuts = made.cuts(epoch)
        counts.add(len(cuts))
        assert cuts[0][0] == 0
        assert all(a[1] == b[0] for a, b in itertools.pairwise(cuts))
        assert all(0 < stop - start <= steps for start, stop in cuts)
        assert made.length - cuts[-1][1] < min(steps, made.length)  # what an epoch leaves out
        x = torch.cat([made.window(*cut).x_BT for cut in cuts], 1)
        y = torch.cat([made.window(*cut).y_BT for cut in cuts], 1)
        length = (count - 1) // streams
        for b in range(streams):
            assert x[b].tolist() == rows[b * length :][: x.shape[1]].tolist()
            assert y[b].tolist() == rows[b * length + 1 :][: x.shape[1]].tolist()
    assert len(counts) == 1
    assert made.cuts(0)[-1][1] == made.length  # the first epoch, and so every evaluation, leaves nothing out


def test_windows_of_two_epochs_are_cut_at_other_places():
    made = Streams(text(1001), 10, 20)
    assert len({made.cuts(epoch)[0][1] for epoch in range(8)}) > 5


def test_a_text_too_short_for_the_streams_is_refused():
    with pytest.raises(DataError, match="8 tokens for 4 streams, found 4"):
        Streams(text(4), 4, 5)


@pytest.mark.parametrize("cell", [LSTM(), GRU(), LayerNormLSTM(), None])
def test_windows_with_the_state_carried_are_one_long_window(cell):
    torch.manual_seed(0)
    section = LmModelSection(hidden_size=9, embedding_size=6, num_layers=2)
    network = LanguageNetwork(section, ROWS, cell).double()
    made = Streams(text(400), 3, 7)
    carried = CarriedNetwork(network, 3).double()
    losses = [carried(made.window(*cut)).detach() * (cut[1] - cut[0]) for cut in made.cuts(0)]
    whole = made.window(0, made.length)
    expected = network.mean_loss(network(whole.x_BT), whole.y_BT).detach()
    assert float(sum(losses)) / made.length == pytest.approx(float(expected), abs=1e-12)


def test_a_window_again_gives_the_same_loss_again():
    torch.manual_seed(0)
    carried = CarriedNetwork(LanguageNetwork(LmModelSection(hidden_size=8, embedding_size=8), ROWS, LSTM()), 3)
    made = Streams(text(100), 3, 7)
    first, second, third = (made.window(*cut) for cut in made.cuts(0)[:3])
    carried(first)
    once = carried(second)
    after = [s.clone() for states in carried.carried("after") for s in states]
    assert torch.equal(carried(second), once)
    assert all(torch.equal(a, b) for a, b in zip(after, (s for t in carried.carried("after") for s in t), strict=True))
    assert not torch.equal(carried(third), once)


def test_the_gradient_stops_at_the_window():
    torch.manual_seed(0)
    network = LanguageNetwork(LmModelSection(hidden_size=8, embedding_size=8), ROWS, LSTM())
    carried, made = CarriedNetwork(network, 2), Streams(np.array([5, 6, 7, 8] * 20), 2, 2)
    carried(made.window(0, 2))
    carried(made.window(2, 4)).backward()
    touched = network.embedding.weight.grad.abs().sum(1) > 0
    assert network.head.weight is None  # tied: the softmax touches all rows, so look through the input alone
    assert bool(touched.any())
    assert all(not s.requires_grad for states in carried.carried("after") for s in states)
