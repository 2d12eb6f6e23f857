"""What a process keeps of the cells it has run does not grow without end."""

from __future__ import annotations

import gc

import torch

from cellwright.cells import CELLS
from cellwright.engine import cache
from cellwright.engine.run import registry
from cellwright.nn import Recurrent


def run(hidden_size: int) -> None:
    layer = Recurrent(CELLS["MGU"](), 2, hidden_size)
    layer(torch.zeros(2, 1, 2, requires_grad=True))[0].sum().backward()


def test_code_is_given_back_when_nobody_needs_it() -> None:
    run(1)  # the product, which all cells share, stays
    registry._compiled.cache_clear()
    gc.collect()
    before = set(cache._loaded)
    for hidden_size in (90, 91, 92):
        run(hidden_size)
    assert len(set(cache._loaded) - before) == 6  # forward and backward
    registry._compiled.cache_clear()
    gc.collect()
    assert not set(cache._loaded) - before


def test_traced_cells_are_forgotten_but_for_gradients_to_come() -> None:
    layer = Recurrent(CELLS["LSTM"](), 2, 3)
    y, state, names = layer.trace(torch.zeros(2, 1, 2), grads=True)
    limit = registry._traced.cache_info().maxsize
    assert limit is not None
    for size in range(1, limit + 10):
        registry.traced_for(CELLS["IndRNN"](), 1, size, True, torch.float32, text="IndRNN")
    gc.collect()
    assert len(registry._named) <= limit + 1
    y.sum().backward()
    assert names[0][0]["f"].grad is not None
    del y, state, names
    gc.collect()
    assert len(registry._named) <= limit
