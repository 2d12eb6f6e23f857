"""What a call leaves behind is freed at once: nothing waits, with its tensors, until Python searches for cycles."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence

from cellwright import nn as cwnn
from cellwright.cells import CELLS
from cellwright.nn import Recurrent

T, B, I, H = 5, 3, 4, 6


@pytest.fixture
def tensors_in_cycles() -> Iterator[Callable[[Callable[[], Any]], list[Tensor]]]:
    """The tensors that a second and a third call of a function leave for the search for cycles.

    Of the two the one with fewer: in one of them what torch's compilers kept of another test may be let go.
    """

    def left_by(work: Callable[[], Any]) -> list[Tensor]:
        gc.collect()
        gc.disable()
        gc.set_debug(gc.DEBUG_SAVEALL)
        work()
        gc.collect()
        left = [one for one in gc.garbage if isinstance(one, Tensor)]
        gc.set_debug(0)
        gc.garbage.clear()
        return left

    def found(work: Callable[[], Any]) -> list[Tensor]:
        work()
        return min((left_by(work) for _ in range(2)), key=len)

    yield found
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()


def trained(layer: Any, x: Any, **given: Any) -> None:
    y, ends = layer(x, **given)
    y = y.data if hasattr(y, "batch_sizes") else y
    loss = y.sin().sum() + sum(end.sum() for end in (ends if isinstance(ends, tuple) else (ends,)))
    loss.backward()


@pytest.mark.parametrize("backend", ["cpu", "reference"])
@pytest.mark.parametrize("name", CELLS)
def test_a_step_of_training(name: str, backend: str, cell_of: Any, tensors_in_cycles: Any) -> None:
    layer = Recurrent(cell_of(name), I, H, bidirectional=True)
    x = torch.randn(T, B, I)
    assert tensors_in_cycles(lambda: trained(layer, x, lengths=[5, 2, 3], backend=backend)) == []


def test_the_fixture_finds_a_cycle(tensors_in_cycles: Any) -> None:
    def leave() -> None:
        held: list[Any] = [torch.zeros(2)]
        held.append(held)

    assert len(tensors_in_cycles(leave)) == 1


WAYS: dict[str, Callable[[Any, Tensor], Any]] = {
    "a packed sequence": lambda layer, x: trained(layer, pack_padded_sequence(x, [5, 4, 2])),
    "resets": lambda layer, x: trained(layer, x, resets=torch.arange(T * B).view(T, B) % 4 == 0),
    "a trace": lambda layer, x: layer.trace(x),
    "no gradient": lambda layer, x: torch.no_grad()(layer)(x),
    "steps": lambda layer, x: [layer.stepper(B)(x_BI) for x_BI in x],
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("make", [cwnn.LSTM, cwnn.GRU, cwnn.RNN])
def test_other_ways_to_call(make: Any, way: str, tensors_in_cycles: Any) -> None:
    layer, x = make(I, H), torch.randn(T, B, I)
    assert tensors_in_cycles(lambda: WAYS[way](layer, x)) == []
