"""Planted keywords: opinion words among noise add up to a rating; attribution of a network trained on ratings alone,
in seconds, must name those words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

import cellwright
import cellwright.nn as cwnn
from cellwright.microscope.attribution import deletion, gradient_times_input, integrated_gradients
from cellwright.microscope.decomposition import contextual_decomposition

torch.set_num_threads(1)
OPINIONS, FILLERS, T = 12, 40, 14  # the first half of the opinion words is praise
EPOCHS = 8
SHOWN = 15  # sentences that are looked at


class Rater(nn.Module):
    """Embedding, LSTM, a rating from its last step."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(OPINIONS + FILLERS, 12)
        self.recurrent = cwnn.LSTM(12, 12, batch_first=True, init="chrono", max_lag=50)
        self.head = nn.Linear(12, 1)

    def forward(self, ids_BT: Tensor) -> Tensor:
        y_BTH, _ = self.recurrent(self.embedding(ids_BT))
        return self.head(y_BTH[:, -1])[:, 0]


@dataclass
class Trained:
    network: Rater
    ids_BT: Tensor
    planted_BT: NDArray[np.bool_]


def corpus(count: int, seed: int) -> tuple[Tensor, Tensor, NDArray[np.bool_]]:
    """Sentences with one to four opinion words; their rating: praise counts 1, blame −1."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(OPINIONS, OPINIONS + FILLERS, (count, T))
    planted = np.zeros((count, T), bool)
    for row in range(count):
        places = rng.choice(T, rng.integers(1, 5), replace=False)
        planted[row, places] = True
        ids[row, places] = rng.integers(0, OPINIONS, len(places))
    value = np.where(ids < OPINIONS // 2, 1.0, -1.0) * planted
    return torch.from_numpy(ids), torch.from_numpy(value.sum(1)).float(), planted


@pytest.fixture(scope="module")
def trained() -> Trained:
    torch.manual_seed(0)
    network = Rater()
    ids, ratings, _ = corpus(2000, 1)
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    for _epoch in range(EPOCHS):
        for rows in torch.randperm(len(ids)).split(50):
            optimizer.zero_grad()
            functional.mse_loss(network(ids[rows]), ratings[rows]).backward()
            optimizer.step()
    ids, ratings, planted = corpus(400, 2)
    with torch.no_grad():
        error = functional.mse_loss(network(ids), ratings)
    assert error < 0.1  # of a variance of 2.5: else there is nothing to attribute
    return Trained(network, ids[:SHOWN], planted[:SHOWN])


MEASURES = {
    "integrated_gradients": partial(integrated_gradients, points=24),
    "gradient_times_input": gradient_times_input,
    "deletion": partial(deletion, how="zero"),
    "contextual_decomposition": contextual_decomposition,
}


def precision(measure: str, trained: Trained) -> float:
    """Share of planted words among the k of largest score either way, where k were planted; mean over sentences."""
    found = []
    for row in range(SHOWN):
        figure = MEASURES[measure](trained.network, trained.ids_BT[row : row + 1], target=torch.sum)
        planted = trained.planted_BT[row]
        best = np.argsort(-np.abs(next(iter(figure.arrays.values()))))[: planted.sum()]
        found.append(planted[best].mean())
    return float(np.mean(found))


@pytest.mark.parametrize("measure", MEASURES)
def test_attribution_names_the_planted_words(measure: str, trained: Trained) -> None:
    assert precision(measure, trained) >= 0.9


def test_the_write_gate_opens_for_planted_words(trained: Trained) -> None:
    x = trained.network.embedding(trained.ids_BT).detach()
    values = cellwright.inspect(trained.network.recurrent, x, gradients=False).run().values
    written_TB = np.abs(values["i"] * values["g"]).mean(2)
    planted = trained.planted_BT.T
    assert written_TB[planted].mean() >= 3 * written_TB[~planted].mean()
