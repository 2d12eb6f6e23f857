"""The plan as it is explained is the plan that runs. `python tests/engine/test_explain.py` writes the golden
pages anew.

A golden page that changes is read before it is committed: it says what the kernels do.
"""

from __future__ import annotations

import dataclasses
import json
import re
import warnings
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from llvmlite import ir

from cellwright import Cell
from cellwright.cells import GRU, LSTM, SRU, Elman, GRUResetBefore, LayerNormLSTM, PeepholeLSTM
from cellwright.engine.explain import explain
from cellwright.engine.explain_costs import OPERATIONS
from cellwright.engine.explain_tables import Kernel, Measured
from cellwright.engine.lower.math import UNARY, Math
from cellwright.engine.lower.target import host_isas
from cellwright.engine.run.registry import cell_key, compiled_for
from cellwright.engine.run.tables import tables_for
from cellwright.errors import CellError, ConfigError, SlowPathWarning
from cellwright.nn import Recurrent
from cellwright.ops import sigmoid, tanh

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "explain"
PAGES = {"lstm": LSTM, "gru_reset_before": GRUResetBefore}
I, H, B, T = 3, 4, 5, 6


def page(name: str) -> str:
    return f"{explain(PAGES[name](), I, H, B, T, isa='avx512')}\n"


@pytest.mark.parametrize("name", PAGES)
def test_a_small_cell_is_explained_as_reviewed(name: str) -> None:
    assert page(name) == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


def test_every_cell_is_explained(make, cases) -> None:
    cell = make()
    for dtype, isa in (("float32", "avx512"), ("float64", "neon")):
        found = explain(cell, cases.I, cases.H, dtype=dtype, isa=isa, bidirectional=True, threads=4)
        text = str(found)
        assert found.why_not is None
        assert [line for line in text.splitlines() if line in ("forward", "backward")] == ["forward", "backward"]
        assert all(f"{name}[b" in text for name in cell.state_names)  # each state is stored at the end of a step
        assert json.loads(found.to_json())["forward"]["products"] == found.forward.products


