"""Two directions: 我 爱 中国 through a BiLSTM, what each half of each output has read, and the sentence's vector."""

from __future__ import annotations

import numpy as np
import torch

from cellwright.cells import LSTM
from cellwright.lessons.lesson import Drawing, Lesson, Number, Table
from cellwright.lessons.written import drawn_layer
from cellwright.microscope.diagram.unrolled import bidirectional_svg
from cellwright.microscope.figure import Array
from cellwright.nn import Recurrent

__all__ = ["lesson"]

WORDS, CHARACTERS = ("我", "爱", "中国"), ("我", "爱", "中", "国")
HIDDEN = 50


def one_hot(count: int) -> Array:
    """(T, 1, I): each word its own feature."""
    return np.eye(count)[:, None, :]


def run(layer: Recurrent, x_TBI: Array) -> tuple[Array, Array]:
    """y (T, O) and the final h, directions side by side."""
    with torch.no_grad():
        y_TBO, (h, _) = layer(torch.from_numpy(np.ascontiguousarray(x_TBI)))
    return y_TBO[:, 0].numpy(), h[:, 0].reshape(-1).numpy()


def alone(both: Recurrent, size: int, backward: bool) -> Recurrent:
    """A forward layer with the weights of one direction of `both`."""
    layer = Recurrent(LSTM(), size, HIDDEN, dtype=torch.float64)
    theirs = both.views(0, backward)
    with torch.no_grad():
        for name, view in layer.views(0).items():
            view.copy_(theirs[name])
    return layer


def swapped(both: Recurrent, size: int) -> Recurrent:
    """The same layer with the weights of its directions exchanged."""
    layer = Recurrent(LSTM(), size, HIDDEN, bidirectional=True, dtype=torch.float64)
    with torch.no_grad():
        for backward in (False, True):
            theirs = both.views(0, not backward)
            for name, view in layer.views(0, backward).items():
                view.copy_(theirs[name])
    return layer


def dependences(layer: Recurrent, x_TBI: Array) -> int:
    """How many of the T · T derivatives of the sum of y_t by x_k are not 0."""
    x = torch.from_numpy(x_TBI).requires_grad_()
    y_TO = layer(x)[0][:, 0]
    rows = [torch.autograd.grad(y.sum(), x, retain_graph=True)[0] for y in y_TO]
    return sum(int((row.abs().amax(dim=(1, 2)) > 0).sum()) for row in rows)


def distances(words: tuple[str, ...]) -> dict[str, float]:
    """Largest differences that must be 0, of one sentence."""
    size = len(words)
    both, x = drawn_layer(LSTM(), size, HIDDEN, seed=3, bidirectional=True), one_hot(size)
    y, sentence = run(both, x)
    left, _ = run(alone(both, size, False), x)
    right, _ = run(alone(both, size, True), x[::-1])  # right[k] has read the last k + 1 words
    pairs = np.stack([np.concatenate([left[t], right[size - 1 - t]]) for t in range(size)])
    mirrored, _ = run(swapped(both, size), x[::-1])
    back = np.concatenate([mirrored[::-1, HIDDEN:], mirrored[::-1, :HIDDEN]], axis=1)
    return {
        "outputs − [hL_t, hR_{T−1−t}]": float(np.abs(y - pairs).max()),
        "sentence − [hL, hR] of the last steps": float(np.abs(sentence - np.concatenate([left[-1], right[-1]])).max()),
        "mirror image − output": float(np.abs(back - y).max()),
    }


def lesson() -> Lesson:
    """Pairs, sentence vector, who sees whom, the mirror."""
    size, x = len(WORDS), one_hot(len(WORDS))
    both = drawn_layer(LSTM(), size, HIDDEN, seed=3, bidirectional=True)
    forward = alone(both, size, False)
    y, sentence = run(both, x)
    turned = float(np.abs(run(forward, x)[1] - run(forward, x[::-1])[1]).max())
    rows = tuple(
        (word, f"hL_{t}", f"hR_{size - 1 - t}", " ".join(WORDS[: t + 1]), " ".join(WORDS[t:]))
        for t, word in enumerate(WORDS)
    )
    checks = {"words": distances(WORDS), "characters": distances(CHARACTERS)}
    numbers = [
        Number(f"{unit}: {name}", value, 0, "the same", 1e-12)
        for unit, found in checks.items()
        for name, value in found.items()
    ]
    return Lesson(
        "bidirectional",
        "Two directions: 我 爱 中国",
        (
            "A bidirectional layer is two layers with weights of their own. One reads the sentence from its "
            "beginning, the other from its end; at each word their outputs are put side by side, so that 50 "
            "units give 100 outputs.",
            Drawing(
                "bidirectional",
                "Three steps in both directions",
                bidirectional_svg(LSTM(), 3),
                "cellwright show LSTM --svg bidirectional.svg --bidirectional --unroll 3",
            ),
            "Take 我 / 爱 / 中国 (I, love, China). hL_k is the forward layer after k + 1 words, hR_k the backward one "
            "after k + 1 words, counted from the end.",
            Table(
                "What stands at each word", ("word", "left half", "right half", "left has read", "right has read"), rows
            ),
            "For one vector of the whole sentence take where each direction has finished: [hL_2, hR_2]. That is not "
            "the last row of the output: its right half, hR_0, has read 中国 alone. The final states of the layer are "
            "the right thing, and are what `LSTM(100)` in both directions returns in Keras.",
            "So every output depends on every word: a bidirectional network may fill a gap (cloze), and may not be "
            "asked for the next word, which it has already read.",
            "Is front to back the same as back to front, to a machine? Only as a symmetry of the whole: read the "
            "sentence backwards, exchange the weights of the directions, exchange the halves, and every number is "
            "the same. A forward network that reads a sentence backwards gives another state, and one that was "
            "trained forwards has learnt another language.",
        ),
        (
            *numbers,
            Number("outputs of 50 units", y.shape[1], 100, "2 H"),
            Number("width of the sentence's vector", len(sentence), 100, "2 H"),
            Number("pairs (t, k) with dy_t/dx_k ≠ 0, both directions", dependences(both, x), size * size, "T²"),
            Number("the same, forward alone", dependences(forward, x), size * (size + 1) // 2, "T (T + 1) / 2"),
            Number("forward alone on the reversed sentence is another state", int(turned > 1e-3), 1, "yes"),
        ),
        (
            "Schuster & Paliwal 1997, Bidirectional recurrent neural networks",
            "Graves & Schmidhuber 2005, Framewise phoneme classification with bidirectional LSTM",
        ),
    )
