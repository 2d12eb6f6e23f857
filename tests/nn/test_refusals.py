"""What the layers refuse, and what the message says to do instead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence

import cellwright.nn as cwnn
from cellwright.cells import CELLS, Cell
from cellwright.errors import BackendError, CellError, ConfigError, DtypeError, ShapeError
from cellwright.nn import Recurrent

I, H, T, B = 3, 4, 5, 2
LAYERS = {
    "LSTM": lambda **o: cwnn.LSTM(I, H, **o),
    "GRU": lambda **o: cwnn.GRU(I, H, **o),
    "RNN": lambda **o: cwnn.RNN(I, H, **o),
    "MGU": lambda **o: Recurrent(CELLS["MGU"](), I, H, **o),
    "CIFG": lambda **o: Recurrent(CELLS["CIFG"](), I, H, **o),
}
every_layer = pytest.mark.parametrize("name", LAYERS)
either_backend = pytest.mark.parametrize("backend", ["auto", "reference"])
X = torch.zeros(T, B, I)


def refused(error: type[Exception], call: Any, *parts: str) -> None:
    """`call` raises `error`, and its text holds every part."""
    with pytest.raises(error) as caught:
        call()
    for part in parts:
        assert part in str(caught.value)


@every_layer
def test_a_backend_not_built_yet_is_refused(name: str) -> None:
    message = f'backend="cuda" of {name} is not built yet.'
    refused(BackendError, lambda: LAYERS[name]()(X, backend="cuda"), message, 'Use backend="auto"', '"reference"')


@every_layer
def test_kernels_asked_for_where_there_are_none_are_an_error(name: str) -> None:
    layer = LAYERS[name]().half()
    call = lambda: layer(X.half(), backend="cpu")  # noqa: E731
    refused(BackendError, call, f"no kernels for {layer.cell.name}", "x is float16", 'Use backend="auto".')


@every_layer
def test_an_unknown_backend_is_refused_with_the_list(name: str) -> None:
    message = f"{name} has no backend 'fast'. Backends: auto, reference, cpu, cuda."
    refused(BackendError, lambda: LAYERS[name]()(X, backend="fast"), message)


@every_layer
@either_backend
def test_resets_that_do_not_fit_are_refused(name: str, backend: str) -> None:
    layer, flags = LAYERS[name](), torch.zeros(T, B, dtype=torch.bool)
    shape = "got resets of shape (2, 5): one flag for each step of x is (5, 2)."
    refused(ShapeError, lambda: layer(X, resets=flags.t(), backend=backend), shape, "x is (time, batch)")
    kind = "got resets of float32: they are flags."
    refused(DtypeError, lambda: layer(X, resets=flags.float(), backend=backend), kind, "resets.bool()")
    kind = "got resets as str: they are flags."
    refused(DtypeError, lambda: layer(X, resets="x", backend=backend), kind, "a tensor of bool")
    packed = pack_padded_sequence(X, [5, 4])
    refused(ShapeError, lambda: layer(packed, resets=flags, backend=backend), "with a PackedSequence", "with lengths=")


@every_layer
@either_backend
@pytest.mark.parametrize("shape", [(I,), (T, B, 1, I), ()])
def test_input_with_a_wrong_number_of_axes_is_refused(name: str, backend: str, shape: Any) -> None:
    message = f"{name}(3 → 4) got x of shape {shape}: x must have 3 axes, or 2 for one sequence."
    refused(
        ShapeError,
        lambda: LAYERS[name]()(torch.zeros(shape), backend=backend),
        message,
        "x is (time, batch, input) because batch_first=False.",
    )


@every_layer
@either_backend
def test_input_of_a_wrong_width_is_refused_in_every_form(name: str, backend: str) -> None:
    wide = torch.zeros(T, B, I + 1)
    last = "the last axis must be input_size = 3."
    layer, batch_first = LAYERS[name](), LAYERS[name](batch_first=True)
    for call, axes in (
        (lambda: layer(wide, backend=backend), "x is (time, batch, input) because batch_first=False."),
        (lambda: batch_first(wide, backend=backend), "x is (batch, time, input) because batch_first=True."),
        (lambda: layer(wide[:, 0], backend=backend), "x is (time, input): one sequence, without a batch axis."),
        (lambda: layer(pack_padded_sequence(wide, [5, 4]), backend=backend), "x.data is (all valid steps, input)."),
    ):
        refused(ShapeError, call, last, axes)
    assert issubclass(ShapeError, ValueError)


@every_layer
@either_backend
@pytest.mark.parametrize(
    ("dtype", "repair"),
    [
        (torch.float64, "Convert the input: x.float(), or the layer: layer.double()."),
        (torch.bfloat16, "Convert the input: x.float(), or the layer: layer.bfloat16()."),
        (torch.int64, "Convert the input: x.float()."),
    ],
)
def test_input_of_another_dtype_is_refused(name: str, backend: str, dtype: torch.dtype, repair: str) -> None:
    message = f"{name} weights are float32, x is {str(dtype).removeprefix('torch.')}."
    refused(DtypeError, lambda: LAYERS[name]()(X.to(dtype), backend=backend), message, repair)
    assert issubclass(DtypeError, TypeError)


@every_layer
@either_backend
@pytest.mark.parametrize(
    ("lengths", "error", "message"),
    [
        ([5], ShapeError, "lengths has shape (1,): it must hold one length for each of 2 sequences."),
        (3, ShapeError, "lengths has shape (1,)"),
        ([5, 4, 3], ShapeError, "lengths has shape (3,)"),
        ([[5, 4]], ShapeError, "lengths has shape (1, 2)"),
        ([4, 6], ShapeError, "lengths[1] is 6: a length lies between 0 and 5, the steps of x."),
        ([-1, 5], ShapeError, "lengths[0] is -1"),
        ([2.0, 5.0], DtypeError, "lengths are float32: they must be whole numbers of steps."),
        (torch.ones(T, B, dtype=torch.bool), DtypeError, "lengths are bool"),
        (torch.tensor([True, False]), DtypeError, "mask.sum(time axis) for a boolean mask."),
    ],
)
def test_lengths_that_do_not_fit_are_refused(
    name: str, backend: str, lengths: Any, error: type[Exception], message: str
) -> None:
    refused(error, lambda: LAYERS[name]()(X, lengths=lengths, backend=backend), message)


@every_layer
@either_backend
def test_lengths_with_a_packed_sequence_are_refused(name: str, backend: str) -> None:
    packed = pack_padded_sequence(X, [5, 4])
    call = lambda: LAYERS[name]()(packed, lengths=[5, 4], backend=backend)  # noqa: E731
    refused(ShapeError, call, "got lengths= with a PackedSequence", "or the PackedSequence alone.")


@every_layer
@either_backend
@pytest.mark.parametrize("shape", [(1, B, H), (2, B + 1, H), (2, B, H + 1), (B, 2, H, 1), (2, H)])
def test_a_state_of_a_wrong_shape_is_refused_by_name(name: str, backend: str, shape: Any) -> None:
    layer = LAYERS[name](bidirectional=True, batch_first=True)
    states = (*tuple(torch.zeros(2, B, H) for _ in layer.state_sizes)[:-1], torch.zeros(shape))
    last = list(layer.state_sizes)[-1]
    given = states if name in ("LSTM", "CIFG", "MGU") else states[0]
    refused(
        ShapeError,
        lambda: layer(X.transpose(0, 1), given, backend=backend),
        f"got state {last} of shape {shape}: it must be (2, 2, 4).",
        "A state is (layers·directions, batch, size), also with batch_first=True.",
    )


@every_layer
@either_backend
def test_a_batched_state_for_one_sequence_is_refused(name: str, backend: str) -> None:
    layer = LAYERS[name]()
    states = tuple(torch.zeros(1, 1, H) for _ in layer.state_sizes)
    call = lambda: layer(X[:, 0], states, backend=backend)  # noqa: E731
    refused(ShapeError, call, "it must be (1, 4).", "A state is (layers·directions, size)")


@every_layer
@either_backend
def test_a_wrong_number_of_states_is_refused(name: str, backend: str) -> None:
    layer = LAYERS[name]()
    count = len(layer.state_sizes)
    states = tuple(torch.zeros(1, B, H) for _ in range(count + 1))
    names = ", ".join(layer.state_sizes)
    repair = f"Pass a tuple of {count}"
    refused(ShapeError, lambda: layer(X, states, backend=backend), f"a state of {count + 1} tensors", names, repair)
    if name in ("LSTM", "CIFG", "MGU"):
        refused(ShapeError, lambda: layer(X, states[0], backend=backend), "a state of one tensor", names, repair)


@every_layer
@either_backend
def test_a_state_of_another_dtype_is_refused(name: str, backend: str) -> None:
    layer = LAYERS[name]()
    states = tuple(torch.zeros(1, B, H, dtype=torch.float64) for _ in layer.state_sizes)
    call = lambda: layer(X, states, backend=backend)  # noqa: E731
    refused(DtypeError, call, "weights are float32, state h is float64.", "h.float()", "layer.double()")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stack": "both"}, 'MGU has no stack=\'both\'.\n    Choose "joint" or "separate".'),
        ({"num_layers": 0}, "MGU(3 → 4) with num_layers=0: all must be whole numbers of at least 1."),
        ({"num_layers": 1.5}, "num_layers=1.5: all must be whole numbers"),
        ({"num_layers": "2"}, "num_layers='2': all must be whole numbers"),
        ({"dropout": None, "num_layers": 2}, "dropout=None of MGU is no probability."),
        ({"dropout": "0.5", "num_layers": 2}, "dropout='0.5' of MGU is no probability."),
        ({"dropout": True, "num_layers": 2}, "dropout=True of MGU is no probability."),
        ({"dropout": 1.5, "num_layers": 2}, "dropout=1.5 of MGU is no probability."),
        ({"dropout": -0.1, "num_layers": 2}, "dropout=-0.1 of MGU is no probability."),
    ],
)
def test_settings_of_a_layer_that_mean_nothing_are_refused(options: Any, message: str) -> None:
    refused(ConfigError, lambda: LAYERS["MGU"](**options), message)


def test_sizes_below_one_are_refused() -> None:
    for sizes in ((0, 4), (3, 0), (3.0, 4), (3, "4"), (None, 4)):
        refused(ConfigError, lambda s=sizes: Recurrent(CELLS["MGU"](), *s), "whole numbers of at least 1.")
    assert Recurrent(CELLS["MGU"](), np.int64(3), np.int32(4)).weight_ih_l0.shape == (8, 3)


def test_dropout_in_a_single_layer_warns_that_it_does_nothing() -> None:
    with pytest.warns(UserWarning, match=r"dropout=0\.5 of MGU does nothing: it acts between layers") as caught:
        LAYERS["MGU"](dropout=0.5)
    assert Path(caught[0].filename).name == Path(__file__).name


@pytest.mark.parametrize(
    ("given", "parts"),
    [
        (CELLS["MGU"], ("found the class MGU itself.", "Make one: MGU().")),
        ("GRU", ("found the text 'GRU'.", "cw.cells.GRU()")),
        ("mine", ("found the text 'mine'.", "cw.cells.LSTM()")),
        (None, ("found NoneType.", "cw.cells.LSTM()")),
    ],
)
def test_what_is_no_cell_is_refused(given: Any, parts: tuple[str, ...]) -> None:
    refused(CellError, lambda: Recurrent(given, I, H), "Expected a cell", *parts)
    refused(CellError, lambda: cwnn.layer(given, I, H), "Expected a cell", *parts)


@either_backend
def test_an_error_in_a_step_names_the_line(backend: str) -> None:
    class Misspelt(Cell):
        gates = "u"

        def step(self, x, h, W, R, b):
            return tnah(W.u @ x + R.u @ h)  # noqa: F821

    refused(CellError, lambda: Recurrent(Misspelt(), I, H)(X, backend=backend), "name tnah", __file__, "tnah(W.u @ x")


@every_layer
def test_what_is_no_tensor_is_refused(name: str) -> None:
    layer = LAYERS[name]()
    states = [torch.zeros(1, B, size) for size in layer.state_sizes.values()]
    refused(DtypeError, lambda: layer(X.numpy()), "got x as ndarray: it must be a torch tensor.", "torch.as_tensor")
    arrays = tuple(state.numpy() for state in states)
    refused(DtypeError, lambda: layer(X, arrays), "got state h as ndarray")
    refused(DtypeError, lambda: layer(X, (None, *states[1:])), "got state h as NoneType")
    refused(ShapeError, lambda: layer(X, 5), "got a state of one int")
    refused(DtypeError, lambda: layer(X, lengths=["a", "b"]), "lengths are a list that is no list of numbers")


@every_layer
def test_whole_numbers_are_refused_under_autocast_too(name: str) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        refused(DtypeError, lambda: LAYERS[name]()(X.long()), "x is int64", "x.float()")


@either_backend
def test_a_step_that_returns_nothing_is_refused(backend: str) -> None:
    class Silent(Cell):
        gates = "u"

        def step(self, x: Any, h: Any, W: Any, R: Any, b: Any) -> Any:
            """Only this."""

    refused(CellError, lambda: Recurrent(Silent(), I, H)(X, backend=backend), "Silent.step returns nothing", "(h,)")


def test_a_cell_with_weights_of_its_own_is_refused() -> None:
    class Holder(Cell):
        gates = "u"

        def __init__(self) -> None:
            self.inner = torch.nn.Linear(H, H)

        def step(self, x: Any, h: Any, W: Any, R: Any, b: Any) -> Any:
            return torch.tanh(self.inner(W.u @ x + R.u @ h + b.u))

    refused(
        CellError, lambda: Recurrent(Holder(), I, H), "holds torch weights as self.inner", "params = ", "test_refus"
    )
