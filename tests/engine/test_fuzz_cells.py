"""Library cells in every form of input, compiled, against the plain loop in float64: values and gradients.

CELLWRIGHT_FUZZ says how many cases, 2,000 if unset. KERNELS are the only ones compiled, forward and backward of each;
they are kept in one folder for the session, so that each is compiled once.
"""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from cellwright import nn as cwnn

CASES = int(os.environ.get("CELLWRIGHT_FUZZ", "2000"))
CHUNKS = 10
# (input size, hidden size): alone, around a vector of 4, 8 or 16 numbers and a panel of two; I = H and I = 2 H can
# stand on themselves as a second layer
PAIRS = [
    *((1, 1), (2, 2), (3, 3), (7, 7), (8, 8), (9, 9), (16, 16), (33, 33), (64, 64)),
    *((2, 1), (14, 7), (16, 8), (18, 9), (66, 33), (34, 17)),
    *((1, 7), (7, 1), (8, 1), (1, 9), (64, 8), (9, 33), (33, 5), (5, 24), (3, 31)),
]
CELLS = [
    *("Elman-tanh", "Elman-relu", "Elman-V", "Elman-V-softmax", "Jordan", "Jordan-sigmoid", "LSTM", "LSTM1997"),
    *("Peephole-ifo", "Peephole-o", "Peephole-none", "CIFG", "LSTMP", "GRU", "GRUResetBefore", "MGU", "JANET"),
    *("UGRNN", "LiGRU", "LayerNormLSTM", "LayerNormGRU", "MultiplicativeLSTM", "ONLSTM", "SLSTM", "SLSTM-exp"),
    *("IndRNN", "IndRNN-tanh", "SRU", "MinGRU", "MinLSTM", "LeakyRNN", "LeakyRNN-relu", "CoRNN", "LEM"),
]
# 72 pairs of programs with the product, its packing and the team: below 150 kernels
KERNELS = [
    (CELLS[k % len(CELLS)], *PAIRS[(5 * k + k // len(CELLS)) % len(PAIRS)], torch.float64 if k >= 46 else torch.float32)
    for k in range(72)
]
# SLSTM divides by a state, layer norm by a spread that may be √1e-5: how much such a step makes of a rounding is seen
# from the plain loop in float32, 32 times its worst error, as that is a matter of luck. Of other cells few cases may
# need this, and 8 times: where all results are small differences of larger numbers.
ILL = ("SLSTM", "LayerNorm")
EXCUSED = 0.05
FORWARD, GRAD_X, GRAD_W = 8, 16, 32


@dataclass(frozen=True)
class Case:
    kernel: tuple[str, int, int, torch.dtype]
    form: str
    lengths: tuple[int, ...]
    steps: int
    bidirectional: bool
    layers: int
    resets: bool
    initial: bool
    threads: int
    seed: int


@st.composite
def drawn(draw: Any, kernels: Any) -> Case:
    kernel = draw(st.sampled_from(kernels))
    form = draw(st.sampled_from(["time", "batch", "unbatched", "packed", "lengths"]))
    steps, batch = draw(st.integers(0, 9)), draw(st.integers(0, 9))
    if form == "unbatched":
        batch = 1
    if form == "packed":  # torch packs no empty sequence
        steps, batch = max(steps, 1), max(batch, 1)
    low = 1 if form == "packed" else 0
    lengths = tuple(draw(st.lists(st.integers(low, steps), min_size=batch, max_size=batch)))
    return Case(
        kernel, form, lengths, steps, draw(st.booleans()), draw(st.integers(1, 2)),
        form != "packed" and draw(st.booleans()), draw(st.booleans()),
        draw(st.integers(1, 2)), draw(st.integers(0, 99)),
    )  # fmt: skip


def made(case: Case, cases: Any) -> Any:
    """The layer; two layers only where the second is of the same kernel."""
    name, input_size, hidden_size, dtype = case.kernel
    cell = cases.LIBRARY[name]()
    width = cell.output_size(hidden_size) * (1 + case.bidirectional)
    layers = case.layers if width == input_size else 1
    torch.manual_seed(case.seed)
    options = {"num_layers": layers, "bidirectional": case.bidirectional, "batch_first": case.form == "batch"}
    return cwnn.layer(cell, input_size, hidden_size, dtype=dtype, **options)


def inputs(case: Case, layer: Any) -> tuple[Any, Any, dict[str, Any], list[Tensor]]:
    """x, the initial states, named arguments, and the leaves of the gradient besides the weights."""
    batch, dtype = len(case.lengths), case.kernel[3]
    shape = {"batch": (batch, case.steps), "unbatched": (case.steps,)}.get(case.form, (case.steps, batch))
    x = torch.randn(*shape, layer.input_size, dtype=dtype, requires_grad=True)
    rows = layer.num_layers * (1 + case.bidirectional)
    outer = (rows,) if case.form == "unbatched" else (rows, batch)
    state = [torch.randn(*outer, size, dtype=dtype).mul_(0.5) for size in layer.state_sizes.values()]
    if "SLSTM" in case.kernel[0]:
        state[2:] = [1 + part.abs() for part in state[2:]]  # a sum of weights, and the largest exponent
    state = [part.requires_grad_() for part in state] if case.initial else []
    named: dict[str, Any] = {}
    if case.form == "lengths":
        named["lengths"] = torch.tensor(case.lengths, dtype=torch.int64)
    if case.resets:
        named["resets"] = torch.rand(shape) < 0.3
    given = None if not state else state[0] if isinstance(layer, cwnn.GRU | cwnn.RNN) else tuple(state)
    return x, given, named, [x, *state]


def run(
    case: Case, layer: Any, x: Tensor, state: Any, named: dict[str, Any], leaves: list[Tensor]
) -> list[list[Tensor]]:
    """[outputs], [gradients of x and states], [gradients of weights]."""
    packed = pack_padded_sequence(x, list(case.lengths), enforce_sorted=False) if case.form == "packed" else x
    y, ends = layer(packed, state, **named)
    y = y.data if isinstance(y, PackedSequence) else y
    outputs = [y, *(ends if isinstance(ends, tuple) else (ends,))]
    generator = torch.Generator().manual_seed(1)
    weights = list(layer.parameters())
    loss = sum((o * torch.randn(o.shape, generator=generator).to(o.dtype)).sum() for o in outputs)
    parts = [*leaves, *weights]
    if isinstance(loss, Tensor) and loss.requires_grad:
        found = torch.autograd.grad(loss, parts, allow_unused=True, materialize_grads=True)
    else:  # no step at all
        found = tuple(torch.zeros_like(part) for part in parts)
    return [[o.detach() for o in outputs], list(found[: len(leaves)]), list(found[len(leaves) :])]


def as_type(value: Any, dtype: torch.dtype) -> Any:
    if isinstance(value, tuple):
        return tuple(as_type(v, dtype) for v in value)
    return None if value is None else value.detach().to(dtype, copy=True).requires_grad_()


def errors(ours: list[Tensor], exact: list[Tensor]) -> list[float]:
    """Largest difference of each in eps of the largest value of all: one number alone may be a small difference."""
    scale = max([1e-3, *(float(e.abs().max()) for e in exact if e.numel())])
    eps = torch.finfo(ours[0].dtype).eps
    return [
        float((o.double() - e).abs().max()) / (eps * scale) if e.numel() else 0.0
        for o, e in zip(ours, exact, strict=True)
    ]


def looped(
    case: Case, layer: Any, x: Tensor, state: Any, named: dict[str, Any], dtype: torch.dtype
) -> list[list[Tensor]]:
    """`run` in the plain loop, in another type."""
    x, state = as_type(x, dtype), as_type(state, dtype)
    leaves = [x, *(() if state is None else state if isinstance(state, tuple) else (state,))]
    return run(case, copy.deepcopy(layer).to(dtype), x, state, named | {"backend": "reference"}, leaves)


def check(case: Case, cases: Any) -> bool:
    """Whether all errors are within the bounds by themselves; fails where the plain loop does not excuse them."""
    layer = made(case, cases)
    x, state, named, leaves = inputs(case, layer)
    ours = run(case, layer, x, state, named | {"backend": "cpu"}, leaves)
    exact = looped(case, layer, x, state, named, torch.float64)
    over = []
    for group, bound in enumerate((FORWARD, GRAD_X, GRAD_W)):
        assert [mine.shape for mine in ours[group]] == [theirs.shape for theirs in exact[group]]
        worst = max(errors(ours[group], exact[group]))
        if not worst <= bound:
            over.append((group, worst))
    if over:
        plain = looped(case, layer, x, state, named, torch.float32)
        for group, worst in over:
            luck = 32 if any(name in case.kernel[0] for name in ILL) else 8
            assert worst <= luck * max(errors(plain[group], exact[group])), (group, worst, case)
    return not over


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_a_compiled_layer_is_the_plain_loop_in_float64(chunk: int, cases: Any) -> None:
    @settings(
        max_examples=CASES // CHUNKS, derandomize=True, deadline=None, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(drawn(KERNELS[chunk::CHUNKS]))
    def one(case: Case) -> None:
        torch.set_num_threads(case.threads)
        try:
            within = check(case, cases)
        finally:
            torch.set_num_threads(1)
        excused[0] += not within and not any(name in case.kernel[0] for name in ILL)

    excused = [0]
    one()
    assert excused[0] <= EXCUSED * CASES / CHUNKS


def test_the_cases_share_few_kernels() -> None:
    assert len(PAIRS) == len(set(PAIRS)) == 24
    assert len(set(KERNELS)) == len(KERNELS) == 72
    assert {name for name, *_ in KERNELS} == set(CELLS)
    assert 2 * len(KERNELS) + 6 <= 150  # forward and backward; for each type the product, its packing and the team
