"""From a cell's text to its graph, and what a legal graph is."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest

from cellwright import ops
from cellwright.cells import GRU, LSTM, Cell, Elman
from cellwright.engine import Graph, Node, trace, verify
from cellwright.errors import CellError, UnsupportedOp


def test_the_graph_of_elman_on_one_screen() -> None:
    assert str(trace(Elman(), 2, 3)).splitlines() == [
        "Elman:",
        "%0   input x                            (2,)",
        "%1   state h                            (3,)",
        "%2   parameter W.h                      (3, 2)",
        "%3   parameter R.h                      (3, 3)",
        "%4   parameter b.h                      (3,)",
        "%5   matmul(%2, %0)                     (3,)",
        "%6   matmul(%3, %1)                     (3,)",
        "%7   add(%5, %6)                        (3,)",
        "%8   add(%7, %4)                        (3,)",
        "%9   tanh(%8)                           (3,)",
        "h′ = %9",
        "output = %9",
    ]


def test_every_graph_is_legal_and_names_what_the_cell_declares(make) -> None:
    cell = make()
    graph = trace(cell, 2, 3)
    verify(graph)
    leaves = {
        kind: {node.name: node.shape for node in graph.nodes if node.op == kind} for kind in ("state", "parameter")
    }
    assert leaves["state"] == {name: (size,) for name, size in cell.state_sizes(3).items()}
    assert leaves["parameter"] == cell.parameter_shapes(2, 3)
    assert [name for name, _ in graph.states] == list(cell.state_names)
    assert graph.nodes[graph.output].shape == (cell.output_size(3),)


def test_the_same_text_gives_the_same_graph(make) -> None:
    assert trace(make(), 2, 3) == trace(make(), 2, 3)


def test_a_graph_without_bias_has_no_bias_and_no_term_for_it() -> None:
    graph = trace(Elman(), 2, 3, bias=False)
    assert [node.name for node in graph.nodes if node.op == "parameter"] == ["W.h", "R.h"]
    assert sum(node.op == "add" for node in graph.nodes) == 1


def test_the_same_op_on_the_same_values_is_one_node() -> None:
    class Twice(Cell):
        def step(self, x, h):
            return ops.tanh(h) * ops.tanh(h) + 2 * h + 2 * h

    nodes = trace(Twice(), 1, 3).nodes
    assert [node.op for node in nodes] == ["input", "state", "tanh", "mul", "constant", "mul", "add", "add"]


def test_numbers_on_either_side_keep_their_order() -> None:
    class Sides(Cell):
        def step(self, x, h):
            return (1 - h) / 2 - (2 / h - 1) + ops.where(0.5 < h, h * 3, 4 * h)  # noqa: SIM300

    graph = trace(Sides(), 1, 3)
    from cellwright.engine import interpret

    h = np.array([0.2, 0.7, -1.5])
    new, _ = interpret(graph, {"x": np.zeros(1), "h": h})
    np.testing.assert_array_equal(new["h"], (1 - h) / 2 - (2 / h - 1) + np.where(h > 0.5, h * 3, 4 * h))


def test_numbers_of_numpy_are_numbers() -> None:
    class Scaled(Cell):
        def __init__(self, scale) -> None:
            self.scale = scale

        def step(self, x, h):
            return self.scale * h + h * self.scale

    assert trace(Scaled(np.float64(0.5)), 1, 3) == trace(Scaled(0.5), 1, 3)


def test_a_torch_function_outside_the_list_is_named_with_its_line() -> None:
    import torch

    class Lgamma(Cell):
        def step(self, x, h):
            return torch.lgamma(h)

    with pytest.raises(UnsupportedOp, match=r"torch\.lgamma is not in cellwright's op list") as caught:
        trace(Lgamma(), 1, 3)
    assert caught.value.file == __file__
    assert (caught.value.source or "").strip() == "return torch.lgamma(h)"


def test_an_array_that_nothing_declares_is_refused() -> None:
    class Mixes(Cell):
        def step(self, x, h):
            return ops.maximum(h, np.ones(3))

    with pytest.raises(CellError, match="mixes in a ndarray"):
        trace(Mixes(), 1, 3)


def test_tracing_loads_no_torch() -> None:
    program = "import sys; from cellwright.cells import LSTM; from cellwright.engine import trace; trace(LSTM(), 2, 3)"
    done = subprocess.run([sys.executable, "-c", f"{program}; print('torch' in sys.modules)"], capture_output=True)
    assert done.stdout.strip() == b"False", done.stderr


def test_a_graph_grows_with_neither_size() -> None:
    for cell in (LSTM(), GRU()):
        assert len(trace(cell, 2, 3).nodes) == len(trace(cell, 600, 1000).nodes)


GOOD = trace(Elman(), 2, 3)


def changed(position: int, **what: object) -> Graph:
    nodes = list(GOOD.nodes)
    nodes[position] = dataclasses.replace(nodes[position], **what)
    return dataclasses.replace(GOOD, nodes=tuple(nodes))


BROKEN = {
    "unknown op": changed(9, op="sinh"),
    "later argument": changed(7, args=(5, 8)),
    "own argument": changed(7, args=(5, 7)),
    "negative argument": changed(7, args=(5, -1)),
    "too few arguments": changed(7, args=(5,)),
    "too many arguments": changed(9, args=(8, 8)),
    "no arguments": changed(9, args=()),
    "wrong shape": changed(9, shape=(4,)),
    "attribute the op has not": changed(9, attrs=(("start", 1),)),
    "slice without limits": changed(9, op="slice"),
    "slice beyond the end": changed(9, op="slice", attrs=(("start", 1), ("stop", 4))),
    "leaf with arguments": changed(2, args=(0,)),
    "leaf without a name": changed(2, name=""),
    "leaf with an attribute": changed(2, attrs=(("value", 1.0),)),
    "constant without a value": changed(4, op="constant", name="", shape=()),
    "constant with a name": changed(4, op="constant", attrs=(("value", 1.0),), shape=()),
    "constant with a shape": changed(4, op="constant", name="", attrs=(("value", 1.0),)),
    "empty shape": changed(0, shape=(0,)),
    "matrix that is no parameter": changed(3, op="state", name="R"),
    "product of vectors": changed(6, args=(1, 1)),
    "matrix as a vector": changed(8, args=(7, 3)),
    "state that is not there": dataclasses.replace(GOOD, states=(("c", 9),)),
    "state beyond the graph": dataclasses.replace(GOOD, states=(("h", 10),)),
    "state of another shape": dataclasses.replace(GOOD, states=(("h", 0),)),
    "negative output": dataclasses.replace(GOOD, output=-1),
    "output beyond the graph": dataclasses.replace(GOOD, output=10),
    "matrix as output": dataclasses.replace(GOOD, output=2),
}


@pytest.mark.parametrize("graph", BROKEN.values(), ids=list(BROKEN))
def test_a_broken_graph_is_refused(graph: Graph) -> None:
    verify(GOOD)
    with pytest.raises(CellError, match="graph of Elman"):
        verify(graph)


def test_nodes_are_compared_by_what_they_are() -> None:
    assert Node("add", (0, 1), shape=(3,)) == Node("add", (0, 1), shape=(3,)) != Node("add", (1, 0), shape=(3,))
    with pytest.raises(dataclasses.FrozenInstanceError):
        GOOD.nodes[0].op = "state"  # type: ignore[misc]
