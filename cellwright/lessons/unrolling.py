"""A recurrent network folded and unrolled: one set of weights for every step, and no step reads what comes later."""

from __future__ import annotations

import numpy as np
import torch

from cellwright.cells import Elman, Jordan
from cellwright.lessons.lesson import Drawing, Lesson, Number, Table
from cellwright.lessons.written import drawn_inputs, drawn_layer, written_layer
from cellwright.microscope.diagram.unrolled import unrolled_svg
from cellwright.microscope.influence import influence
from cellwright.microscope.record import inspect
from cellwright.nn import Recurrent

__all__ = ["lesson"]

STEPS, SHORT, LONG = 6, 5, 500


def output(layer: Recurrent, x: np.ndarray) -> torch.Tensor:
    """y (T, B, O)."""
    with torch.no_grad():
        y: torch.Tensor = layer(torch.from_numpy(x))[0]
    return y


def counted(layer: Recurrent) -> int:
    """Numbers in its parameters."""
    return sum(parameter.numel() for parameter in layer.parameters())


def without_recurrence() -> float:
    """Largest difference between permuting the inputs and permuting the outputs of a layer whose R is 0."""
    layer = drawn_layer(Elman(), 3, 4, seed=2)
    with torch.no_grad():
        layer.views(0)["R.h"].zero_()
    x, order = drawn_inputs(3, STEPS, 1, 3), [3, 0, 5, 1, 4, 2]
    return float((output(layer, x)[order] - output(layer, x[order])).abs().max())


def jordan_as_elman() -> float:
    """Largest difference between a Jordan network that feeds back y = h and an Elman network of the same weights."""
    elman = drawn_layer(Elman(), 3, 4, seed=4)
    weights = {name: view.detach().clone() for name, view in elman.views(0).items()}
    jordan = written_layer(Jordan(4), 3, 4, {**weights, "V": torch.eye(4)})
    x = drawn_inputs(5, STEPS, 1, 3)
    return float((output(elman, x) - output(jordan, x)).abs().max())


def lesson() -> Lesson:
    """Same weights for any length; the triangle of influence."""
    layer = drawn_layer(Elman(), 3, 4, seed=0)
    x = drawn_inputs(1, LONG, 1, 3)
    counts = []
    for steps in (SHORT, LONG):
        y = output(layer, x[:steps])
        counts.append((steps, counted(layer), len(y)))
    figure = influence(inspect(layer, x[:STEPS]))
    norm = figure.arrays["norm"]
    above = float(np.abs(np.triu(norm, 1)).max())
    rows = tuple((t, *("·" if value == 0 else "●" for value in row)) for t, row in enumerate(norm))
    return Lesson(
        "unrolling",
        "A recurrent network, folded and unrolled",
        (
            "A recurrent network keeps what its hidden layer computed and reads it at the next step: "
            "h_t = tanh(W x_t + R h_{t−1} + b). Drawn folded, it has an arrow back to itself; unrolled through time, "
            "a copy for every step. All copies share W, R and b (in other notations U, W, V and two biases): "
            "unrolling adds steps, not parameters.",
            Drawing(
                "unrolling",
                "Four steps of a simple recurrent network",
                unrolled_svg(Elman(), 4),
                "cellwright show Elman --svg unrolling.svg --unroll 4",
            ),
            Table("One layer, two lengths", ("steps", "parameters", "outputs"), tuple(counts)),
            "x_t is the input and h_t what is handed on, from the previous time STEP, not from the previous layer. "
            "What is fed back is the hidden state (Elman 1990). Feeding back the OUTPUT is another network (Jordan "
            "1986); the two agree only where the output is the state itself.",
            "Which outputs can depend on which inputs? h_t on x_0 … x_t, and on nothing later: the matrix of "
            "derivatives is lower triangular, exactly.",
            Table("dh_t/dx_k: ● not 0, · exactly 0", ("t \\ k", *map(str, range(STEPS))), rows),
            figure,
            "Take R away and time is gone too: the layer is an ordinary dense layer, and mixing up the inputs only "
            "mixes up the outputs.",
        ),
        (
            Number("parameters", counts[0][1], 4 * 3 + 4 * 4 + 4, "H I + H H + H"),
            Number(f"parameters after {LONG} steps", counts[1][1], counts[0][1], "the same"),
            Number("largest influence of a later input", above, 0, "0"),
            Number("influences that are not 0", int(np.count_nonzero(norm)), STEPS * (STEPS + 1) // 2, "T (T + 1) / 2"),
            Number("inputs that h_1 depends on", int(np.count_nonzero(norm[1])), 2, "x_0 and x_1"),
            Number("R = 0: permuting before or after", without_recurrence(), 0, "the same"),
            Number("Jordan with y = h against Elman", jordan_as_elman(), 0, "the same", 1e-12),
        ),
        (
            "Elman 1990, Finding structure in time",
            "Jordan 1986, Serial order: a parallel distributed processing approach",
            "Werbos 1990, Backpropagation through time",
        ),
    )
