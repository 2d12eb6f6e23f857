"""Which words a number comes from: integrated gradients, gradient times input, and deletion.

All are at what the first recurrent layer reads, x (T, I): the features of each word, or a layer's own input.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from cellwright.errors import ConfigError
from cellwright.microscope.figure import Array, Check, Figure
from cellwright.microscope.path_integral import (
    AT_ONCE,
    LITTLE,
    METHODS,
    Method,
    gradients_at,
    integral,
    integral_until_complete,
    way,
)
from cellwright.microscope.subject import Subject, subject

__all__ = ["BASELINES", "deletion", "gradient_times_input", "integrated_gradients"]

Baseline = Literal["zero", "mean", "pad"]
BASELINES = ("zero", "mean", "pad")
UNKNOWN = "\ue000"  # of the private use area: a word in no vocabulary


def integrated_gradients(
    model_or_layer: Any,
    inputs: Any,
    *,
    target: Callable[[Any], Tensor] | None = None,
    baseline: Baseline | Array | Tensor = "zero",
    points: int | None = None,
    method: Method = "gauss",
    state: Sequence[Any] | None = None,
) -> Figure:
    """How much of a number each word brings, on the straight way from a baseline to the input.

    Args:
        model_or_layer, inputs, target, state: as `cellwright.inspect`, of one sequence.
        baseline: what stands for no information: "zero", "mean" of the sequence's own steps, "pad", what the network
            reads where there is no word; or rows (I) or (T, I) of your own.
        points: gradients on the way. If not given, 16 on pieces of it, the worst of which is cut in two until nothing
            is left out: what a piece leaves out says where F bends. 256 at most, 1,024 while a hundredth is left out.
        method: "gauss": Gauss-Legendre points, exact for polynomials of degree 2 m − 1; "midpoint": the middles of m
            equal pieces, whose error falls with m².

    Formula     IG = (x − x′) ⊙ ∫₀¹ dF/dx (x′ + α (x − x′)) dα
    Unit        that of the target    Range any; signed
    Source      Sundararajan, Taly & Yan 2017, arXiv:1703.01365v2
    Adds up     Σ IG, from gradients on the way = F(x) − F(x′), from its two ends by the plain loop, less what the
                integral leaves out, which is shown: none for a smooth F, some where relu or a maximum over time makes
                corners. What remains is rounding: within 1e-9 of F.

    Raises:
        ConfigError: an unknown baseline or method; no points; no padding in a layer by itself.
        DataError, ShapeError, TrainingError: as `inspect`.
    """
    if method not in METHODS:
        raise ConfigError(f"Expected method {' or '.join(METHODS)}, found {method!r}.")
    if points is not None and points < 1:
        raise ConfigError(f"Expected one point or more, found points={points}.")
    asked = subject(model_or_layer, inputs, target, state)
    x_TI = asked.reads()
    start_TI, name = _baseline(asked, x_TI, baseline)
    with torch.no_grad():
        ends = torch.stack([start_TI, x_TI])
        low, high = asked.values_of(ends).tolist()
        low_again, high_again = asked.values_of(ends, backend="reference").tolist()
    if points is None:
        share_TI, count = integral_until_complete(asked, start_TI, x_TI)
    else:
        share_TI, count = integral(asked, start_TI, x_TI, points, method), points
    score_T = share_TI.sum(1).numpy()
    left_out = high - low - float(share_TI.sum())
    return Figure(
        name="integrated_gradients",
        title=f"What each {asked.unit} brings to {asked.name}",
        formula="(x − x′) ⊙ mean of dF/dx on the way from x′ to x, summed over features",
        unit=f"of {asked.name}",
        range="any, signed",
        source="Sundararajan, Taly & Yan 2017, arXiv:1703.01365v2",
        arrays={"score": score_T, "by_feature": share_TI.numpy(), "left_out": np.array([left_out])},
        axes={"score": ("t",), "by_feature": ("t", "feature"), "left_out": ("integral",)},
        labels={"t": asked.words, "integral": ("left out",)},
        check=Check(
            "Σ IG = F(x) − F(x′) − left out",
            score_T.sum(),
            np.array(high_again - low_again - left_out),
            1e-9 * max(1.0, abs(high), abs(low)),
        ),
        notes=(
            f"Baseline {name}. F(x) − F(x′) = {high - low:.6g}. {count} points, {method}.",
            f"The integral leaves out {left_out:.1e}.",
        ),
        verdict=_ranking(asked, score_T)
        + ("" if abs(left_out) <= LITTLE * abs(high - low) else f" Not reliable: {left_out:.2g} is in no word."),
    )


def gradient_times_input(
    model_or_layer: Any,
    inputs: Any,
    *,
    target: Callable[[Any], Tensor] | None = None,
    baseline: Baseline | Array | Tensor = "zero",
    state: Sequence[Any] | None = None,
) -> Figure:
    """The first-order guess at what each word brings: one gradient, at the input itself.

    Args: as `integrated_gradients`.

    Formula     (x − x′) ⊙ dF/dx
    Unit        that of the target    Range any; signed
    Source      Shrikumar et al. 2016, arXiv:1605.01713v3
    Adds up     Σ, from one backward pass = d/dα F(x′ + α (x − x′)) at α = 1, from four values of F beside it (a
                five-point difference with step 1e-3). Its error is 1e-12 of a fifth derivative and 1e-13 of F: within
                1e-7 unless F bends sharply there.
    """
    asked = subject(model_or_layer, inputs, target, state)
    x_TI = asked.reads()
    start_TI, name = _baseline(asked, x_TI, baseline)
    share_TI = (x_TI - start_TI) * gradients_at(asked, x_TI[None])[0]
    score_T = share_TI.sum(1).numpy()
    step = 1e-3
    places = [1 + k * step for k in (1, -1, 2, -2)]
    with torch.no_grad():
        after, before, far_after, far_before = asked.values_of(way(start_TI, x_TI, places)).tolist()
    slope = (8 * (after - before) - (far_after - far_before)) / (12 * step)
    return Figure(
        name="gradient_times_input",
        title=f"Gradient times input of {asked.name}",
        formula="(x − x′) ⊙ dF/dx, summed over features",
        unit=f"of {asked.name}",
        range="any, signed",
        source="Shrikumar et al. 2016, arXiv:1605.01713v3",
        arrays={"score": score_T, "by_feature": share_TI.numpy()},
        axes={"score": ("t",), "by_feature": ("t", "feature")},
        labels={"t": asked.words},
        check=Check("Σ (x − x′) dF/dx = dF/dα at α = 1", score_T.sum(), np.array(slope), 1e-7 * max(1.0, abs(slope))),
        notes=(f"Baseline {name}.", "A slope, no share: it does not add up to F unless F is linear."),
        verdict=_ranking(asked, score_T),
    )


def deletion(
    model_or_layer: Any,
    inputs: Any,
    *,
    how: str = "remove",
    target: Callable[[Any], Tensor] | None = None,
    state: Sequence[Any] | None = None,
) -> Figure:
    """By how much a number drops when one word is not there: what a change of the text itself does.

    Args:
        model_or_layer, inputs, target, state: as `cellwright.inspect`, of one sequence.
        how: "remove": the text without the word, the sequence without the step; "unknown": a word that the model does
            not know in its place; "zero", "mean", "pad": what the first recurrent layer reads there, as the baselines
            of `integrated_gradients`.

    Formula     drop_t = F(x) − F(x without t)
    Unit        that of the target    Range any; above 0: the word speaks for the target
    Source      Li, Monroe & Jurafsky 2016, "Understanding Neural Networks through Representation Erasure"
    Adds up     drop_t + F(without t), by the compiled kernels = F(x) by the plain loop, a step at a time. Both are F
                within the rounding of T steps, 1e-9 of the larger value.

    Raises:
        ConfigError: an unknown `how`; a text without its only word; "remove" where the number is of one decision a
            word; "unknown" where there is no text.
    """
    asked = subject(model_or_layer, inputs, target, state)
    with torch.no_grad():
        whole = float(asked.value())
        left = _without(asked, how)
        again = float(asked.values_of(asked.reads()[None], backend="reference")[0])
    drop = whole - left
    changed = {"remove": "removed", "unknown": "replaced by an unknown word"}.get(how, f"replaced by {how}")
    return Figure(
        name="deletion",
        title=f"Drop of {asked.name} when a {asked.unit} is {changed}",
        formula="F(x) − F(x without t)",
        unit=f"of {asked.name}",
        range="any; above 0: speaks for the target",
        source="Li, Monroe & Jurafsky 2016, arXiv:1612.08220v3",
        arrays={"drop": drop, "without": left},
        axes={"drop": ("t",), "without": ("t",)},
        labels={"t": asked.words},
        check=Check("drop + F(without) = F(x)", drop + left, np.full(len(drop), again), 1e-9 * max(1.0, abs(again))),
        notes=(f"F(x) = {whole:.6g}.", "Two words that say the same hide each other: neither drops anything alone."),
        verdict=_ranking(asked, drop),
    )


def _without(asked: Subject, how: str) -> Array:
    """(T,): the number without each step."""
    words, x_TI = asked.words, asked.reads()
    if how in BASELINES:
        row_TI, _ = _baseline(asked, x_TI, how)
        there_TT1 = torch.eye(len(x_TI), dtype=torch.bool)[..., None]
        return _in_pieces(asked, torch.where(there_TT1, row_TI, x_TI))
    if how not in ("remove", "unknown"):
        raise ConfigError(f"Expected how = remove, unknown, {', '.join(BASELINES)}, found {how!r}.")
    if how == "remove" and len(words) < 2:
        raise ConfigError("Expected two steps or more, found one: without it nothing is left.", repair='how="zero"')
    if how == "remove" and asked.per_word:
        raise ConfigError(
            f"Expected a number of the whole text, found {asked.name}: without a word it is another number.",
            repair='Replace the word: how="unknown"; or give a target.',
        )
    if asked.reread is not None:
        instead = [] if how == "remove" else [UNKNOWN]
        texts = ([*words[:t], *instead, *words[t + 1 :]] for t in range(len(words)))
        return np.array([float(asked.scored(asked.reread(text))) for text in texts])
    if how == "remove" and asked.alone:
        return _in_pieces(asked, torch.stack([torch.cat([x_TI[:t], x_TI[t + 1 :]]) for t in range(len(x_TI))]))
    raise ConfigError(f"Expected a text, found numbers: how={how!r} is of words.", repair='how="zero"')


def _in_pieces(asked: Subject, x_NTI: Tensor) -> Array:
    return torch.cat([asked.values_of(x_NTI[n : n + AT_ONCE]) for n in range(0, len(x_NTI), AT_ONCE)]).numpy()


def _baseline(asked: Subject, x_TI: Tensor, baseline: Any) -> tuple[Tensor, str]:
    """(T, I) and its name."""
    if not isinstance(baseline, str):
        row = torch.as_tensor(baseline, dtype=torch.float64)
        if row.shape not in (x_TI.shape, x_TI.shape[1:]):
            raise ConfigError(
                f"Expected a baseline of shape {tuple(x_TI.shape[1:])} or {tuple(x_TI.shape)}, found"
                f" {tuple(row.shape)}."
            )
        return row.expand_as(x_TI), "of your own"
    if baseline == "zero":
        return torch.zeros_like(x_TI), "zero"
    if baseline == "mean":
        return x_TI.mean(0).expand_as(x_TI), f"mean of the {asked.unit}s of this sequence"
    if baseline != "pad":
        raise ConfigError(f"Expected a baseline {', '.join(BASELINES)} or an array, found {baseline!r}.")
    if asked.pad is None:
        raise ConfigError("Expected a text, found numbers: there is no padding.", repair='baseline="zero"')
    with torch.no_grad():
        return asked.pad().expand_as(x_TI), "pad: what the network reads where there is no word"


def _ranking(asked: Subject, score: Array) -> str:
    order = np.argsort(-np.abs(score))[:5]
    said = ", ".join(f"{asked.words[t]} {score[t]:+.3g}" for t in order)
    return f"Largest first: {said}."
