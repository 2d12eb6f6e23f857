"""A cell as data: the graph of its step over the op list and what it declares, in JSON. Reading it runs no code of the
file; a cell read back replays the graph."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from cellwright.cells.cell import Cell
from cellwright.engine.graph import LEAVES, Graph, Node
from cellwright.engine.text import graph_equations
from cellwright.engine.trace import trace
from cellwright.engine.verify import verify
from cellwright.errors import CellError, StorageError
from cellwright.ops import OPS, apply

__all__ = ["MAX_NODES", "GraphCell", "cell_from_data", "cell_to_data"]

MAX_NODES = 10_000
MAX_SIZE = 1_000_000
MAX_NUMBERS = 1_000_000_000


def cell_to_data(cell: Cell, input_size: int, hidden_size: int, bias: bool = True) -> dict[str, Any]:
    """A JSON-able description of `cell`, its graph traced at one input and hidden size."""
    graph = trace(cell, input_size, hidden_size, bias)
    letters = {letter for text in (*cell.params.values(), *cell.sizes.values()) for letter in text.split()} - {"I", "H"}
    return {
        "name": cell.name,
        "gates": cell.gates,
        "states": cell.states,
        "params": dict(cell.params),
        "sizes": dict(cell.sizes),
        "output": cell.output,
        "recurrent_bias": cell.recurrent_bias,
        "letters": {letter: cell.letter(letter) for letter in sorted(letters)},
        "takes": list(cell.takes()),
        "input_size": input_size,
        "hidden_size": hidden_size,
        "bias": bias,
        "nodes": [_node_to_data(node) for node in graph.nodes],
        "new_states": [[name, index] for name, index in graph.states],
        "output_node": graph.output,
    }


def _node_to_data(node: Node) -> dict[str, Any]:
    data: dict[str, Any] = {"op": node.op, "shape": list(node.shape)}
    if node.args:
        data["args"] = list(node.args)
    if node.name:
        data["name"] = node.name
    if node.attrs:
        data["attrs"] = {key: value if math.isfinite(value) else repr(value) for key, value in node.attrs}
    return data


def cell_from_data(data: Mapping[str, Any]) -> GraphCell:
    """The cell that `cell_to_data` described.

    Raises:
        StorageError: the data is not what `cell_to_data` writes, names an op outside the list, or passes a limit.
    """
    try:
        return _read(data)
    except CellError as wrong:
        raise StorageError(f"the stored cell is not legal: {wrong.message}") from None
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as wrong:
        raise StorageError(f"the stored cell is not what cellwright writes: {type(wrong).__name__}: {wrong}") from None


def _read(data: Mapping[str, Any]) -> GraphCell:
    if not 0 < len(data["nodes"]) <= MAX_NODES:
        raise ValueError(f"{len(data['nodes'])} nodes, at most {MAX_NODES}")
    nodes = tuple(_node_from_data(node) for node in data["nodes"])
    states = tuple((_name(name), _whole(index)) for name, index in data["new_states"])
    graph = Graph(_name(data["name"]), nodes, states, _whole(data["output_node"]))
    if sum(math.prod(node.shape) for node in nodes) > MAX_NUMBERS:
        raise ValueError(f"more than {MAX_NUMBERS} numbers in one step")
    verify(graph)
    cell = GraphCell(graph, data)
    if tuple(name for name, _ in states) != cell.state_names:
        raise ValueError(f"new states {states} differ from the declared {cell.state_names}")
    input_size, hidden_size = _whole(data["input_size"]), _whole(data["hidden_size"])
    shapes = cell.parameter_shapes(input_size, hidden_size, bool(data["bias"]))
    if sum(math.prod(shape) for shape in shapes.values()) > MAX_NUMBERS:
        raise ValueError(f"more than {MAX_NUMBERS} parameters")
    sizes = cell.state_sizes(hidden_size)
    expected: dict[str, dict[str, tuple[int, ...]]] = {
        "input": {"x": (input_size,)},
        "state": {name: (size,) for name, size in sizes.items()},
        "parameter": {name: shape for name, shape in shapes.items() if name.split(".")[0] in cell.takes()},
    }
    for node in nodes:
        if node.op in expected and (declared := expected[node.op].get(node.name)) != node.shape:
            raise ValueError(f"{node.op} {node.name} of shape {node.shape}, declared {declared}")
    output = dict(states).get(cell.output_name, graph.output)
    if graph.output != output or nodes[output].shape != (cell.output_size(hidden_size),):
        raise ValueError(f"the output is not the declared {cell.output_name}")
    if len(set(cell.state_names)) < len(cell.state_names) or {"x", *sizes} & {*shapes}:
        raise ValueError("a name stands for two things")
    return cell


def _node_from_data(data: Mapping[str, Any]) -> Node:
    op = data["op"]
    if op not in OPS and op not in LEAVES:
        raise ValueError(f"op {op!r} is not in the op list")
    unknown = set(data) - {"op", "shape", "args", "name", "attrs"}
    if unknown:
        raise ValueError(f"a node with {sorted(unknown)}")
    attrs = data.get("attrs", {})
    values = {str(k): float(v) if op == "constant" else _whole(v) for k, v in attrs.items()}
    name = _name(data["name"]) if "name" in data else ""
    args = tuple(_whole(arg) for arg in data.get("args", ()))
    return Node(op, args, name, tuple(sorted(values.items())), tuple(_whole(size) for size in data["shape"]))


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_SIZE:
        raise ValueError(f"{value!r} is no whole number up to {MAX_SIZE}")
    return value


def _name(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 64 or not all(part.isidentifier() for part in value.split(".")):
        raise ValueError(f"{value!r} is no name")
    return value


class GraphCell(Cell):
    """A cell read from a file: it declares what the file says and replays the graph."""

    def __init__(self, graph: Graph, data: Mapping[str, Any]) -> None:
        self.graph, self._name = graph, graph.cell
        self.gates, self.states, self.recurrent_bias = (
            " ".join(_name(name) for name in data[key].split()) for key in ("gates", "states", "recurrent_bias")
        )
        self.params = {_name(k): " ".join(_name(v) for v in letters.split()) for k, letters in data["params"].items()}
        self.sizes = {_name(k): _name(letter) for k, letter in data["sizes"].items()}
        self.output = None if data["output"] is None else _name(data["output"])
        self._letters = {_name(letter): _whole(size) for letter, size in data["letters"].items()}
        self._takes = tuple(_name(name) for name in data["takes"])

    @property
    def name(self) -> str:
        return self._name

    def takes(self) -> tuple[str, ...]:
        return self._takes

    def letter(self, letter: str) -> int | None:
        return self._letters.get(letter)

    def equations(self) -> str:
        """The equations of the graph: names of intermediate values are not stored, so they are v1, v2 …"""
        return graph_equations(self.graph)

    def step(self, x: Any, *states: Any, **arguments: Any) -> tuple[Any, ...]:
        """Replay the graph on values of any kind."""
        held = {"x": x, **dict(zip(self.state_names, states, strict=True))}
        results: list[Any] = []
        for node in self.graph.nodes:
            attrs = dict(node.attrs)
            if node.op == "constant":
                results.append(attrs["value"])
            elif node.op == "parameter":
                owner, _, gate = node.name.partition(".")
                results.append(getattr(arguments[owner], gate) if gate else arguments[owner])
            elif node.op in LEAVES:
                results.append(held[node.name])
            else:
                results.append(apply(node.op, *(results[arg] for arg in node.args), **attrs))
        new = tuple(results[index] for _, index in self.graph.states)
        separate = self.output is not None and self.output not in self.state_names
        return (*new, results[self.graph.output]) if separate else new
