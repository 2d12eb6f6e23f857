"""Beam search finds what trying every translation finds; the network read in one call is the network token by token."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from cellwright.cells import CELLS
from cellwright.tasks.text.vocabulary import BEGIN, END
from cellwright.tasks.translate.config import TranslateModel
from cellwright.tasks.translate.model import TranslateNetwork
from cellwright.tasks.translate.search import search

SMALL = TranslateModel(hidden_size=6, embedding_size=5, encoder_layers=2, decoder_layers=2, dropout=0.0)
SOURCE_BS = torch.tensor([[4, 5, 6], [7, 4, 0]])
LENGTHS_B = torch.tensor([3, 2])


def network(cell: str | None = "LSTM", seed: int = 0) -> TranslateNetwork:
    torch.manual_seed(seed)
    made = TranslateNetwork(SMALL, 8, 7, None if cell is None else CELLS[cell]()).double().eval()
    with torch.no_grad():
        made.output.weight.mul_(8)  # so that tokens differ much in probability
    return made


def log_probability(made: TranslateNetwork, text: int, rows: tuple[int, ...]) -> float:
    """Of a whole translation, from one call with all of it known."""
    length = int(LENGTHS_B[text])
    encoded = made.encode(SOURCE_BS[text : text + 1, :length], LENGTHS_B[text : text + 1])
    with torch.no_grad():
        scores_TV = made.decode(encoded, torch.tensor([[BEGIN, *rows[:-1]]]))[0][0]
    scores_TV[:, :3] = -math.inf  # padding, unknown, begin: no translation has them
    return sum(float(scores_TV[t].log_softmax(-1)[row]) for t, row in enumerate(rows))


@pytest.mark.parametrize("power", [0.0, 1.0])
@pytest.mark.parametrize("cell", ["LSTM", "GRU"])
def test_a_wide_beam_finds_the_best_of_all(cell: str, power: float) -> None:
    made = network(cell)
    longest = 3
    every = [
        (*rows, END) for n in range(longest) for rows in itertools.product((4, 5, 6), repeat=n)
    ]  # those that end in time; those cut compete too
    cut = list(itertools.product((4, 5, 6), repeat=longest))
    answers = search(made, SOURCE_BS, LENGTHS_B, beam=200, longest=longest, length_power=power)
    for text in range(2):
        ranked = sorted(every + cut, key=lambda rows: -log_probability(made, text, rows) / len(rows) ** power)
        found = answers[text]
        assert len(found) == len(ranked)
        assert [f.rows for f in found[:10]] == [tuple(r for r in rows if r != END) for rows in ranked[:10]]
        assert [f.finished for f in found[:10]] == [rows[-1] == END for rows in ranked[:10]]
        for f, rows in zip(found[:10], ranked[:10], strict=True):
            assert f.log_probability == pytest.approx(log_probability(made, text, rows), abs=1e-9)


@pytest.mark.parametrize("cell", ["LSTM", "GRU", "Elman", None])
def test_a_beam_of_one_takes_the_likeliest_token_at_each_step(cell: str | None) -> None:
    made = network(cell, seed=3)
    answers = search(made, SOURCE_BS, LENGTHS_B, beam=1, longest=6)
    for text in range(2):
        rows: tuple[int, ...] = ()
        while len(rows) < 6 and (not rows or rows[-1] != END):
            rows += (max((3, 4, 5, 6), key=lambda row, rows=rows: log_probability(made, text, (*rows, row))),)
        assert answers[text][0].rows == tuple(row for row in rows if row != END)


def test_padding_changes_no_answer() -> None:
    made = network()
    together = search(made, SOURCE_BS, LENGTHS_B, beam=3, longest=5)
    for text, length in enumerate(LENGTHS_B.tolist()):
        alone = search(made, SOURCE_BS[text : text + 1, :length], LENGTHS_B[text : text + 1], beam=3, longest=5)[0]
        assert [f.rows for f in alone] == [f.rows for f in together[text]]
        assert [f.log_probability for f in alone] == pytest.approx([f.log_probability for f in together[text]])
