"""What the layer tests compare: outputs, final states and every gradient under random cotangents."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

torch.set_num_threads(1)

Results = dict[str, Tensor]


def flat(value: Any) -> list[Tensor]:
    """The tensors of a layer's output: y or the packed data, then the states."""
    if isinstance(value, PackedSequence):
        return [value.data]
    return [value] if isinstance(value, Tensor) else [tensor for part in value for tensor in flat(part)]


def value_and_gradients(call: Callable[[], Any], leaves: Iterable[Tensor]) -> Results:
    """Outputs of `call` and the gradients of a random linear function of all of them."""
    outputs = flat(call())
    generator = torch.Generator().manual_seed(7)
    loss = sum((y * torch.randn(y.shape, generator=generator, dtype=y.dtype)).sum() for y in outputs)
    gradients = torch.autograd.grad(loss, list(leaves), allow_unused=True)
    named = {f"output {k}": y.detach() for k, y in enumerate(outputs)}
    return named | {f"gradient {k}": g for k, g in enumerate(gradients) if g is not None}


def assert_same(ours: Results, theirs: Results, tolerance: float) -> None:
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        assert tensor.shape == theirs[name].shape, name
        assert bool(tensor.isfinite().all()), name
        worst = float((tensor - theirs[name]).abs().max()) if tensor.numel() else 0.0
        assert worst <= tolerance * max(1.0, float(theirs[name].abs().max()) if tensor.numel() else 1.0), (name, worst)


@pytest.fixture
def same() -> Callable[..., None]:
    """same(call, reference_call, leaves, reference_leaves=leaves, tolerance=1e-12): equal values and gradients."""

    def check(
        call: Callable[[], Any],
        reference: Callable[[], Any],
        leaves: list[Tensor],
        reference_leaves: list[Tensor] | None = None,
        tolerance: float = 1e-12,
    ) -> None:
        theirs = value_and_gradients(reference, leaves if reference_leaves is None else reference_leaves)
        assert_same(value_and_gradients(call, leaves), theirs, tolerance)

    return check
