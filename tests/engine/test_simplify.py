"""Rewrites keep the meaning, and bring every spelling of a step to the same plan."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from cellwright import ops
from cellwright.cells import LSTM, Cell
from cellwright.engine.adjoint_ops import ALL_OPS
from cellwright.engine.graph import Builder, Node
from cellwright.engine.simplify import prune, simplify, simplify_nodes
from cellwright.engine.trace import trace
from cellwright.nn import Recurrent

N = 4
Write = Callable[..., int]
LEAVES = {"x": ("input", (N,)), "h": ("state", (N,)), "c": ("state", (N,)), "M": ("parameter", (6, N)),
          "Q": ("parameter", (5, 7)), "p": ("parameter", (6,)), "q": ("parameter", (N,)), "k": ("parameter", ()),
          "S": ("parameter", (N, N)), "V": ("parameter", (N, N)), "u": ("state", (3,)), "g": ("cotangent", (6,)),
          "d": ("cotangent", (N,))}  # fmt: skip


def two(w: Write) -> int:
    return w("tanh", w("slice", "c", start=1, stop=3))


def squared(w: Write, v: int) -> int:
    return w("mul", v, v)


# rule: (before, ops that must be gone, ops that must be there); w(op, *args, **attrs) adds a node, w("=", name) a leaf
RULES: dict[str, tuple[Callable[[Write], int], set[str], set[str]]] = {
    "slice of a product": (lambda w: w("slice", w("matmul", "M", "h"), start=1, stop=4), {"slice"}, {"matmul"}),
    "product with a concat": (lambda w: w("matmul", "Q", w("concat", "h", "u")), {"concat"}, {"matmul", "add"}),
    "product with a longer concat": (
        lambda w: w("matmul", "Q", w("concat", w("slice", "h", start=0, stop=2), "u", two(w))),
        {"concat"},
        {"matmul", "add"},
    ),
    "slice of elementwise": (
        lambda w: w("slice", w("mul", w("tanh", "h"), w("add", "c", "k")), start=1, stop=3),
        set(),
        {"mul", "tanh"},
    ),
    "slice of where": (
        lambda w: w("slice", w("where", w("lt", "h", 0.1), "c", w("sum", "h")), start=2, stop=4),
        set(),
        {"where", "lt", "sum"},
    ),
    "slice of a slice": (lambda w: w("slice", w("slice", "h", start=1, stop=4), start=1, stop=3), set(), {"slice"}),
    "slice of a concat": (
        lambda w: w("slice", w("concat", "u", "h", "u"), start=3, stop=7),
        {"slice", "concat"},
        set(),
    ),
    "slice across a concat": (
        lambda w: w("slice", w("concat", "u", "h"), start=1, stop=5),
        set(),
        {"concat", "slice"},
    ),
    "slice of all": (lambda w: w("slice", "h", start=0, stop=N), {"slice"}, set()),
    "slice of a parameter": (lambda w: w("add", "h", w("slice", "p", start=1, stop=5)), {"slice"}, {"parameter"}),
    "slice of a slice of a parameter": (
        lambda w: w("slice", w("slice", "p", start=1, stop=6), start=1, stop=3),
        {"slice"},
        {"parameter"},
    ),
    "slice of spread": (
        lambda w: w("slice", w("spread", w("sum", "h"), size=6), start=2, stop=4),
        {"slice"},
        {"spread"},
    ),
    "mean": (lambda w: w("mean", "h"), {"mean"}, {"sum", "mul"}),
    "softmax": (lambda w: w("softmax", "h"), {"softmax"}, {"exp", "amax", "div"}),
    "identity": (lambda w: w("identity", w("tanh", "h")), {"identity"}, {"tanh"}),
    "times one": (lambda w: w("mul", w("mul", 1.0, w("tanh", "h")), 1.0), {"mul"}, {"tanh"}),
    "plus nothing": (lambda w: w("sub", w("add", 0.0, w("add", "h", 0.0)), 0.0), {"add", "sub"}, set()),
    "over one": (lambda w: w("div", "h", 1.0), {"div"}, set()),
    "over one number": (lambda w: w("div", "h", w("sum", "c")), set(), {"div", "mul"}),
    "sum of negatives": (lambda w: w("sum", w("neg", "h")), set(), {"neg", "sum"}),
    "sum of a concat": (lambda w: w("sum", w("concat", "h", "u", "c")), {"concat"}, {"sum", "add"}),
    "sum of what is made of a concat": (
        lambda w: w("sum", squared(w, w("sub", w("concat", "h", "u"), "k"))),
        {"concat", "slice"},
        {"sum", "mul", "sub"},
    ),
    "sum of concats cut alike": (
        lambda w: w("sum", w("mul", w("concat", "h", "u"), w("concat", "c", "u"))),
        {"concat"},
        {"sum", "mul"},
    ),
    "sum of concats cut otherwise stays": (
        lambda w: w("sum", w("mul", w("concat", "h", "u"), w("concat", "u", "c"))),
        set(),
        {"concat"},
    ),
    "minus minus": (lambda w: w("neg", w("neg", "h")), {"neg"}, set()),
    "numbers": (lambda w: w("mul", "h", w("exp", w("add", 0.5, w("div", 3.0, 4.0)))), {"exp", "add", "div"}, {"mul"}),
    "one of a scalar stays wide": (lambda w: w("add", w("mul", "k", 1.0), w("mul", "h", 1.0)), {"mul"}, {"add"}),
    "concat of one": (lambda w: w("concat", "h"), {"concat"}, set()),
    "bias first": (lambda w: w("add", w("add", w("matmul", "V", "x"), "c"), "q"), set(), {"matmul", "add"}),
    "bias first, turned": (lambda w: w("add", "q", w("add", "c", w("matmul", "V", "x"))), set(), {"matmul", "add"}),
    "bias behind two products": (
        lambda w: w("add", w("add", w("matmul", "V", "x"), w("matmul", "S", "h")), "q"),
        set(),
        {"matmul", "add"},
    ),
    "transposed products": (
        lambda w: w("add", w("add", "h", w("matmul_t", "M", "g")), w("matmul_t", "S", "d")),
        set(),
        {"matmul_t"},
    ),
    "transposed products, spread out": (
        lambda w: w(
            "add", w("matmul_t", "V", "d"), w("add", w("add", "c", w("matmul_t", "M", "g")), w("matmul_t", "S", "d"))
        ),
        set(),
        {"matmul_t"},
    ),
}  # fmt: skip


def written(text: Callable[[Write], int]) -> tuple[tuple[Node, ...], int]:
    builder = Builder(rows=ALL_OPS)

    def place(arg: Any) -> int:
        if isinstance(arg, str):
            op, shape = LEAVES[arg]
            return builder.add(Node(op, (), arg, (), shape))
        return builder.add(Node("constant", attrs=(("value", arg),))) if isinstance(arg, float) else arg

    root = text(lambda op, *args, **attrs: builder.add_op(op, tuple(place(a) for a in args), attrs))
    return tuple(builder.nodes), root


def values() -> dict[str, np.ndarray]:
    draw = np.random.default_rng(0).standard_normal
    return {name: np.asarray(draw(shape)) for name, (_, shape) in LEAVES.items()}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_keeps_the_meaning_and_does_what_it_says(name: str, evaluate: Any) -> None:
    text, gone, there = RULES[name]
    nodes, root = written(text)
    after, moved = simplify_nodes(nodes, [root], last=True)
    found = {node.op for node in after}
    assert not gone & found
    assert there <= found
    before_value, after_value = evaluate(nodes, values())[root], evaluate(after, values())[moved[root]]
    assert np.shape(before_value) == np.shape(after_value)
    # sums in another order: a rounding or two
    np.testing.assert_allclose(after_value, before_value, rtol=1e-13, atol=1e-13)
    assert simplify_nodes(after, [moved[root]], last=True)[0] == after  # nothing is left to do


def test_a_long_chain_of_squares_takes_no_longer_than_its_length() -> None:
    def chain(w: Write) -> int:
        value = w("concat", "h", "c")
        for _ in range(400):  # each is read twice: 2⁴⁰⁰ ways down
            value = w("mul", value, value)
        return w("sum", value)

    nodes, root = written(chain)
    after, _ = simplify_nodes(nodes, [root])
    assert [node.op for node in after].count("mul") == 800
    nodes, root = written(lambda w: w("sum", deep(w)))
    assert len(simplify_nodes(nodes, [root])[0]) == len(nodes)


def deep(w: Write) -> int:
    value = w("tanh", "h")
    for _ in range(400):
        value = w("mul", value, value)
    return value


def test_transposed_products_that_are_added_become_one() -> None:
    for name in ("transposed products", "transposed products, spread out"):
        nodes, root = written(RULES[name][0])
        after, _ = simplify_nodes(nodes, [root])
        assert sum(node.op == "matmul_t" for node in after) == 1


def test_prune_keeps_what_roots_need_and_nothing_else(evaluate: Any) -> None:
    nodes, root = written(lambda w: (w("tanh", "h"), w("exp", "c"))[1])
    kept, moved = prune(nodes, [root])
    assert [node.op for node in kept] == ["state", "exp"]
    np.testing.assert_array_equal(evaluate(kept, values())[moved[root]], evaluate(nodes, values())[root])


def test_old_states_stay_where_nothing_reads_them() -> None:
    class Forgets(Cell):
        gates = "h"
        states = "h d"

        def step(self, x, h, d, W, b):
            return ops.tanh(W.h @ x + b.h), h

    graph = simplify(trace(Forgets(), 3, 4))
    assert {node.name for node in graph.nodes if node.op == "state"} == {"h", "d"}


# Spellings of LSTM that must give its plan.


class Renamed(Cell):
    gates = "alpha beta gamma delta"
    states = "out inner"

    def step(self, x, out, inner, W, R, b):
        f = ops.sigmoid(W.beta @ x + R.beta @ out + b.beta)
        i = ops.sigmoid(W.alpha @ x + R.alpha @ out + b.alpha)
        g = ops.tanh(W.gamma @ x + R.gamma @ out + b.gamma)
        inner = f * inner + i * g
        return ops.sigmoid(W.delta @ x + R.delta @ out + b.delta) * ops.tanh(inner), inner


class Permuted(Cell):
    gates = "i f g o"
    states = "h c"

    def step(self, x, h, c, W, R, b):
        o = ops.sigmoid(W.o @ x + R.o @ h + b.o)
        g = ops.tanh(W.g @ x + R.g @ h + b.g)
        i = ops.sigmoid(W.i @ x + R.i @ h + b.i)
        f = ops.sigmoid(W.f @ x + R.f @ h + b.f)
        c = f * c + i * g
        return o * ops.tanh(c), c


class Padded(Cell):
    """With operations that do nothing."""

    gates = "i f g o"
    states = "h c"

    def step(self, x, h, c, W, R, b):
        i = ops.sigmoid((W.i @ x + R.i @ h) * 1 + b.i)
        f = ops.apply("identity", ops.sigmoid(W.f @ x + 0 + R.f @ h + b.f))
        g = ops.tanh(b.g + (R.g @ h + W.g @ x)) / 1
        minus = -(W.o @ x + R.o @ h + b.o)
        o = ops.sigmoid(-minus)
        c = f * c + 1.0 * (i * g) - 0
        return o * ops.tanh(c), c


class Chunked(Cell):
    states = "h c"
    params: ClassVar = {"W": "G I", "R": "G H", "b": "G"}

    def __init__(self, gates: int) -> None:
        self.G = gates

    def step(self, x, h, c, W, R, b):
        i, f, g, o = (W @ x + R @ h + b).chunk(4)
        c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
        return ops.sigmoid(o) * ops.tanh(c), c


I, H = 3, 5
SPELLINGS: dict[str, Cell] = {"renamed": Renamed(), "permuted": Permuted(), "padded": Padded(), "chunk": Chunked(4 * H)}


def products_of(layer: Recurrent) -> list[Any]:
    """What each program multiplies: heights and depths, in order."""
    from cellwright.engine.run.registry import compiled_for

    plan = compiled_for(layer.key(0), torch.float64).plan
    programs = (plan.forward, plan.without, plan.backward)
    streams = [stream.size for stream in plan.hoisted.streams]
    return [streams, *[[(p.transposed, p.blocks, p.sizes) for p in program.products] for program in programs]]


def everything(layer: Recurrent) -> list[torch.Tensor]:
    torch.manual_seed(1)
    x = torch.randn(4, 3, I, dtype=torch.float64, requires_grad=True)
    states = tuple(torch.randn(1, 3, H, dtype=torch.float64) for _ in "hc")
    y, ends = layer(x, states, backend="cpu")
    gradients = torch.autograd.grad(y.sin().sum() + ends[1].cos().sum(), [x, *layer.parameters()])
    return [y, *ends, *gradients]


def code_of(layer: Recurrent) -> list[str]:
    """The code of every program, before LLVM optimises it."""
    from cellwright.engine.lower.program import program_module
    from cellwright.engine.run.registry import compiled_for

    compiled = compiled_for(layer.key(0), torch.float64)
    plan = compiled.plan
    return [str(program_module(program, compiled.target)) for program in (plan.forward, plan.without, plan.backward)]


@pytest.mark.parametrize("name", SPELLINGS)
def test_another_spelling_of_a_cell_has_its_very_code(name: str) -> None:
    """Other names of gates, another order of lines, operations that do nothing: so they cannot cost time."""
    plain, other = (Recurrent(cell, I, H, dtype=torch.float64) for cell in (LSTM(), SPELLINGS[name]))
    assert code_of(other) == code_of(plain)


@pytest.mark.parametrize("name", SPELLINGS)
def test_another_spelling_of_a_cell_has_its_products_and_its_numbers(name: str) -> None:
    plain, other = (Recurrent(cell, I, H, dtype=torch.float64) for cell in (LSTM(), SPELLINGS[name]))
    other.load_state_dict(dict(zip(other.state_dict(), plain.state_dict().values(), strict=True)))
    assert products_of(other) == products_of(plain)
    for ours, theirs in zip(everything(other), everything(plain), strict=True):
        assert torch.equal(ours, theirs)


def test_one_matrix_on_state_and_input_has_the_products_and_numbers_of_two(cases: Any) -> None:
    plain, joined = (Recurrent(cell, I, H, dtype=torch.float64) for cell in (LSTM(), cases.ConcatLSTM(I + H)))
    views, stored = plain.views(0), joined.state_dict()
    for gate in "ifgo":
        stored[f"M_{gate}_l0"] = torch.cat([views[f"R.{gate}"], views[f"W.{gate}"]], dim=1).detach()
        stored[f"q_{gate}_l0"] = views[f"b.{gate}"].detach()
    joined.load_state_dict(stored)
    assert products_of(joined) == products_of(plain)
    ours, theirs = everything(joined), everything(plain)
    for one, two_of_them in zip(ours[:4], theirs[:4], strict=True):  # torch's product of a copied matrix: a rounding
        torch.testing.assert_close(one, two_of_them, rtol=1e-14, atol=1e-15)
    ours, theirs = ours[4:], theirs[4:]
    d_matrix = torch.cat(
        [torch.cat([r, w], dim=1) for r, w in zip(theirs[1].chunk(4), theirs[0].chunk(4), strict=True)]
    )
    found = dict(zip((name for name, _ in joined.named_parameters()), ours, strict=True))
    # products over all steps, of other widths: other orders of summing
    together = torch.cat([found[f"M_{gate}_l0"] for gate in "ifgo"])
    torch.testing.assert_close(together, d_matrix, rtol=1e-13, atol=1e-14)
