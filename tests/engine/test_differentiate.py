"""Every row of the gradient, by its NumPy meaning, against torch's autograd; and that no op lacks a row anywhere."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch

from cellwright.engine.adjoint_ops import ADJOINT_OPS, ALL_OPS
from cellwright.engine.differentiate import VJP, differentiate
from cellwright.engine.graph import Builder, Graph, Node
from cellwright.engine.lower.row import COMPARISONS, LLVM_ROWS
from cellwright.engine.run.torch_rows import TORCH_ROWS
from cellwright.engine.sections import COPIES, REDUCTIONS, SCANS
from cellwright.engine.simplify import simplify_nodes
from cellwright.ops import OPS

N = 5
# The least and the greatest of random arguments: where torch's derivative is a number.
POSITIVE = {"log", "sqrt", "div"}
SHAPES = {
    1: [((N,),), ((1,),), ((),)],
    2: list(itertools.product([(N,), (1,), ()], repeat=2)),
    3: list(itertools.product([(N,), ()], repeat=3)),
    -1: [((N,), (2,), (1,)), ((N,),), ((1,), (1,))],
}
VECTORS = {"sum", "mean", "amax", "softmax", "cumsum", "slice"}


def calls() -> list[tuple[str, tuple[tuple[int, ...], ...], dict[str, int]]]:
    """Every op on every kind of shapes that its row takes."""
    found = []
    for name, row in OPS.items():
        if name == "matmul":
            continue
        for shapes in SHAPES[row.arity]:
            attrs = [{"start": 1, "stop": 4}, {"start": 0, "stop": N}] if name == "slice" else [{}]
            if name in VECTORS and (() in shapes or (name == "slice" and (1,) in shapes)):
                continue
            found += [(name, shapes, a) for a in attrs]
    return found


def step_of(name: str, shapes: Any, attrs: dict[str, int]) -> Graph:
    """A step whose output is one op on its states, which it hands on unchanged."""
    builder = Builder()
    states = [builder.add(Node("state", (), f"s{k}", (), shape)) for k, shape in enumerate(shapes)]
    output = builder.add_op(name, tuple(states), attrs)
    return Graph("One", tuple(builder.nodes), tuple((f"s{k}", s) for k, s in enumerate(states)), output)


def torch_gradients(name: str, values: list[np.ndarray], attrs: dict[str, int], g: np.ndarray) -> list[Any]:
    leaves = [torch.tensor(v, requires_grad=True) for v in values]
    first = leaves[0] != 0 if name == "where" else leaves[0]
    y = TORCH_ROWS[name](first, *leaves[1:], **attrs)
    if not y.requires_grad:
        return [np.zeros_like(v) for v in values]
    found = torch.autograd.grad(y, leaves, torch.tensor(g).reshape(y.shape), allow_unused=True)
    return [np.zeros_like(v) if f is None else f.numpy() for f, v in zip(found, values, strict=True)]


def compare(name: str, values: list[np.ndarray], attrs: dict[str, int], evaluate: Any) -> None:
    shapes = tuple(v.shape for v in values)
    graph = step_of(name, shapes, attrs)
    gradient = differentiate(graph)
    g = np.random.default_rng(3).standard_normal(graph.nodes[graph.output].shape)
    known = {f"s{k}": v for k, v in enumerate(values)}
    cotangents = {f"s{k}": np.zeros(v.shape) for k, v in enumerate(values)} | {"output.y": g}
    found = evaluate(gradient.nodes, known, cotangents)
    for (state, index), expected in zip(gradient.states, torch_gradients(name, values, attrs, g), strict=True):
        assert found[index].size == expected.size, (name, state)  # of one number, () and (1,) are the same to a plan
        # a few roundings of each side: 1e-12 of the largest
        ours = found[index].reshape(expected.shape)
        np.testing.assert_allclose(ours, expected, rtol=1e-12, atol=1e-12, err_msg=f"{name} {state}")


@pytest.mark.parametrize(("name", "shapes", "attrs"), calls())
def test_a_row_of_the_gradient_is_torchs(name: str, shapes: Any, attrs: dict[str, int], evaluate: Any) -> None:
    draw = np.random.default_rng(len(name)).standard_normal
    values = [np.asarray(draw(shape)) for shape in shapes]
    if name in POSITIVE:
        values = [np.abs(v) + 0.3 for v in values]
    if name == "where":
        values[0] = (values[0] > 0).astype(np.float64)
    compare(name, values, attrs, evaluate)


@pytest.mark.parametrize("name", ["minimum", "maximum", "amax", "relu", "abs", "lt", "le", "gt", "ge"])
def test_at_a_tie_the_gradient_is_torchs(name: str, evaluate: Any) -> None:
    a, b = np.array([1.0, 0.0, -2.0, 1.0, 1.0]), np.array([1.0, 0.0, 3.0, -1.0, 1.0])
    compare(name, [a, b][: OPS[name].arity], {}, evaluate)


def test_the_gradient_of_a_product_is_an_outer_product_and_the_transposed_matrix(evaluate: Any) -> None:
    builder, draw = Builder(), np.random.default_rng(0).standard_normal
    h = builder.add(Node("state", (), "h", (), (3,)))
    matrix = builder.add(Node("parameter", (), "M", (), (4, 3)))
    y = builder.add_op("matmul", (matrix, h), {})
    gradient = differentiate(Graph("One", tuple(builder.nodes), (("h", h),), y))
    values, arriving = {"h": draw(3), "M": draw((4, 3))}, draw(4)
    found = evaluate(gradient.nodes, values, {"h": np.zeros(3), "output.y": arriving})
    leaves = [torch.tensor(values[k], requires_grad=True) for k in ("M", "h")]
    d_matrix, d_h = torch.autograd.grad(leaves[0] @ leaves[1], leaves, torch.tensor(arriving))
    (outer,) = gradient.outers
    assert outer.matrix == matrix
    np.testing.assert_allclose(np.outer(found[outer.cotangent], found[outer.operand]), d_matrix, rtol=1e-14)
    np.testing.assert_allclose(found[dict(gradient.states)["h"]], d_h, rtol=1e-14)


@pytest.mark.parametrize(
    ("op", "adjoint", "attrs", "adjoint_attrs", "size"),
    [
        ("slice", "pad", {"start": 2, "stop": 4}, {"start": 2, "size": N}, N),
        ("sum", "spread", {}, {"size": N}, N),
        ("cumsum", "suffix_sum", {}, {}, N),
    ],
)
def test_an_adjoint_op_is_the_transpose_of_its_op(
    op: str, adjoint: str, attrs: Any, adjoint_attrs: Any, size: int
) -> None:
    """⟨A x, y⟩ = ⟨x, Aᵀ y⟩ for all x and y."""
    draw = np.random.default_rng(1).standard_normal
    x = draw(size)
    forward = np.asarray(ALL_OPS[op].numpy(x, **attrs))
    y = np.asarray(draw(forward.shape))
    back = ALL_OPS[adjoint].numpy(y, **adjoint_attrs)
    assert ALL_OPS[adjoint].shape(y.shape, **adjoint_attrs) == back.shape == x.shape
    np.testing.assert_allclose(np.sum(forward * y), np.sum(x * back), rtol=1e-13)


def test_the_transposed_product_and_equality_mean_what_they_say() -> None:
    draw = np.random.default_rng(1).standard_normal
    matrix, v = draw((4, 3)), draw(4)
    np.testing.assert_allclose(ADJOINT_OPS["matmul_t"].numpy(matrix, v), matrix.T @ v)
    assert ADJOINT_OPS["matmul_t"].shape((4, 3), (4,)) == (3,)
    assert ADJOINT_OPS["eq"].numpy(np.array([1.0, 2.0]), np.array([1.0, 3.0])).tolist() == [True, False]


# Ops without a row, and who sees to them.
NO_GRADIENT_ROW = {"matmul"}  # differentiate itself: an Outer and a matmul_t
WRITTEN_BY_ROW_WRITER = {*COMPARISONS, *REDUCTIONS, *COPIES, *SCANS, "slice", "where", "spread"}
PRODUCTS = {"matmul", "matmul_t"}  # lower/product.py
IN_STEPS_TOO = {"spread"}  # a number among the named values of a trace becomes a vector of one
TAKEN_APART = {"mean", "softmax"}  # simplify, before the plan


def test_every_op_has_a_row_in_every_table() -> None:
    missing = {
        "cellwright/engine/differentiate.py: VJP": set(OPS) - set(VJP) - NO_GRADIENT_ROW,
        "cellwright/engine/run/torch_rows.py: TORCH_ROWS": set(OPS) - set(TORCH_ROWS),
        "cellwright/engine/lower/row.py: LLVM_ROWS, or a method of RowWriter": (
            set(ALL_OPS) - set(LLVM_ROWS) - WRITTEN_BY_ROW_WRITER - PRODUCTS - TAKEN_APART
        ),
    }
    assert not any(missing.values()), {file: sorted(ops) for file, ops in missing.items() if ops}


def test_no_table_has_a_row_without_an_op() -> None:
    extra = {
        "cellwright/engine/differentiate.py: VJP": set(VJP) - set(OPS) - IN_STEPS_TOO,
        "cellwright/engine/run/torch_rows.py: TORCH_ROWS": set(TORCH_ROWS) - set(OPS) - IN_STEPS_TOO,
        "cellwright/engine/lower/row.py: LLVM_ROWS": set(LLVM_ROWS) - set(ALL_OPS),
    }
    assert not any(extra.values()), extra


@pytest.mark.parametrize("name", sorted(TAKEN_APART))
def test_an_op_without_code_of_its_own_is_taken_apart_before_the_plan(name: str) -> None:
    graph = step_of(name, ((N,),), {})
    nodes, _ = simplify_nodes(graph.nodes, [graph.output], last=True)
    assert name not in {node.op for node in nodes}