def test_of_bfloat16_weights_it_says_which_products_run_and_why() -> None:
    small, large = (explain(LSTM(), I, size, dtype="bfloat16", isa="avx2") for size in (16, 512))
    assert "\nproducts: float32: avx2 has no instruction" in str(small)
    assert "\nproducts: bfloat16: avx2 has no instruction" in str(large)
    wide = explain(LSTM(), I, 512, isa="avx2")
    assert "products:" not in str(wide)
    assert (large.memory.forward_packed, large.memory.saved) == (wide.memory.forward_packed // 2, wide.memory.saved)
    for isa, asked, said in (
        ("amx", "auto", "bfloat16"),
        ("avx512bf16", "auto", "bfloat16"),
        ("avx2", "bfloat16", "bfloat16"),
        ("avx512bf16", "float32", "float32"),
    ):
        assert explain(LSTM(), I, 16, dtype="bfloat16", isa=isa, products=asked).products.startswith(f"{said}: ")
    with pytest.raises(ConfigError, match="no products of 'half'"):
        explain(LSTM(), I, 16, dtype="bfloat16", isa="avx2", products="half")


def test_gates_are_called_by_their_names(library) -> None:
    """Whatever a nonlinearity makes of one gate's sums."""
    text = "\n".join(explain(PeepholeLSTM(), I, H, isa="avx2").loops)
    for line in (
        "i = σ(s0.i[t,b,j] + z.i[b,j] + p_i[j] ⊙ c[b,j])",
        "o = σ(s0.o[t,b,j] + z.o[b,j] + p_o[j] ⊙ c′)",
        "c′ = f ⊙ c[b,j] + i ⊙ g",
    ):
        assert line in text, text


def test_the_names_of_gates_change_nothing_else() -> None:
    class Other(Cell):
        gates = "ape bee cow doe"
        states = "h c"

        def step(self, x, h, c, W, R, b):
            i = sigmoid(W.ape @ x + R.ape @ h + b.ape)
            f = sigmoid(W.bee @ x + R.bee @ h + b.bee)
            g = tanh(W.cow @ x + R.cow @ h + b.cow)
            o = sigmoid(W.doe @ x + R.doe @ h + b.doe)
            c = f * c + i * g
            return o * tanh(c), c

    ours, theirs = explain(LSTM(), I, H, isa="avx2"), explain(Other(), I, H, isa="avx2")
    renamed = "\n".join(theirs.loops)
    for old, new in (("ape", "i"), ("bee", "f"), ("cow", "g"), ("doe", "o")):
        renamed = re.sub(rf"(?<=[ .]){old}(?![a-z])", new, renamed)
    assert renamed == "\n".join(ours.loops)
    assert (theirs.schedule, theirs.forward, theirs.memory) == (ours.schedule, ours.forward, ours.memory)


def test_rows_of_one_big_matrix_are_products_of_their_own() -> None:
    class Chunk(Cell):
        params: ClassVar = {"M": "J I", "N": "J H"}
        states = "h c"
        J = 4 * H

        def step(self, x, h, c, M, N):
            i, f, g, o = (M @ x + N @ h).chunk(4)
            c = sigmoid(f) * c + sigmoid(i) * tanh(g)
            return sigmoid(o) * tanh(c), c

    found = explain(Chunk(), I, H, isa="avx2")
    assert "σ(s0.M[0:4][t,b,j] + z.N[0:4][b,j])" in "\n".join(found.loops)
    assert found.forward.products == 2 * 4 * H * H


def test_the_schedule_is_said_in_words() -> None:
    def schedule(cell: Cell) -> str:
        return explain(cell, 60, 256, isa="avx2").schedule

    assert "one product of h (256 → 1024) in the loop, elementwise part behind it" in schedule(LSTM())
    assert "two products in a chain: n (256 → 256) waits for r ⊙ h" in schedule(GRUResetBefore())
    assert "no product in the loop" in schedule(SRU())
    assert "row reductions (sums 18)" in schedule(LayerNormLSTM())
    assert explain(LSTM(), 60, 256, isa="avx2").hoisted == ("x Wᵀ + b (60 → 1024)",)


@pytest.mark.parametrize(("input_size", "hidden_size"), [(3, 4), (60, 100), (33, 17)])
def test_operations_of_an_lstm_are_its_closed_form(input_size: int, hidden_size: int) -> None:
    found = explain(LSTM(), input_size, hidden_size, isa="avx512")
    recurrent, inputs = 2 * 4 * hidden_size * hidden_size, 2 * 4 * hidden_size * input_size
    assert (found.forward.products, found.backward.products) == (recurrent, recurrent)
    assert found.forward.outside == inputs
    assert found.backward.outside == 2 * inputs + recurrent  # dW and dx; dR
    # 4 · (z + s0), f c, i g, their sum, o tanh c; 3 sigmoids, 2 tanh
    assert found.forward.elementwise == (4 + 4 + 3 * 27 + 2 * 35) * hidden_size
    assert found.inference == dataclasses.replace(found.forward, saved=0)


@pytest.mark.parametrize("op", OPERATIONS)
def test_operations_of_a_function_are_about_those_of_its_code(op: str) -> None:
    kind = ir.VectorType(ir.FloatType(), 8)
    function = ir.Function(ir.Module(), ir.FunctionType(kind, [kind]), "f")
    builder = ir.IRBuilder(function.append_basic_block())
    UNARY[op](Math(fused=True), builder, function.args[0])
    written = [instruction.opname for instruction in builder.block.instructions]
    counted = sum({"call": 2, "bitcast": 0}.get(name, 1) for name in written)
    assert abs(counted - OPERATIONS[op]) <= 0.2 * counted


def test_a_cell_without_products_has_none() -> None:
    found = explain(SRU(), 64, 64, isa="avx2")
    assert found.forward.products == found.backward.products == 0
    assert "limit of the forward loop: memory" in str(found)


@pytest.mark.skipif(not host_isas(), reason="no kernels for this machine")
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("cell", [LSTM(), GRU(), GRUResetBefore(), LayerNormLSTM(), SRU()], ids=lambda c: c.name)
def test_planned_bytes_are_those_that_a_call_holds(cell: Cell, threads: int) -> None:
    compiled = compiled_for(cell_key(cell, I, H, True), torch.float32)
    tables = tables_for("time", T, B, None, None, False)
    shapes = cell.parameter_shapes(I, H)
    stored: dict[str, torch.Tensor] = {}
    for name, shape in shapes.items():
        head = name.split(".")[0]
        stored[head] = torch.cat([stored[head], torch.zeros(shape)]) if head in stored else torch.zeros(shape)
    parameters = {name: stored[name] for name in compiled.inside}
    streams = [torch.zeros(T * B, stream.size) for stream in compiled.plan.hoisted.streams]
    states = [torch.zeros(B, size) for size in cell.state_sizes(H).values()]
    y = torch.zeros(T * B, compiled.plan.output)
    ahead, _, saved = compiled.forward(streams, states, parameters, tables, y, save=True, threads=threads)
    back, pending = compiled.backward(y, states, streams, saved, parameters, tables, threads=threads)

    planned = explain(cell, I, H, B, T, threads=threads, isa=compiled.target.isa.name).memory
    assert planned.saved == saved.nbytes
    assert planned.gradients == sum(array.nbytes for array in pending.arrays[len(streams) + 2 :])
    for call, scratch, packed in (
        (ahead, planned.forward_scratch, planned.forward_packed),
        (back, planned.backward_scratch, planned.backward_packed),
    ):
        assert call.keep[1].nbytes == scratch
        assert sum(tensor.nbytes for tensor in call.keep[2]) == packed


def reason_of_a_layer(cell: Cell) -> str:
    """Why a layer runs the plain loop, in its own words."""
    layer = Recurrent(cell, I, H)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SlowPathWarning)
        layer(torch.zeros(T, B, I))
    return layer.path.removeprefix(f"plain loop of {cell.name}, a step at a time in torch: ")


