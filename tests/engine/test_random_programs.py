"""Random cells over the whole op list: compiled value and gradient equal the plain loop's.

A program is a list of statements (op, arguments, attributes) on values of known shape; every value is kept within
±BOUND, so that no exponential overflows and no rounding grows much. CELLWRIGHT_PROGRAMS says how many, 100 if unset.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor

from cellwright.cells import Cell
from cellwright.nn import Recurrent
from cellwright.ops import OPS, apply

PROGRAMS = int(os.environ.get("CELLWRIGHT_PROGRAMS", "100"))
SIZES = [1, 2, 3, 4, 7, 8, 9, 17]
BOUND = 4.0
SQUASH = ("tanh", "sigmoid", "softmax")
COMPARE = ("lt", "le", "gt", "ge")
T, B = 5, 3
LENGTHS = [3, 0, 5]
EPS = torch.finfo(torch.float64).eps


@dataclass
class Program:
    """Statements over leaves "x", states "s0" …, parameters "p0" … and numbers; a value is named "v0", "v1" …"""

    input_size: int
    states: dict[str, int]
    params: dict[str, tuple[int, ...]] = field(default_factory=dict)
    statements: list[tuple[str, str, tuple[Any, ...], dict[str, int]]] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    output: str = ""
    output_size: int = 0

    def __str__(self) -> str:
        lines = [f"x ({self.input_size}), states {self.states}, params {self.params}"]
        lines += [
            f"{name} = {op}({', '.join(map(str, [*args, *attrs.items()]))})"
            for name, op, args, attrs in self.statements
        ]
        return "\n".join([*lines, f"new = {self.new}, output = {self.output}"])


class Writer:
    """Draws one program."""

    def __init__(self, seed: int) -> None:
        self.random = r = random.Random(seed)
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.bounds: dict[str, float] = {}
        sizes = {f"s{k}": r.choice(SIZES) for k in range(r.randint(1, 3))}
        if r.random() < 0.4:
            sizes = dict.fromkeys(sizes, r.choice(SIZES))
        self.program = Program(r.choice(SIZES), sizes)
        for name, size in {"x": self.program.input_size, **sizes}.items():
            self.shapes[name], self.bounds[name] = (size,), 2.0

    def draw(self) -> Program:
        r, states = self.random, self.program.states
        for _ in range(r.randint(4, 16)):
            self.statement()
        for name, size in states.items():
            others = [other for other in states if states[other] == size]
            if r.random() < 0.12:
                self.program.new.append(r.choice(others))  # an old state, handed on or swapped
                continue
            mixed = self.op("mul", self.op("sigmoid", self.vector(size)), name)
            value = self.op("add", self.op("mul", self.number(), mixed), self.op("tanh", self.vector(size)))
            self.program.new.append(self.op(r.choice(SQUASH[:2]), value))
        size = r.choice([*states.values(), r.choice(SIZES)])
        self.program.output = r.choice([self.program.new[0], self.vector(size)])
        (self.program.output_size,) = self.shapes[self.program.output]
        return self.program

    def number(self) -> float:
        return self.random.choice([0.5, -0.25, 0.9, 1.0, 0.0, -1.0, 2])

    def op(self, op: str, *args: Any, **attrs: int) -> str:
        """A statement; its result's name."""
        name = f"v{len(self.program.statements)}"
        shapes = [self.shapes.get(a, ()) if isinstance(a, str) else () for a in args]
        self.program.statements.append((name, op, args, attrs))
        self.shapes[name] = OPS[op].shape(*shapes, **attrs)
        self.bounds[name] = self.bound(op, [self.bounds[a] if isinstance(a, str) else abs(a) for a in args], shapes)
        return self.kept(name)

    def bound(self, op: str, bounds: list[float], shapes: list[tuple[int, ...]]) -> float:
        if op in ("tanh", "sigmoid", "softmax", *COMPARE):
            return 1.0
        if op in ("add", "sub", "softplus"):
            return sum(bounds) + (op == "softplus")
        if op == "mul":
            return bounds[0] * bounds[1]
        if op in ("sum", "cumsum"):
            return bounds[0] * shapes[0][0]
        if op == "exp":
            return 2.718 ** bounds[0]
        if op == "matmul":
            return 3.0
        return max(bounds[1:] if op == "where" else bounds)

    def kept(self, name: str) -> str:
        """The value, or a part of it that stays within the bound."""
        if self.bounds[name] <= BOUND:
            return name
        if self.random.random() < 0.5:
            return self.op("tanh", name)
        return self.op("mul", name, 2 / self.bounds[name])

    def parameter(self, *shape: int) -> str:
        same = [name for name, s in self.program.params.items() if s == shape]
        if same and self.random.random() < 0.3:
            return self.random.choice(same)
        name = f"p{len(self.program.params)}"
        self.program.params[name] = self.shapes[name] = shape
        self.bounds[name] = 1.0
        return name

    def value(self) -> str:
        """Any vector there is."""
        found = [n for n, s in self.shapes.items() if len(s) == 1 and n[0] in "xsv" and n not in self.compared()]
        return self.random.choice(found[-8:] if self.random.random() < 0.6 else found)

    def compared(self) -> set[str]:
        return {name for name, op, _, _ in self.program.statements if op in COMPARE}

    def vector(self, size: int) -> str:
        """A value of this size: one there is, or one made of another size."""
        r = self.random
        same = [n for n, s in self.shapes.items() if s == (size,) and n[0] in "xsv" and n not in self.compared()]
        if same and r.random() < 0.6:
            return r.choice(same)
        other = self.value()
        (n,) = self.shapes[other]
        if n > size and r.random() < 0.5:
            start = r.randint(0, n - size)
            return self.op("slice", other, start=start, stop=start + size)
        if r.random() < 0.15:
            return self.op("add", self.parameter(size), self.scalar())
        product = self.op("matmul", self.parameter(size, n), other)
        return self.op("add", product, self.parameter(size)) if r.random() < 0.3 else product

    def scalar(self) -> Any:
        """A number, a scalar parameter or a reduction."""
        kind = self.random.choice(["number", "parameter", "sum", "mean", "amax"])
        if kind == "number":
            return self.number()
        return self.parameter() if kind == "parameter" else self.op(kind, self.value())

    def beside(self, size: int) -> Any:
        """What may stand in an elementwise op with a vector of this size."""
        kind = self.random.random()
        if kind < 0.65:
            return self.vector(size)
        if kind < 0.75:
            return self.vector(1)
        return self.parameter(size) if kind < 0.85 else self.scalar()

    def statement(self) -> None:
        r = self.random
        a = self.value()
        (size,) = self.shapes[a]
        op = r.choice([name for name in OPS if name != "matmul"])
        if op in ("add", "sub", "mul", "minimum", "maximum"):
            pair = [a, self.beside(size)]
            r.shuffle(pair)
            self.op(op, *pair)
        elif op == "div":
            denominator = self.op(
                "add", 1.0, self.op("abs", self.beside(size)) if r.random() < 0.5 else self.square(size)
            )
            self.op("div", r.choice([a, 1.5]), denominator)
        elif op in COMPARE or op == "where":
            condition = self.op(op if op in COMPARE else "gt", a, self.beside(size))
            if op in COMPARE and r.random() < 0.3:
                self.op("mul", condition, self.vector(size))
            else:
                self.op("where", condition, self.beside(size), self.beside(size))
        elif op == "concat":
            self.op(
                "concat",
                *(r.choice([a, self.value(), self.parameter(r.choice(SIZES))]) for _ in range(r.randint(1, 3))),
            )
        elif op == "slice":
            start = r.randint(0, size - 1)
            self.op("slice", a, start=start, stop=r.randint(start + 1, size))
        elif op == "exp":
            self.op("exp", self.op("neg", self.op("abs", a)) if self.bounds[a] > 1.2 else a)
        elif op in ("log", "sqrt"):
            self.op(op, self.op("add", 1.0, self.square(size)))
        elif op in ("sum", "mean", "amax"):
            self.op("mul", self.op(op, a), self.vector(r.choice(SIZES)))
        else:
            self.op(op, a)

    def square(self, size: int) -> str:
        v = self.vector(size)
        return self.op("mul", v, v)


