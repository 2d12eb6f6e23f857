"""Every row of the op list: NumPy's meaning, the traced shape and the loop's torch row are one and the same."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cellwright import ops
from cellwright.engine.run.loop import LoopValue
from cellwright.engine.run.torch_rows import TORCH_ROWS
from cellwright.errors import CellError
from cellwright.ops import OPS, SPELLINGS

VALUES = {
    "log": st.floats(1e-6, 1e6),
    "sqrt": st.floats(0, 1e6),
    "div": st.floats(0.01, 100) | st.floats(-100, -0.01),
    "exp": st.floats(-700, 700),
}
ROW_OPS = ("sum", "mean", "amax", "softmax", "cumsum", "slice", "concat")


@st.composite
def argument_sets(draw, name: str):
    """(arrays with a batch axis or without, whether they have it, attributes) of one op."""
    value = VALUES.get(name, st.floats(-50, 50))
    batch, size = draw(st.integers(1, 3)), draw(st.integers(1, 5))
    count = OPS[name].arity if OPS[name].arity > 0 else draw(st.integers(1, 3))
    if name == "matmul":
        rows = draw(st.integers(1, 4))
        return (
            [draw(arrays(float, (rows, size), elements=value)), draw(arrays(float, (batch, size), elements=value))],
            [
                False,
                True,
            ],
            {},
        )
    parts, batched = [], []
    for _ in range(count):
        if name == "concat":
            size = draw(st.integers(1, 4))
        shapes = [(size,)] if name in ROW_OPS else [(size,), (), (1,)]
        shape = draw(st.sampled_from(shapes))
        batched.append(draw(st.booleans()))
        parts.append(draw(arrays(float, (batch, *shape) if batched[-1] else shape, elements=value)))
    if not any(batched):
        parts[0], batched[0] = np.broadcast_to(parts[0], (batch, *parts[0].shape)).copy(), True
    if name == "where":
        parts[0] = parts[0] > 0
    start = draw(st.integers(0, size - 1)) if name == "slice" else 0
    attrs = {"start": start, "stop": draw(st.integers(start + 1, size))} if name == "slice" else {}
    return parts, batched, attrs


@pytest.mark.parametrize("name", OPS)
def test_the_torch_row_gives_numpys_numbers_sequence_by_sequence(name: str) -> None:
    @settings(max_examples=60, deadline=None, database=None, derandomize=True)
    @given(argument_sets(name))
    def check(drawn) -> None:
        parts, batched, attrs = drawn
        values = [
            LoopValue(torch.from_numpy(np.asarray(p)), "Cell", with_batch)
            for p, with_batch in zip(parts, batched, strict=True)
        ]
        ours = ops.apply(name, *values, **attrs)
        batch = next(len(p) for p, with_batch in zip(parts, batched, strict=True) if with_batch)
        for b in range(batch):
            own = [p[b] if with_batch else p for p, with_batch in zip(parts, batched, strict=True)]
            expected = np.asarray(OPS[name].numpy(*own, **attrs))
            assert OPS[name].shape(*(np.shape(p) for p in own), **attrs) == expected.shape == ours.shape
            np.testing.assert_allclose(ours.tensor[b].numpy(), expected, rtol=1e-13, atol=1e-13)

    check()


def test_the_two_tables_have_the_same_rows() -> None:
    """Torch has one row more: a number as a vector, which only gradients use."""
    assert list(TORCH_ROWS) == [*OPS, "spread"]


def test_every_spelling_is_a_function_or_method_of_torch() -> None:
    for spelling, op in SPELLINGS.items():
        assert op in OPS
        holders = (torch, torch.Tensor, torch.nn.functional)
        assert any(hasattr(holder, spelling) for holder in holders), spelling


@pytest.mark.parametrize("name", [name for name in ops.__all__ if name in OPS])
def test_public_functions_have_their_rows_meaning_on_numpy_arrays(name: str) -> None:
    given = [np.array([0.3, 1.2, 0.9]), np.array([1.1, 0.2, 0.9]), np.array([0.5, 0.6, 0.7])]
    count = max(OPS[name].arity, 1)
    given = [given[0] > 0.5, *given[1:]] if name == "where" else given[:count]
    np.testing.assert_array_equal(getattr(ops, name)(*given), OPS[name].numpy(*given))


@pytest.mark.parametrize(
    ("name", "x", "expected"),
    [
        ("sigmoid", [-1e4, -745, 0, 745, 1e4], [0, 0, 0.5, 1, 1]),
        ("softplus", [-1e4, 0, 1e4], [0, np.log(2), 1e4]),
        ("tanh", [-1e4, 1e4], [-1, 1]),
        ("softmax", [1e4, 1e4, -1e4], [0.5, 0.5, 0]),
    ],
)
def test_large_arguments_do_not_overflow(name: str, x: list[float], expected: list[float]) -> None:
    with np.errstate(all="raise", under="ignore"):
        np.testing.assert_allclose(OPS[name].numpy(np.array(x)), expected, atol=1e-300)
    row = TORCH_ROWS[name](torch.tensor([x], dtype=torch.float64))
    np.testing.assert_allclose(row[0].numpy(), expected, atol=1e-300)


def test_zero_is_the_term_that_is_not_there() -> None:
    v = np.array([1.0, 2.0])
    assert ops.zero * 3.0 is ops.zero @ v is ops.zero
    assert (ops.zero + v) is v
    value = LoopValue(torch.tensor([[1.0, 2.0]]), "Cell")
    assert value + ops.zero is value is ops.zero + value is value - ops.zero
    assert value * ops.zero is ops.zero * value is ops.zero


SHAPES = {
    "sizes that differ": ("add", [(3,), (2,)]),
    "a matrix elementwise": ("mul", [(3, 3), (3,)]),
    "a product of vectors": ("matmul", [(3,), (3,)]),
    "a product that does not fit": ("matmul", [(3, 2), (3,)]),
    "a joined scalar": ("concat", [(3,), ()]),
    "a sum of a scalar": ("sum", [()]),
    "a sum of a matrix": ("sum", [(2, 2)]),
}


@pytest.mark.parametrize("what", SHAPES)
def test_shapes_that_do_not_fit_are_refused(what: str) -> None:
    name, shapes = SHAPES[what]
    with pytest.raises(ValueError, match=r"shape|sizes|vector"):
        OPS[name].shape(*shapes)


@pytest.mark.parametrize(("start", "stop"), [(0, 0), (-1, 2), (0, 4), (2, 1)])
def test_a_slice_stays_within_its_vector(start: int, stop: int) -> None:
    with pytest.raises(ValueError, match="slice"):
        OPS["slice"].shape((3,), start=start, stop=stop)


def test_a_kind_of_value_without_a_meaning_says_so() -> None:
    with pytest.raises(CellError, match="Operators has no meaning for op `add`"):
        ops.Operators() + 1
