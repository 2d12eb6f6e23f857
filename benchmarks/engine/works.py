"""What each kind of row sets up: ours, its gate, and how a peer is made."""

from __future__ import annotations

import copy
import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gate
import torch
from case import Case, autocasts, build, forward, run_once
from clock import Contestant, NotBuilt
from peers import make_peer, stepping, trained
from suite import Row
from torch import Tensor

import cellwright.nn.compiled as engine_call
from cellwright.engine.run.registry import compiled_for, force_products, multiplies_bfloat16

SQUARE = 1024
"""Rows and columns of the sgemm that is the machine's limit."""


@dataclass(slots=True)
class Contest:
    """A row, ready to be measured.

    Attributes:
        errors: of ours beside the plain loop in float64.
        peer: by name; raises Missing.
        limit: the machine's own limit, where a share of it is reported.
        path: which code ran, in the layer's words.
    """

    ours: Contestant
    errors: Callable[[], dict[str, float]]
    peer: Callable[[str], Contestant]
    limit: Contestant | None
    path: Callable[[], str]


def ours_of(case: Case, name: str = "ours") -> Contestant:
    """Our layer on a case."""
    layer = case.layer
    autocast = case.row.dtype == "bfloat16"

    def run(x: Tensor) -> Tensor:
        if not autocast:
            return forward(case, layer, x, backend="cpu")[0]
        with autocasts(True):
            return forward(case, layer, x, backend="cpu")[0]

    if case.row.mode == "step":
        one = stepping(case, lambda state: layer(case.x, state, backend="cpu"))
    else:
        one = trained(case, run, dict(layer.named_parameters()))
    one.name, one.units, one.flop = name, case.units, case.flop
    return one


