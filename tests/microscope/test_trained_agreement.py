"""Agreement at a distance, trained here in seconds: the verb's number is that of the first noun, with up to four other
nouns in between. It is in the state at every step, and the unit that the verb reads is the one that is missed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import cellwright
import cellwright.nn as cwnn
from cellwright.microscope.ablation import ablation
from cellwright.microscope.probes import probe_by_step

torch.set_num_threads(1)
NOUNS, FILLERS, T, UNITS = 6, 8, 12, 5  # nouns of each number
OF, VERB = 2 * NOUNS + FILLERS, 2 * NOUNS + FILLERS + 1


class Reader(nn.Module):
    """Embedding, LSTM; the number is read off one unit at the verb."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VERB + 1, 8)
        self.recurrent = cwnn.LSTM(8, UNITS, batch_first=True, forget_bias=2.0)
        self.scale = nn.Parameter(torch.tensor(4.0))

    def forward(self, ids_BT: Tensor) -> Tensor:
        """The score of "plural"."""
        y_BTH, _ = self.recurrent(self.embedding(ids_BT))
        return self.scale * y_BTH[:, -1, 0]


@dataclass
class Trained:
    network: Reader
    ids_BT: Tensor
    plural_B: Tensor
    attractors_B: np.ndarray

    def right(self, network: nn.Module) -> Tensor:
        return (network(self.ids_BT) > 0) == self.plural_B


def corpus(count: int, seed: int) -> tuple[Tensor, Tensor, np.ndarray]:
    rng = np.random.default_rng(seed)
    ids = rng.integers(2 * NOUNS, 2 * NOUNS + FILLERS, (count, T))
    plural, attractors = rng.integers(0, 2, count), rng.integers(0, 5, count)
    ids[:, 0] = rng.integers(0, NOUNS, count) + NOUNS * plural
    ids[:, -1] = VERB
    for row, number in enumerate(attractors):
        for place in 2 * rng.choice(np.arange(1, 6), number, replace=False) - 1:
            ids[row, place : place + 2] = OF, rng.integers(0, 2 * NOUNS)
    return torch.from_numpy(ids), torch.from_numpy(plural == 1), attractors


@pytest.fixture(scope="module")
def trained() -> Trained:
    torch.manual_seed(0)
    network = Reader()
    ids, plural, _ = corpus(3000, 1)
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    for _epoch in range(8):
        for rows in torch.randperm(len(ids)).split(50):
            optimizer.zero_grad()
            functional.binary_cross_entropy_with_logits(network(ids[rows]), plural[rows].float()).backward()
            optimizer.step()
    return Trained(network, *corpus(1000, 2))


def test_the_verb_agrees_whatever_stands_between(trained: Trained) -> None:
    with torch.no_grad():
        right = trained.right(trained.network).numpy()
    for number in range(5):
        assert right[trained.attractors_B == number].mean() >= 0.98


def test_the_number_is_in_the_state_at_every_step(trained: Trained) -> None:
    x = trained.network.embedding(trained.ids_BT).detach()
    record = cellwright.inspect(trained.network.recurrent, x, gradients=False)
    figure = probe_by_step(record, trained.plural_B.numpy(), "c", types=trained.ids_BT.tolist())
    assert figure.arrays["accuracy"].min() >= 0.95
    assert figure.arrays["low"][-1] > figure.arrays["chance"][-1]
    assert figure.check is not None
    assert figure.check.holds


def test_the_unit_that_the_verb_reads_is_missed_most(trained: Trained) -> None:
    figure = ablation(trained.network, lambda network: float(trained.right(network).double().mean()), chance=0.5)
    drop = figure.arrays["drop"]
    assert drop.argmax() == 0
    assert drop[0] >= 0.4
    assert drop[0] > drop[1:].max()
    assert figure.check is not None
    assert figure.check.holds
    assert "hangs on: 0" in figure.verdict
