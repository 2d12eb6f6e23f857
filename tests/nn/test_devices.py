"""Weights, x and states on different devices, other default devices and inference mode: a kernel reads plain memory.

"meta" stands for any device whose memory a kernel cannot read: a wrong address would end the process.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from cellwright import nn as cwnn
from cellwright.cells import MGU
from cellwright.engine.run import tables
from cellwright.errors import DeviceError
from cellwright.nn import Recurrent

I, H, T, B = 3, 4, 5, 2
LAYERS = {"LSTM": lambda **o: cwnn.LSTM(I, H, **o), "MGU": lambda **o: Recurrent(MGU(), I, H, **o)}
every_layer = pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)


def forget_tables() -> None:
    tables._ragged.cache_clear()
    tables._dense.cache_clear()


@pytest.fixture
def fresh() -> Iterator[None]:
    """Tables made in this test, not found from an earlier one, nor left for a later one."""
    forget_tables()
    yield
    forget_tables()


@every_layer
@pytest.mark.parametrize("backend", ["auto", "cpu", "reference"])
def test_weights_elsewhere_are_refused(make: Any, backend: str) -> None:
    x = torch.zeros(T, B, I)
    with pytest.raises(DeviceError, match=r"weights are on meta, x is on cpu(.|\n)*to_empty\(device='cpu'\)"):
        make(device="meta")(x, backend=backend)
    with pytest.raises(DeviceError, match=r"weights are on cpu, x is on meta(.|\n)*x\.to\('cpu'\)"):
        make()(x.to("meta"), backend=backend)


@every_layer
def test_steppers_and_traces_refuse_them_too(make: Any) -> None:
    layer = make(device="meta")
    with pytest.raises(DeviceError, match="the weights are on meta"):
        layer.stepper()
    with pytest.raises(DeviceError, match="weights are on meta, x is on cpu"):
        layer.trace(torch.zeros(T, B, I))


@every_layer
def test_a_state_elsewhere_is_refused(make: Any) -> None:
    layer = make()
    states = tuple(torch.zeros(1, B, H, device="meta") for _ in layer.state_sizes)
    with pytest.raises(DeviceError, match="state h is on meta"):
        layer(torch.zeros(T, B, I), states)


@every_layer
def test_one_weight_elsewhere_is_refused(make: Any) -> None:
    layer = make()
    layer.weight_hh_l0 = nn.Parameter(layer.weight_hh_l0.to("meta"))
    with pytest.raises(DeviceError, match="of one layer are on cpu and meta"):
        layer(torch.zeros(T, B, I))


@every_layer
def test_a_layer_made_without_memory_takes_weights_later(make: Any) -> None:
    known = make()
    with torch.device("meta"):
        empty = make()
    empty.to_empty(device="cpu").load_state_dict(known.state_dict())
    x = torch.randn(T, B, I)
    assert torch.equal(empty(x)[0], known(x)[0])


@every_layer
def test_another_default_device_changes_nothing(make: Any, fresh: None) -> None:
    layer, x = make(), torch.randn(T, B, I)
    lengths, flags = torch.tensor([3, 5]), torch.zeros(T, B, dtype=torch.bool)
    flags[2] = True
    packed = pack_padded_sequence(x, torch.tensor([5, 3]))

    def all_ways() -> list[torch.Tensor]:
        forget_tables()
        layer.checkpoint_segments = 1
        results = [layer(x)[0], layer(x, lengths=lengths, resets=flags)[0], layer(packed)[0].data]
        results += [layer.trace(x, grads=True)[0], layer.stepper(B)(x[0]).clone()]
        layer.checkpoint_segments = 2
        results.append(layer(x, lengths=lengths, resets=flags)[0])
        torch.stack([y.sum() for y in results if y.requires_grad]).sum().backward()
        return [y.detach() for y in results]

    expected = all_ways()
    with torch.device("meta"):
        found = all_ways()
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


@every_layer
def test_training_after_a_first_look_in_inference_mode(make: Any, fresh: None) -> None:
    layer, x = make(), torch.randn(T, B, I)
    with torch.inference_mode():
        y = layer(x, lengths=[3, 5])[0].clone()
        stepper = layer.stepper(B)
    trained, _ = layer(x, lengths=[3, 5])
    trained.sum().backward()
    assert torch.equal(trained, y)
    assert layer.weight_hh_l0.grad is not None
    assert torch.equal(stepper(x[0]), layer.stepper(B)(x[0]))
    stepper.reset()
    stepper.state = stepper.state
