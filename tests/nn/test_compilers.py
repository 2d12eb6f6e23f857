"""torch.compile, torch.export and torch's own checks of operators see a compiled layer as two operators."""

from __future__ import annotations

import copy
import shutil
import warnings
from typing import Any

import pytest
import torch
import torch._dynamo
from torch import Tensor, nn

from cellwright import nn as cwnn
from cellwright.cells import CELLS, PeepholeLSTM
from cellwright.engine.run import operators
from cellwright.engine.run.registry import cell_key, compiled_for, force_products
from cellwright.nn import Recurrent

I, H = 3, 5
LAYERS = {
    "LSTM": lambda **o: cwnn.LSTM(I, H, **o),
    "GRU": lambda **o: cwnn.GRU(I, H, **o),
    "PeepholeLSTM": lambda **o: Recurrent(PeepholeLSTM(), I, H, **o),
}
COMPILER = shutil.which("g++") or shutil.which("clang++")


@pytest.fixture(autouse=True)
def fresh() -> Any:
    """No graph of another test; what torch's compilers warn of in themselves is theirs."""
    torch._dynamo.reset()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    torch._dynamo.reset()


class Net(nn.Module):
    """A layer between ordinary torch."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.before, self.layer = nn.Linear(I, I), layer

    def forward(self, x: Tensor) -> Tensor:
        y, ends = self.layer(self.before(x).tanh())
        last = ends[0] if isinstance(ends, tuple) else ends
        return y.sin() + last.sum()


def net(name: str, **options: Any) -> Net:
    torch.manual_seed(0)
    return Net(LAYERS[name](**options)).double()


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
# without it torch.compile refuses all subclasses of nn.LSTM, nn.GRU and nn.RNN
@torch._dynamo.config.patch(allow_rnn=True)
def test_a_layer_compiles_whole_with_its_gradient(name: str, backend: str) -> None:
    if backend == "inductor" and not COMPILER:
        pytest.skip("inductor needs a C++ compiler: g++ or clang++")
    eager = net(name, bidirectional=True)
    compiled = torch.compile(copy.deepcopy(eager), fullgraph=True, backend=backend)
    x = torch.randn(4, 2, I, dtype=torch.float64)
    found = []
    for model in (eager, compiled):
        y = model(x)
        found.append([y, *torch.autograd.grad(y.sum(), list(model.parameters()))])
    assert "compiled kernels" in eager.layer.path
    for theirs, ours in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-13)


def test_products_of_bfloat16_compile_whole() -> None:
    torch.manual_seed(0)
    layer, x = Recurrent(PeepholeLSTM(), I, 64).bfloat16(), torch.randn(4, 2, I).bfloat16()
    found = {}
    for asked in ("bfloat16", "float32"):
        with force_products(asked), torch.no_grad():
            torch._dynamo.reset()
            found[asked] = torch.compile(layer, fullgraph=True, backend="aot_eager")(x)[1][1]
            torch.testing.assert_close(found[asked], layer(x)[1][1])  # of bfloat16: 0.016
    assert not torch.equal(found["bfloat16"], found["float32"])


class Ragged(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor, lengths: Tensor, resets: Tensor) -> Tensor:
        return self.layer(x, lengths=lengths, resets=resets)[0]


def test_lengths_and_resets_compile_and_export() -> None:
    model = Ragged(LAYERS["PeepholeLSTM"](bidirectional=True)).double()
    given = torch.randn(4, 3, I, dtype=torch.float64), torch.tensor([3, 0, 4]), torch.rand(4, 3) < 0.4
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    exported = torch.export.export(model, given).module()
    x, lengths, resets = given
    for lengths in (torch.tensor([3, 0, 4]), torch.tensor([4, 2, 1])):
        expected = model(x, lengths, resets)
        for run in (compiled, exported):
            torch.testing.assert_close(run(x, lengths, resets), expected, rtol=1e-13, atol=1e-14)
    # no compiled code can refuse a length that is too long: it ends with x
    longer = compiled(x, torch.tensor([9, 2, -1]), resets)
    torch.testing.assert_close(longer, model(x, torch.tensor([4, 2, 0]), resets), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("batch_first", [False, True])
def test_an_exported_layer_runs_on_other_sizes(name: str, batch_first: bool) -> None:
    model = net(name, batch_first=batch_first).eval()
    time, batch = torch.export.Dim("time", min=2, max=64), torch.export.Dim("batch", min=2, max=64)
    axes = {0: batch, 1: time} if batch_first else {0: time, 1: batch}
    program = torch.export.export(model, (torch.randn(4, 3, I, dtype=torch.float64),), dynamic_shapes=(axes,))
    for shape in ((4, 3), (7, 2), (2, 9)):
        x = torch.randn(*shape, I, dtype=torch.float64)
        torch.testing.assert_close(program.module()(x), model(x), rtol=1e-13, atol=1e-13)


def arguments(cell: Any, reverse: list[bool], save: bool, grad: bool) -> tuple[Any, ...]:
    """Of cellwright::run, two directions if `reverse` has two."""
    key = cell_key(cell, I, H, True)
    compiled = compiled_for(key, torch.float64)
    torch.manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.rand(*shape, dtype=torch.float64).add_(0.2).requires_grad_(grad)

    inside = {node.name: node for node in compiled.plan.hoisted.graph.nodes if node.op == "parameter"}
    shapes = {head: stored for head, stored in stored_shapes(cell).items() if head in inside}
    streams = [draw(6, stream.size) for _ in reverse for stream in compiled.plan.hoisted.streams]
    states = [draw(2, size) for _ in reverse for size in cell.state_sizes(H).values()]
    parameters = [draw(*shapes[head]) for _ in reverse for head in compiled.inside]
    return streams, states, parameters, None, None, [], 3, 2, 6, "time", key, reverse, torch.float64, save


def stored_shapes(cell: Any) -> dict[str, tuple[int, ...]]:
    """Of the stored parameters: gates one below the other."""
    shapes: dict[str, tuple[int, ...]] = {}
    for name, shape in cell.parameter_shapes(I, H).items():
        head = name.split(".")[0]
        before = shapes[head][0] if head in shapes else 0
        shapes[head] = (before + shape[0], *shape[1:]) if shape else ()
    return shapes


def detached(value: Any) -> Any:
    if isinstance(value, list):
        return [detached(part) for part in value]
    return value.detach() if isinstance(value, Tensor) else value


def gradient_arguments(given: tuple[Any, ...]) -> tuple[Any, ...]:
    """Of cellwright::run_grad, behind cellwright::run with these."""
    streams, states, parameters, *ragged, steps, batch, _, form, key, reverse, dtype, _ = detached(list(given))
    y, *rest = operators.run(*detached(list(given)))
    finals, saved = rest[: len(states)], rest[len(states) :]
    return y, finals, streams, states, parameters, saved, *ragged, steps, batch, form, key, reverse, dtype


PLAIN = ("test_schema", "test_autograd_registration", "test_faketensor")
DYNAMIC = ("LSTM", "GRU", "IndRNN", "LayerNormLSTM")  # takes seconds: the other cells in `make check-long`


@pytest.mark.parametrize("name", CELLS)
def test_torch_finds_no_fault_with_the_operators(name: str, cell_of: Any) -> None:
    given = arguments(cell_of(name), [False, True], True, True)
    torch.library.opcheck(operators.run, given, test_utils=PLAIN)
    torch.library.opcheck(operators.run_grad, gradient_arguments(given), test_utils=PLAIN)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in DYNAMIC else pytest.mark.long) for name in CELLS]
)
def test_torch_compiles_the_operators_for_any_size(name: str, cell_of: Any) -> None:
    for save, grad, reverse in ((False, False, [False]), (True, True, [False, True])):
        given = arguments(cell_of(name), reverse, save, grad)
        torch.library.opcheck(operators.run, given, test_utils="test_aot_dispatch_dynamic")
    torch.library.opcheck(operators.run_grad, gradient_arguments(given), test_utils="test_aot_dispatch_dynamic")


@pytest.mark.parametrize("name", ["LSTM", "LayerNormGRU", "SRU"])
def test_torch_finds_no_fault_with_uneven_sequences_and_resets(name: str, cell_of: Any) -> None:
    streams, states, parameters, _, _, _, steps, batch, rows, _, *rest = arguments(
        cell_of(name), [False, True], True, True
    )
    lengths, order, flags = torch.tensor([1, 3]), torch.tensor([1, 0]), torch.rand(rows) < 0.5
    resets = [flags.to(torch.uint8), flags.flip(0).to(torch.uint8)]
    given = (streams, states, parameters, lengths, order, resets, steps, batch, rows, "padded", *rest)
    torch.library.opcheck(operators.run, given)
