"""Deliberate bugs in the engine: one compact check sees each of them, so it would see real ones."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from weakref import WeakValueDictionary

import pytest
import torch
from llvmlite import ir
from torch import Tensor

from cellwright import ops
from cellwright.cells import Cell
from cellwright.engine import cache, differentiate, joint, simplify
from cellwright.engine.lower import emit, product, program, row
from cellwright.engine.run import compiled, prepared, registry, streams, tables
from cellwright.nn import Recurrent

Patch = pytest.MonkeyPatch
LENGTHS = [4, 0, 2, 5, 1, 5, 3]
T, B = 5, len(LENGTHS)


def vjp(op: str, new: Callable[..., Any]) -> Callable[[Patch], None]:
    return lambda patch: patch.setitem(differentiate.VJP, op, new)


def llvm(op: str, new: Callable[..., Any]) -> Callable[[Patch], None]:
    return lambda patch: patch.setitem(row.LLVM_ROWS, op, new)


def method(owner: Any, name: str, change: Callable[[Any], Any]) -> Callable[[Patch], None]:
    """`owner.name` replaced by change(owner.name)."""
    return lambda patch: patch.setattr(owner, name, change(getattr(owner, name)))


def no_reset(old: Any) -> Any:
    return lambda own, count: None if own.program.backward else old(own, count)


def no_kept(old: Any) -> Any:
    return lambda own, source, target, size, *, from_outside, plus=None: old(
        own, source, target, size, from_outside=from_outside
    )


def dense_from_one(old: Any) -> Any:
    def shifted(form: str, steps: int, batch: int, reverse: bool, threads: int) -> Any:
        made = old.__wrapped__(form, steps, batch, reverse, threads)
        return tables.Tables(made.counts, made.offsets, made.rows.roll(1), made.order, made.whole)

    return shifted


def ragged_turned(old: Any) -> Any:
    return lambda form, batch, lengths, order, reverse: old.__wrapped__(
        form, batch, lengths, order, reverse != (form == "compact")
    )


def shifted_pack(old: Any) -> Any:
    return lambda own, parameters: old(own, parameters).roll(1)


def no_rest(old: Any) -> Any:
    def tile(e: Any, height: int, a: Any, lda: Any, matrices: Any, depth: Any, *rest: Any) -> None:
        old(e, height, a, lda, matrices, e.builder.and_(depth, ir.IntType(64)(-product.UNROLL)), *rest)

    return tile


def only_nothing(own: Any, value: Any, count: int, other: float = 0.0) -> Any:
    return value


def swapped_columns(old: Any) -> Any:
    def cut(graph: Any, order: Any = ()) -> Any:
        made = old(graph, order)
        turned = tuple(replace(stream, rows=stream.rows[::-1]) for stream in made.streams)
        return replace(made, streams=turned)

    return cut


def without_last_outer(old: Any) -> Any:
    def add(own: Any, total: Any, outer: Any) -> None:
        if outer is not own.compiled.plan.outers[-1]:
            old(own, total, outer)

    return add


def first_only(old: Any) -> Any:
    def part(parameters: Any, node: Any) -> Tensor:
        found = old(parameters, node)
        attrs = dict(node.attrs)
        return parameters[node.name][: len(found)] if attrs.get("row0") and found.dim() == 1 else found

    return part


def two_of_each(old: Any) -> Any:
    return lambda directions, batch: [2 * n for n in old(directions, batch)]


def one_too_few(old: Any) -> Any:
    return lambda own, running: own.e.builder.udiv(running, own.threads)


def compare_swapped(patch: Patch) -> None:
    patch.setitem(row.COMPARISONS, "lt", ">")
    patch.setitem(row.COMPARISONS, "gt", "<")


def scan_forward_only(patch: Patch) -> None:
    loop = emit.Emitter.loop
    patch.setattr(emit.Emitter, "loop", lambda own, end, start=None, down=False: loop(own, end, start, False))


def softmax_without_its_maximum(patch: Patch) -> None:
    def rule(r: Any, node: Any) -> Any:
        return r.op("div", r.op("exp", node.args[0]), r.op("exp", r.op("sum", node.args[0]))) if r.last else None

    patch.setitem(simplify.RULES, "softmax", rule)


MUTATIONS: dict[str, Callable[[Patch], None]] = {
    "gradient of div without its sign": vjp("div", lambda w, g, y, a, b: [w.div(g, b), w.mul(g, w.div(y, b))]),
    "gradient of tanh with y": vjp("tanh", lambda w, g, y, x: [w.mul(g, w.sub(w.number(1.0), y))]),
    "gradient of sub twice": vjp("sub", lambda w, g, y, a, b: [g, g]),
    "gradient of softmax without its sum": vjp("softmax", lambda w, g, y, x: [w.mul(y, g)]),
    "gradient of cumsum from the front": vjp("cumsum", lambda w, g, y, x: [w.op("cumsum", g)]),
    "gradient of a sum twice": vjp("sum", lambda w, g, y, x: [w.op("spread", w.add(g, g), size=w.shape(x)[0])]),
    "gradient of maximum to the loser": vjp("maximum", lambda w, g, y, a, b: w.half_at_ties("gt", a, b, g)),
    "gradient of amax to all": vjp("amax", lambda w, g, y, x: [w.op("spread", g, size=w.shape(x)[0])]),
    "gradient of where to both": vjp("where", lambda w, g, y, condition, a, b: [None, g, g]),
    "sub turned round": llvm("sub", lambda math, b, a: b.fsub(a[1], a[0])),
    "softplus is relu": llvm("softplus", lambda math, b, a: math.relu(b, a[0])),
    "compare swapped": compare_swapped,
    "tail lanes not masked": lambda patch: patch.setattr(emit.Emitter, "only", only_nothing),
    "scans and time run forward only": scan_forward_only,
    "no reset in backward": method(program.ProgramWriter, "reset", no_reset),
    "gradients that resets keep are lost": method(program.ProgramWriter, "copy", no_kept),
    "rows off by one": method(tables, "_dense", dense_from_one),
    "directions exchanged": method(tables, "_ragged", ragged_turned),
    "panels off by one column": method(prepared.Packing, "pack", shifted_pack),
    "the rest of k dropped": method(product, "_tile", no_rest),
    "threads share one sequence too few": method(program.ProgramWriter, "count_of", one_too_few),
    "maximum without NaN": llvm("maximum", lambda math, b, a: b.select(b.fcmp_ordered(">", a[0], a[1]), a[0], a[1])),
    "an outer product forgotten": method(compiled.Pending, "add_outer", without_last_outer),
    "parts of vectors from the first row": method(streams, "part_of", first_only),
    "softmax divides by another sum": softmax_without_its_maximum,
    "columns of the input's products exchanged": method(joint, "hoist", swapped_columns),
}


@pytest.fixture(autouse=True)
def fresh(monkeypatch: Patch) -> Iterator[None]:
    """No code of another test, and none of these for another test."""
    monkeypatch.setenv("CELLWRIGHT_CACHE", "off")
    monkeypatch.setattr(cache, "_loaded", WeakValueDictionary())
    clear()
    yield
    clear()


def clear() -> None:
    registry._compiled.cache_clear()
    prepared.product_code.cache_clear()
    gc.collect()


class Clipped(Cell):
    gates = "h"

    def step(self, x, h, W, R, b):
        return ops.maximum(W.h @ x + R.h @ h + b.h, 0.1)


def differences(cases: Any) -> Iterator[str]:
    """What differs between compiled layers and the plain loop: value, states, gradients; NaN."""
    for cell, input_size, hidden_size in ((cases.Mixed(), 3, 5), (cases.LIBRARY["LSTM"](), 2, 9)):
        torch.manual_seed(0)
        layer = Recurrent(cell, input_size, hidden_size, dtype=torch.float64, bidirectional=hidden_size == 5)
        x = torch.randn(T, B, input_size, dtype=torch.float64, requires_grad=True)
        states = [torch.rand(layer.directions, B, n, dtype=torch.float64) for n in layer.state_sizes.values()]
        states = [state.requires_grad_() for state in states]
        for given in ({}, {"lengths": LENGTHS, "resets": torch.rand(T, B) < 0.4}):
            sides = [results(layer, x, states, given | {"backend": backend}) for backend in ("cpu", "reference")]
            for k, (ours, loop) in enumerate(zip(*sides, strict=True)):
                if not torch.allclose(ours, loop, rtol=1e-9, atol=1e-9):
                    yield f"{cell.name} {k}"
    layer, x = Recurrent(Clipped(), 3, 5, dtype=torch.float64), torch.full((1, 1, 3), float("nan"), dtype=torch.float64)
    if not bool(layer(x, backend="cpu")[0].isnan().all()):
        yield "NaN"


def results(layer: Recurrent, x: Tensor, states: list[Tensor], given: dict[str, Any]) -> list[Tensor]:
    y, ends = layer(x, states, **given)
    loss = y.sin().sum() + sum(end.cos().sum() for end in ends)
    return [y, *ends, *torch.autograd.grad(loss, [x, *states, *layer.parameters()])]


def test_without_a_bug_nothing_differs(cases: Any) -> None:
    assert list(differences(cases)) == []


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_deliberate_bug_is_seen(name: str, cases: Any, monkeypatch: Patch) -> None:
    MUTATIONS[name](monkeypatch)
    torch.set_num_threads(2)
    try:
        assert next(differences(cases), None)
    finally:
        torch.set_num_threads(1)


def test_there_are_enough_of_them() -> None:
    assert len(MUTATIONS) >= 20
