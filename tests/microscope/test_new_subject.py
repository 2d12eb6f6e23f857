"""小明 … 同学们: a network trained here in seconds on sentences with one subject after another.

The verb takes the number of the newest one; where it stands, what was held of the old one is forgotten, and a probe
reads the new one off c.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import cellwright
import cellwright.nn as cwnn
from cellwright.cells import CIFG
from cellwright.microscope.events import forgetting_events
from cellwright.microscope.probes import probe_by_step
from cellwright.microscope.runs import Record

torch.set_num_threads(1)
NOUNS, FILLERS, T, UNITS = 6, 8, 12, 5  # nouns of each number
VERB = 2 * NOUNS + FILLERS
EPOCHS, SHOWN = 20, 300


class Reader(nn.Module):
    """Embedding, an LSTM whose input and forget gate are one, and the verb's number, −1 or 1, off one unit."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VERB + 1, 8)
        self.recurrent = cwnn.Recurrent(CIFG(), 8, UNITS, batch_first=True)
        self.scale = nn.Parameter(torch.tensor(4.0))

    def forward(self, ids_BT: Tensor) -> Tensor:
        y_BTH, _ = self.recurrent(self.embedding(ids_BT))
        return self.scale * y_BTH[:, -1, 0]


@dataclass
class Sentences:
    """(B, T) words, whether the verb is plural, where the newest subject stands, whether its number is a new one."""

    ids_BT: Tensor
    plural_B: Tensor
    newest_B: np.ndarray
    changed_B: np.ndarray


def sentences(count: int, seed: int) -> Sentences:
    """A subject, up to three others after it, fillers, a verb."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(2 * NOUNS, VERB, (count, T))
    ids[:, -1] = VERB
    newest, plural, changed = np.zeros(count, int), np.zeros(count, bool), np.zeros(count, bool)
    for row in range(count):
        places = np.sort(rng.choice(np.arange(1, 9), rng.integers(1, 4), replace=False))
        numbers = rng.integers(0, 2, len(places) + 1)
        ids[row, [0, *places]] = rng.integers(0, NOUNS, len(numbers)) + NOUNS * numbers
        newest[row], plural[row] = places[-1], numbers[-1] == 1
        changed[row] = numbers[-1] != numbers[-2]
    return Sentences(torch.from_numpy(ids), torch.from_numpy(plural), newest, changed)


@pytest.fixture(scope="module")
def trained() -> Reader:
    torch.manual_seed(0)
    network, read = Reader(), sentences(3000, 1)
    optimizer = torch.optim.Adam(network.parameters(), 0.02)
    for _epoch in range(EPOCHS):
        for rows in torch.randperm(len(read.ids_BT)).split(50):
            optimizer.zero_grad()
            functional.l1_loss(network(read.ids_BT[rows]), 2.0 * read.plural_B[rows] - 1).backward()
            optimizer.step()
    return network


@pytest.fixture(scope="module")
def unseen() -> Sentences:
    return sentences(SHOWN, 2)


@pytest.fixture(scope="module")
def record(trained: Reader, unseen: Sentences) -> Record:
    return cellwright.inspect(trained.recurrent, trained.embedding(unseen.ids_BT).detach(), gradients=False)


def test_the_verb_takes_the_number_of_the_newest_subject(trained: Reader, unseen: Sentences) -> None:
    with torch.no_grad():
        assert float(((trained(unseen.ids_BT) > 0) == unseen.plural_B).double().mean()) >= 0.98


def test_the_number_is_read_off_the_cell_state(unseen: Sentences, record: Record) -> None:
    figure = probe_by_step(record, unseen.plural_B.numpy(), "c", types=unseen.ids_BT.tolist())
    assert figure.arrays["accuracy"][-1] >= 0.95
    assert figure.arrays["accuracy"][0] < 0.75  # the first subject says nothing of the newest


def test_the_old_number_is_forgotten_where_a_new_subject_stands(unseen: Sentences, record: Record) -> None:
    forgotten, elsewhere = [], []
    for b in np.flatnonzero(unseen.changed_B):
        figure = forgetting_events(record, 0, 0, int(b))
        assert figure.check is not None
        assert figure.check.holds
        steps = set(figure.arrays["step"].tolist())
        forgotten.append(int(unseen.newest_B[b]) in steps)
        elsewhere.append(len([t for t in steps if t > unseen.newest_B[b]]) / (T - 1 - unseen.newest_B[b]))
    assert np.mean(forgotten) >= 0.9
    assert np.mean(elsewhere) < np.mean(forgotten) / 2  # fillers after it are no reason to forget