def of_layer(row: Row, quick: bool) -> Contest:
    """A layer beside its peers; peers named "ours …" are the same layer on other data."""
    case = build(row)
    changes = {"ours T=50": {"T": 50}, "ours dense": {"layout": "dense"}}

    def peer(name: str) -> Contestant:
        if name not in changes:
            return make_peer(name, case, quick)
        change: Any = changes[name]
        other = ours_of(build(dataclasses.replace(row, **change), layer=case.layer), name)
        other.results = None
        return other

    limit = None if row.mode == "step" else sgemm(SQUARE // 8 if quick else SQUARE)
    return Contest(ours_of(case), lambda: gate.beside_the_loop(case), peer, limit, lambda: path_of(case))


def path_of(case: Case) -> str:
    """The layer's own word on what ran; of bfloat16, what its products read is said."""
    path = str(case.layer.path)
    if case.row.dtype != "bfloat16":
        return path
    with autocasts(multiplies_bfloat16()):  # as the layer itself does
        choice = compiled_for(case.layer.key(0), engine_call.program_type(torch.float32)).choice
    reads = "float32: this processor does not multiply bfloat16" if choice is None else str(choice)
    return f"{path}, products {reads}"


def sgemm(size: int) -> Contestant:
    """A square product in float32 by torch."""
    a, b, out = torch.randn(size, size), torch.randn(size, size), torch.empty(size, size)
    return Contestant("sgemm", lambda: torch.mm(a, b, out=out), flop=2.0 * size**3)


def with_products(row: Row, quick: bool) -> Contest:
    """A layer of bfloat16 weights, whose loop multiplies bfloat16, beside itself with float32 products."""

    def lowered(case: Case) -> Case:
        case.layer.bfloat16()
        return dataclasses.replace(case, x=case.x.bfloat16(), dy=case.dy.bfloat16())

    case = lowered(build(row))

    def asked(products: str, name: str) -> Contestant:
        one = ours_of(case, name)
        call = one.call

        def run() -> Any:
            with force_products(products):
                return call()

        one.call = run
        return one

    def errors() -> dict[str, float]:
        small = lowered(build(row, steps=min(gate.STEPS, row.T), layer=case.layer))
        with force_products("bfloat16"):
            ours = run_once(small, small.layer, small.x, small.dy, backend="cpu", autocast=False)
        return gate.errors(ours, gate.reference(small), row.dtype)

    def path() -> str:
        with force_products("auto"):
            choice = compiled_for(case.layer.key(0), torch.bfloat16).choice
        return f"{case.layer.path}, products of bfloat16; chosen by itself {choice}"

    return Contest(asked("bfloat16", "ours"), errors, lambda name: asked("float32", name), None, path)


def with_resets(row: Row, quick: bool) -> Contest:
    """A layer with resets beside itself without."""
    case = build(row, resets=True)

    def peer(name: str) -> Contestant:
        other = ours_of(dataclasses.replace(case, resets=None), name)
        other.results = None
        return other

    errors = functools.partial(gate.beside_the_loop, case, resets=True)
    return Contest(ours_of(case), errors, peer, sgemm(SQUARE // 8 if quick else SQUARE), lambda: path_of(case))


def any_split(row: Row, quick: bool) -> Contest:
    """A layer whose bits depend on nothing beside a row, beside itself without that promise."""
    case = build(row)
    if not hasattr(case.layer, "deterministic"):
        raise NotBuilt("layers have no deterministic= yet")
    plain = dataclasses.replace(case, layer=copy.deepcopy(case.layer))
    case.layer.deterministic = "any-split"  # type: ignore[assignment]
    errors = functools.partial(gate.beside_the_loop, case)
    limit = sgemm(SQUARE // 8 if quick else SQUARE)
    return Contest(ours_of(case), errors, lambda name: ours_of(plain, name), limit, lambda: path_of(case))


def with_trace(row: Row, quick: bool) -> Contest:
    """A layer that returns its gates beside itself without."""
    case = build(row)
    traced: Any = getattr(case.layer, "trace", None)
    if traced is None:
        raise NotBuilt("layers have no trace() yet")
    ours = Contestant("ours", lambda: traced(case.x), lambda given: {"y": given[0]}, case.units, case.flop)
    return Contest(
        ours, lambda: gate.beside_the_loop(case), lambda name: ours_of(case, name), None, lambda: path_of(case)
    )


def with_stepper(row: Row, quick: bool) -> Contest:
    """`stepper(x)`: one step of a stream, the state kept inside."""
    case = build(row)
    make: Any = getattr(case.layer, "stepper", None)
    if make is None:
        raise NotBuilt("layers have no stepper() yet")
    stepper, x_BI = make(row.B), case.x[0]

    def errors() -> dict[str, float]:
        several = build(row, steps=gate.STEPS, layer=case.layer)
        stream = make(row.B)
        ys = torch.stack([torch.as_tensor(stream(x)).reshape(row.B, row.H).clone() for x in several.x])
        return gate.errors({"y": ys}, gate.reference(several), row.dtype)

    def first_step(y: Any) -> dict[str, Tensor]:
        return {"y": torch.as_tensor(y).reshape(row.B, row.H).clone()}

    ours = Contestant("ours", lambda: stepper(x_BI), first_step, case.units, case.flop)
    return Contest(ours, errors, lambda name: make_peer(name, case, quick), None, lambda: "stepper")


def loop_alone(row: Row, quick: bool) -> Contest:
    """The loop without the product before it, beside a copy that reads and writes as many bytes in all."""
    case = build(row)
    captured: list[Any] = []
    original = engine_call.run_layer

    def capture(*given: Any, **named: Any) -> Any:
        captured[:] = [given, named]
        return original(*given, **named)

    engine_call.run_layer = capture
    try:
        with torch.no_grad():
            y, _ = forward(case, case.layer, case.x, backend="cpu")
    finally:
        engine_call.run_layer = original
    if not captured or not all(isinstance(stream, Tensor) for stream in captured[0][0]):
        raise NotBuilt("the loop cannot be told from the product before it")
    given, named = captured
    moved = sum(tensor.numel() * tensor.element_size() for tensor in (*given[0], y))

    def peer(name: str) -> Contestant:
        source = torch.randn(moved // 8)
        target = torch.empty_like(source)
        return Contestant(name, lambda: target.copy_(source), units=case.units)

    @torch.no_grad()  # else it would also save what a gradient needs, which `moved` does not count
    def loop() -> Any:
        return original(*given, **named)

    ours = Contestant("ours", loop, units=case.units)
    return Contest(ours, lambda: gate.beside_the_loop(case), peer, None, lambda: path_of(case))


WORKS: dict[str, Callable[[Row, bool], Contest]] = {
    "layer": of_layer,
    "products": with_products,
    "resets": with_resets,
    "any-split": any_split,
    "trace": with_trace,
    "stepper": with_stepper,
    "loop": loop_alone,
}