class Erf(Cell):
    gates = "a"
    states = "h"

    def step(self, x, h, W, R, b):
        return torch.erf(W.a @ x + R.a @ h + b.a)


def test_the_reason_for_the_plain_loop_names_file_and_line() -> None:
    found = explain(Erf(), I, H)
    line = Erf.step.__code__.co_firstlineno + 1
    assert f"{__file__}:{line}:  return torch.erf(" in found.why_not
    assert reason_of_a_layer(Erf()) == found.why_not
    assert (
        str(found).splitlines()[1].startswith("Erf runs in the plain loop, a step at a time in torch: torch.erf is not")
    )
    assert json.loads(found.to_json())["loops"] == []


def test_a_machine_without_kernels_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cellwright.engine.explain.host_isas", lambda: ())
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    monkeypatch.setattr("cellwright.nn.compiled.runs_here", lambda: False)
    found = explain(LSTM(), I, H)
    assert found.why_not == reason_of_a_layer(LSTM()) == "no kernels are written for riscv64"
    assert explain(LSTM(), I, H, isa="avx2").why_not is None  # for another machine, by name


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"input_size": 0}, "Expected input of at least 1, found 0"),
        ({"hidden_size": -1}, "Expected hidden of at least 1"),
        ({"batch": 0}, "Expected batch of at least 1"),
        ({"steps": 0}, "Expected steps of at least 1"),
        ({"dtype": "float16"}, "one of float32, float64, bfloat16, found 'float16'"),
        ({"isa": "sse"}, "no instruction set 'sse'"),
    ],
)
def test_what_cannot_be_explained_is_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        explain(LSTM(), **{"input_size": I, "hidden_size": H, **wrong})


def test_a_wrong_cell_is_an_error_on_any_backend() -> None:
    class Branch(Cell):
        gates = "a"
        states = "h"

        def step(self, x, h, W, R, b):
            return h if h > 0 else W.a @ x

    with pytest.raises(CellError, match="branches on a value"):
        explain(Branch(), I, H)


def test_what_was_measured_stands_beside_the_limit() -> None:
    found = explain(Elman(), 64, 64, 32, 50, isa="avx2")
    kernel = Kernel("forward", 0.02, cached=False)
    found.measured = Measured(1, 15, 1e11, 1e10, 1e-3, 1.0, "compiled kernels of Elman", (kernel,))
    found.balance = found.measured.balance
    text = str(found)
    rows = 32 * 50
    costs = found.inference
    loop = max(costs.loop_operations / 1e11, costs.loop_bytes / 1e10)
    outside = max(costs.outside / 1e11, costs.around / 1e10)
    expected = 1e3 * (rows * (loop + outside) + costs.weights / 1e10)
    assert f"expected at least {expected:.3f} ms, measured 1.000 ms: {100 * expected:.0f} % of the limit" in text
    assert "kernel forward    compiled in 20.0 ms" in text
    assert "below 10.0 operations a byte, as measured" in text


if __name__ == "__main__":
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for golden in PAGES:
        (GOLDEN / f"{golden}.txt").write_text(page(golden), encoding="utf-8")
