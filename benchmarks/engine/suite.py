"""The one list of rows that `run.py` measures: what runs, beside whom, what is asked, and why the row is there.

A row that misses what is asked stays. Why it misses is written here, in REASONS, by hand.
Imports no torch: pages are generated from this list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product

from cellwright import cells
from cellwright.cells import Cell
from cellwright.ops import exp, sigmoid, tanh

PACKED = (
    "torch's packed training runs at a third of the machine's sgemm here, ours at 60 to 81 %: a ratio of 3 asks for"
    " nearly all of it; the products of gradients over all steps are torch's own"
)
EAGER = (
    "the peers multiply by the same matrices, at 40 % of the machine's sgemm already in eager mode; ours runs near"
    " all of it, so that more is out of reach on two cores"
)
FEW_STEPS = (
    "a call costs 0.3 to 0.5 ms in Python and packs its matrices, as much as some steps;"
    " `stepper` is made for single ones"
)
REASONS: dict[str, str] = {
    "LSTM packed train": PACKED,
    "LSTM lengths train": PACKED,
    "GRU packed train": PACKED,
    "GRU lengths train": PACKED,
    "LSTM packed bidirectional train": PACKED,
    "LSTM lengths bidirectional train": PACKED,
    "Elman packed train": PACKED,
    **dict.fromkeys(("PeepholeLSTM forward", "PeepholeLSTM train", "Fading forward", "Fading train"), EAGER),
    **dict.fromkeys(("LayerNormLSTM forward", "LayerNormLSTM train"), EAGER),
    **dict.fromkeys(("LSTM T=1, forward", "LSTM T=1, train", "LSTM T=10, forward", "LSTM T=10, train"), FEW_STEPS),
    "LSTM B=1, forward": "one thread packs the matrices at every call; both threads share only the steps",
    "LSTM bfloat16 weights H=1024 B=4 train": "numbers are widened to float32 first: no instruction for bfloat16 here",
    **dict.fromkeys(
        ("LSTM forward", "LSTM train", "LSTM bfloat16 dense forward", "LSTM bfloat16 dense train"),
        "torch.nn.LSTM is oneDNN's here, which is as near to the processor's limit",
    ),
    "Elman H=256 train": "69 to 77 % from one measurement to the next: its products are the smallest of all",
    **dict.fromkeys(
        (
            "LSTM packed per valid step forward",
            "LSTM lengths per valid step forward",
            "LSTM lengths per valid step train",
        ),
        "the last sequences fill no tile of six rows",
    ),
}
"""Name of a row → why it misses what is asked."""


class Fading(Cell):
    """A cell as a user writes one: a gated update of a state that fades at a rate of each unit's own."""

    gates = "u g n"
    states = "h"
    params = {"k": "H"}  # noqa: RUF012

    def step(self, x, h, W, R, b, k):  # type: ignore[no-untyped-def]
        u = sigmoid(W.u @ x + R.u @ h + b.u)
        g = sigmoid(W.g @ x + R.g @ h + b.g)
        n = tanh(W.n @ x + R.n @ h + b.n)
        h = u * exp(-k * k) * h + (1 - u) * g * n
        return h


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement.

    Attributes:
        work: which function of `works.py` sets it up.
        cell: name in `cellwright.cells`, or Fading.
        mode: forward, train (forward and backward, the gradient of x included) or step.
        layout: dense, packed or lengths (1 to T steps, in any order), and bidirectional forms of the last two.
        T, B, I, H: steps, batch, input and hidden size.
        peers: who runs beside it → the least ratio peer's time / our time that is asked, None if it is only reported.
        goal: the ratio to the first peer that is hoped for.
        share: the least share of the machine's sgemm that is asked.
        most: the most seconds that are asked.
        why: the row's reason to be there.
    """

    name: str
    section: str
    why: str
    work: str = "layer"
    cell: str = "LSTM"
    mode: str = "forward"
    layout: str = "dense"
    T: int = 50
    B: int = 32
    I: int = 256  # noqa: E741
    H: int = 256
    dtype: str = "float32"
    peers: Mapping[str, float | None] = field(default_factory=dict)
    goal: float | None = None
    share: float | None = None
    most: float | None = None

    @property
    def reason(self) -> str:
        """Why it misses what is asked, where it does."""
        return REASONS.get(self.name, "")


def cell_of(name: str) -> Cell:
    """A new cell by its name."""
    return Fading() if name == "Fading" else getattr(cells, name)()


MODES = ("forward", "train")
RAGGED = ("packed", "lengths", "packed bidirectional", "lengths bidirectional")
CUSTOM = {"eager loop": 7.0, "torch.compile": 1.6, "JAX scan": 3.0, "TorchScript": None}
ROWS: list[Row] = []


def add(name: str, section: str, why: str, **settings: object) -> None:
    ROWS.append(Row(name, section, why, **settings))  # type: ignore[arg-type]


STEPWISE = "torch multiplies step by step"


def training(asked: float, mode: str) -> float | None:
    """What is asked of a training step; forward is only reported."""
    return asked if mode == "train" else None


for mode in MODES:
    asked = 1.0 if mode == "forward" else 1.05
    others = {"ONNX Runtime": None} if mode == "forward" else {}
    why = "already close to the machine's limit: to be matched or beaten"
    add(f"LSTM {mode}", "dense", why, mode=mode, peers={"torch.nn": asked, **others}, goal=1.1)
    # but for LSTM's, figures are asked of training
    add(f"GRU {mode}", "dense", STEPWISE, cell="GRU", mode=mode, peers={"torch.nn": training(1.7, mode)})
    add(f"Elman {mode}", "dense", STEPWISE, cell="Elman", mode=mode, peers={"torch.nn": training(1.6, mode)})
for layout, mode in product(RAGGED, MODES):
    why = "sentences differ in length; torch sorts, packs and computes each step's rows apart"
    add(f"LSTM {layout} {mode}", "ragged", why, mode=mode, layout=layout, peers={"torch.nn": training(3.0, mode)})
for (cell, asked), layout, mode in product({"GRU": 3.0, "Elman": 2.8}.items(), RAGGED[:2], MODES):
    why = "as LSTM's ragged rows"
    add(
        f"{cell} {layout} {mode}",
        "ragged",
        why,
        cell=cell,
        mode=mode,
        layout=layout,
        peers={"torch.nn": training(asked, mode)},
    )
for cell, mode in product(("PeepholeLSTM", "LayerNormLSTM", "Fading"), MODES):
    why = "a cell that torch.nn does not have: what its author runs today"
    add(f"{cell} {mode}", "cells of one's own", why, cell=cell, mode=mode, peers=CUSTOM)
for layout, mode in product(("dense", "packed"), MODES):
    least = 1.5 if layout == "dense" else 6.0
    add(
        f"LSTM bfloat16 {layout} {mode}", "bfloat16", "half the bytes, and tiles of bfloat16 where a CPU has them",
        mode=mode, layout=layout, dtype="bfloat16", peers={"torch.nn autocast": least},
    )  # fmt: skip
for size, batch, mode in ((512, 1, "forward"), (1024, 1, "forward"), (1024, 4, "forward"), (1024, 4, "train")):
    add(
        f"LSTM bfloat16 weights H={size} B={batch} {mode}", "bfloat16", "few rows: reading the matrix takes the time",
        work="products", mode=mode, dtype="bfloat16", B=batch, I=size, H=size, peers={"float32 products": None},
    )  # fmt: skip
for size in (64, 128, 256):
    runtime = 1.2 if size == 256 else 2.0
    one = {"mode": "step", "T": 1, "B": 1, "I": size, "H": size}
    add(
        f"LSTM stepper H={size}", "one step", "a stream answered step by step: the cost of a call counts",
        work="stepper", peers={"torch.nn.LSTMCell": 3.0, "ONNX Runtime": runtime}, **one,
    )  # fmt: skip
    add(
        f"LSTM forward of one step H={size}", "one step", "the same through the layer's own call",
        peers={"torch.nn.LSTMCell": None, "torch.nn": None, "ONNX Runtime": None}, **one,
    )  # fmt: skip
for mode in MODES:
    add(
        f"LSTM resets {mode}", "extras", "resets may cost 5 %",
        work="resets", mode=mode, peers={"without resets": round(1 / 1.05, 3)},
    )  # fmt: skip
    add(
        f"LSTM T=1000 per step {mode}", "extras", "time grows as T does: a step of 1000 costs what one of 50 does",
        mode=mode, T=1000, peers={"ours T=50": 0.9},
    )  # fmt: skip
    for layout in ("packed", "lengths"):
        add(
            f"LSTM {layout} per valid step {mode}", "extras", "no work on padding: a valid step costs as a dense one",
            mode=mode, layout=layout, peers={"ours dense": 0.9},
        )  # fmt: skip
    add(
        f"LSTM any-split {mode}", "extras", "what bits cost that do not depend on the cut of a stream",
        work="any-split", mode=mode, peers={"without any-split": None},
    )  # fmt: skip
add(
    "LSTM trace", "extras", "what it costs to return every gate",
    work="trace", peers={"without trace": None},
)  # fmt: skip
for cell, size, mode in product(
    ("Elman", "LSTM", "GRU", "PeepholeLSTM", "LayerNormLSTM", "GRUResetBefore"), (256, 512, 1024), MODES
):
    least = 0.62 if cell in ("LayerNormLSTM", "GRUResetBefore") else 0.75
    add(
        f"{cell} H={size} {mode}", "share of sgemm", "how much of the machine's limit is reached",
        cell=cell, mode=mode, I=size, H=size, share=None if size == 1024 else least,
    )  # fmt: skip
for cell in ("IndRNN", "SRU", "MinGRU"):
    add(
        f"{cell} loop alone", "without a recurrent product", "memory is the limit: share of a copy of as many bytes",
        work="loop", cell=cell, T=200, B=64, I=512, H=512, peers={"copy": 0.7},
    )  # fmt: skip
SIZES: list[dict[str, int]] = [
    *({"B": n} for n in (1, 8, 256)),
    *({"I": n, "H": n} for n in (32, 64, 512, 1024)),
    *({"T": n} for n in (1, 10, 1000)),
]
for change, mode in product(SIZES, MODES):
    label = ", ".join(f"{key}={value}" for key, value in change.items() if key != "I")
    add(
        f"LSTM {label}, {mode}",
        "other sizes",
        "how it changes with size",
        mode=mode,
        peers={"torch.nn": None},
        **change,
    )
add(
    "LSTM compile time, nothing on disk", "compile time", "the first call of all on a machine, which compiles products",
    work="compile first", mode="train",
)  # fmt: skip
for cell in ("LSTM", "LayerNormLSTM", "Fading"):
    add(
        f"{cell} compile time", "compile time", "what a new cell's first call costs, forward and backward",
        work="compile", cell=cell, mode="train", most=1.0,
    )  # fmt: skip
    add(
        f"{cell} compile time, second process", "compile time", "the same where the code is on disk",
        work="compile cached", cell=cell, mode="train", most=0.05,
    )  # fmt: skip
add(
    "LSTM checkpoint_segments", "memory", "long sequences: memory beyond x, y and their gradients, at what time",
    work="checkpoint", mode="train", T=10_000, B=16, peers={"without checkpoint_segments": 10.0},
)  # fmt: skip

assert len({row.name for row in ROWS}) == len(ROWS)