class Drawn(Cell):
    """Runs a program's statements."""

    output = "y"

    def __init__(self, program: Program) -> None:
        self.program = program
        self.states = " ".join(program.states)
        shapes = [program.states.values(), *program.params.values(), [program.output_size]]
        letters = {size: f"N{size}" for shape in shapes for size in shape}
        for size, letter in letters.items():
            setattr(self, letter, size)
        self.sizes = {name: letters[size] for name, size in (program.states | {"y": program.output_size}).items()}
        self.params = {name: " ".join(letters[n] for n in shape) for name, shape in program.params.items()}

    def takes(self) -> tuple[str, ...]:
        return tuple(self.params)

    def step(self, x: Any, *states: Any, **params: Any) -> Any:
        values = {"x": x, **dict(zip(self.program.states, states, strict=True)), **params}
        for name, op, args, attrs in self.program.statements:
            values[name] = apply(op, *(values[a] if isinstance(a, str) else a for a in args), **attrs)
        return (*(values[n] for n in self.program.new), values[self.program.output])


def results(layer: Recurrent, x: Tensor, states: tuple[Tensor, ...], given: dict[str, Any]) -> dict[str, Tensor]:
    """y, final states and all gradients; no gradient is a gradient of 0."""
    y, ends = layer(x, states, **given)
    generator = torch.Generator().manual_seed(5)
    loss = sum((v * torch.randn(v.shape, generator=generator, dtype=v.dtype)).sum() for v in (y, *ends))
    leaves = {"x": x, **{f"state {k}": s for k, s in enumerate(states)}, **dict(layer.named_parameters())}
    gradients = (
        torch.autograd.grad(loss, list(leaves.values()), allow_unused=True) if loss.requires_grad else [None] * 99
    )
    found = {"y": y, **{f"end {k}": end for k, end in enumerate(ends)}}
    for (name, leaf), gradient in zip(leaves.items(), gradients, strict=False):
        found[f"gradient of {name}"] = torch.zeros_like(leaf) if gradient is None else gradient
    return {name: value.detach() for name, value in found.items()}


