"""How many numbers a recurrent layer has: 64,400 and what belongs to it, under both conventions for biases."""

from __future__ import annotations

from math import prod

from torch import nn as torch_nn

from cellwright.cells import GRU, LSTM, LSTM1997, Elman, GRUResetBefore
from cellwright.cells.cell import Cell
from cellwright.lessons.lesson import Lesson, Number, Table
from cellwright.nn import Recurrent, count_parameters

__all__ = ["lesson"]

INPUT, HIDDEN = 60, 100
CELLS: tuple[Cell, ...] = (Elman(), LSTM1997(), GRUResetBefore(), GRU(), LSTM())


def stored(module: torch_nn.Module) -> int:
    """Numbers in all of a module's parameters, counted one tensor at a time."""
    return sum(prod(parameter.shape) for parameter in module.parameters())


def input_size_behind(count: int, hidden_size: int) -> float:
    """The width of the input at which an LSTM has `count` numbers: they grow evenly with it."""
    one, two = (LSTM().count_parameters(width, hidden_size) for width in (1, 2))
    return 1 + (count - one) / (two - one)


def lesson() -> Lesson:
    """Layers, a classifier, stacks, biases."""
    one = {cell.name: cell.count_parameters(INPUT, HIDDEN) for cell in CELLS}
    elman, lstm = one["Elman"], one["LSTM"]
    layer = Recurrent(LSTM(), INPUT, HIDDEN)
    both_ways = Recurrent(LSTM(), INPUT, HIDDEN, bidirectional=True)
    ten, ten_both, six = (stored(torch_nn.Linear(*s)) for s in ((HIDDEN, 10), (2 * HIDDEN, 10), (10, 6)))
    forward, both = stored(layer) + ten + six, stored(both_ways) + ten_both + six
    torch_one, torch_both = (stored(torch_nn.LSTM(INPUT, HIDDEN, bidirectional=b)) for b in (False, True))
    stacks = {
        stack: stored(Recurrent(LSTM(), INPUT, 50, num_layers=2, bidirectional=True, stack=stack))
        for stack in ("separate", "joint")
    }
    return Lesson(
        "counts",
        "How many numbers a recurrent layer has",
        (
            "A gate of H units over an input of D features has a matrix for the input (H · D), one for the old state "
            "(H · H), and a bias (H). A simple recurrent layer is one such block. An LSTM has four, for three gates "
            "and the candidate: four times as many numbers, not three times. Three times is right for the LSTM of "
            "1997, which has no forget gate, and for the GRU.",
            Table(
                f"D = {INPUT}, H = {HIDDEN}",
                ("cell", "blocks", "numbers", "times the simple one"),
                tuple(
                    (name, len(cell.gate_names), one[name], one[name] / elman)
                    for name, cell in zip(one, CELLS, strict=True)
                ),
            ),
            "`GRU` here is torch's, whose candidate has a second bias of H that cannot be merged into the first; "
            "hence the 100 beyond three times.",
            "A much-copied classifier: an LSTM of 100, a dense layer of 10, a dense layer of 6 classes. `LSTM(100)` "
            "in both directions means 100 units each, 200 outputs, so the dense layer after it has 200 · 10 + 10 = "
            "2,010 numbers; 2,020 is a bias counted twice.",
            Table(
                "The classifier, without its embedding",
                ("layer", "one direction", "both directions"),
                (
                    ("LSTM(100)", stored(layer), stored(both_ways)),
                    ("Dense(10)", ten, ten_both),
                    ("Dense(6)", six, six),
                    ("all", forward, both),
                ),
            ),
            f"The width of the embedding is often left out of such listings. It can be found: 400 D + 40,400 = "
            f"{lstm:,} gives D = {input_size_behind(lstm, HIDDEN):g}.",
            "torch, cuDNN and ONNX store two biases a gate, which are only ever added; Keras and cellwright one. "
            "`cellwright.nn.count_parameters` gives both counts.",
            Table(
                "The LSTM under both conventions",
                ("", "one bias", "two biases"),
                (("one direction", stored(layer), torch_one), ("both directions", stored(both_ways), torch_both)),
            ),
            "Two layers in both directions can be meant in two ways: each layer reads both directions of the one "
            "below (torch, Keras), or two stacks are joined at the end only. The counts tell which.",
            Table("Two layers, both directions, D = 60, H = 50", ("stack=", "numbers"), tuple(stacks.items())),
        ),
        (
            Number("simple recurrent layer", elman, 16_100, "H D + H H + H"),
            Number("LSTM", lstm, 64_400, "4 (H D + H H + H)"),
            Number("LSTM to simple", lstm / elman, 4, "three gates and the candidate"),
            Number("LSTM of 1997 to simple", one["LSTM1997"] / elman, 3, "two gates and the candidate"),
            Number(
                "GRU, reset before the product, to simple",
                one["GRUResetBefore"] / elman,
                3,
                "two gates and the candidate",
            ),
            Number("GRU of torch", one["GRU"], 48_400, "3 (H D + H H + H) + H"),
            Number("LSTM, both directions", stored(both_ways), 128_800, "2 · 64,400"),
            Number("Dense(10) after one direction", ten, 1_010, "100 · 10 + 10"),
            Number("Dense(10) after both", ten_both, 2_010, "200 · 10 + 10"),
            Number("Dense(6)", six, 66, "10 · 6 + 6"),
            Number("classifier, one direction", forward, 65_476, "64,400 + 1,010 + 66"),
            Number("classifier, both directions", both, 130_876, "128,800 + 2,010 + 66"),
            Number("input width behind 64,400", input_size_behind(64_400, HIDDEN), 60, "(64,400 − 40,400) / 400"),
            Number("torch.nn.LSTM(60, 100)", torch_one, 64_800, "64,400 + 400"),
            Number("torch.nn.LSTM(60, 100), both directions", torch_both, 129_600, "2 · 64,800"),
            Number("our count of it, two biases", count_parameters(layer).two_biases, 64_800, "64,400 + 400"),
            Number("two layers, separate stacks", stacks["separate"], 84_800, "2 (22,200 + 20,200)"),
            Number("two layers, joint", stacks["joint"], 104_800, "2 (22,200 + 30,200)"),
        ),
        (
            "Hochreiter & Schmidhuber 1997, Long short-term memory",
            "Gers, Schmidhuber & Cummins 2000, Learning to forget",
            "Cho et al. 2014, Learning phrase representations using RNN encoder-decoder (GRU)",
            "Keras and torch documentation of LSTM (biases)",
        ),
    )