@pytest.mark.parametrize("seed", range(PROGRAMS))
def test_a_random_cell_compiled_equals_its_plain_loop(seed: int) -> None:
    program = Writer(seed).draw()
    torch.manual_seed(seed)
    options: dict[str, Any] = {"bidirectional": seed % 3 == 0}
    options["num_layers"] = 1 + (program.output_size * (1 + options["bidirectional"]) == program.input_size)
    layer = Recurrent(Drawn(program), program.input_size, 3, dtype=torch.float64, **options)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.uniform_(-1, 1).div_(max(1, weight.shape[-1] if weight.dim() > 1 else 1) ** 0.5)
    rows = layer.num_layers * layer.directions
    states = tuple(torch.randn(rows, B, n, dtype=torch.float64, requires_grad=True) for n in layer.state_sizes.values())
    x = torch.randn(T, B, program.input_size, dtype=torch.float64, requires_grad=True)
    given: dict[str, Any] = {"lengths": LENGTHS} if seed % 2 else {}
    if seed % 5 == 2:
        given["resets"] = torch.rand(T, B) < 0.3
    ours = results(layer, x, states, given | {"backend": "cpu"})
    loop = results(layer, x, states, given | {"backend": "reference"})
    for name, value in loop.items():
        # values are within BOUND, gradients over 5 steps of at most 20 ops grow roundings by some 1e4 at worst
        worst = float((ours[name] - value).abs().max()) if value.numel() else 0.0
        assert worst <= 2**17 * EPS * max(1.0, float(value.abs().max())), f"{name}: {worst}\n{program}"


def test_programs_use_every_op() -> None:
    used = {op for seed in range(100) for _, op, _, _ in Writer(seed).draw().statements}
    assert used == set(OPS)
