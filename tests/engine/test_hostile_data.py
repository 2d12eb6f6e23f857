"""Stored cells that are not what cellwright writes are refused with StorageError, whatever is in them."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellwright.cells import GRU, LSTMP, Elman, PeepholeLSTM
from cellwright.engine import cell_from_data, cell_to_data, interpret_sequence, trace
from cellwright.engine.serial import MAX_NODES, MAX_SIZE
from cellwright.errors import StorageError

Data = dict[str, Any]
GOOD = {
    cell.name + str(k): cell_to_data(cell, 2, 3)
    for k, cell in enumerate((Elman(), Elman(output_size=2), LSTMP(2), GRU(), PeepholeLSTM()))
}


def elman() -> Data:
    return copy.deepcopy(GOOD["Elman0"])


def put(*path: Any, value: Any) -> Data:
    data = elman()
    inside: Any = data
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = value
    return data


def deep(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


def with_nodes(change: Callable[[list[Data]], object], **others: Any) -> Data:
    data = elman()
    change(data["nodes"])
    return data | others


def doubling() -> Data:
    """h joined with itself again and again: 3·2^k features."""
    data = elman()
    for size in (2**k for k in range(1, 40)):
        data["nodes"].append({"op": "concat", "args": [len(data["nodes"]) - 1] * 2, "shape": [3 * size]})
    return data


def wide() -> Data:
    """Many nodes of the largest size."""
    data = cell_to_data(Elman(), 1, 1)
    data["nodes"][0]["shape"] = data["input_size"] = None
    data |= {"input_size": MAX_SIZE, "hidden_size": 1}
    data["nodes"][0]["shape"] = [MAX_SIZE]
    data["nodes"][2]["shape"] = [1, MAX_SIZE]
    data["nodes"] += [{"op": "tanh", "args": [0], "shape": [MAX_SIZE]} for _ in range(2000)]
    return data


HOSTILE: dict[str, Any] = {
    "nothing": None,
    "a number": 3,
    "a text": "Elman",
    "a list": [elman()],
    "an empty mapping": {},
    "no nodes": put("nodes", value=[]),
    "nodes that are a number": put("nodes", value=7),
    "nodes that are a text": put("nodes", value="tanh"),
    "a node that is a list": put("nodes", 9, value=["tanh"]),
    "an op outside the list": put("nodes", 9, "op", value="system"),
    "an op that is a list": put("nodes", 9, "op", value=["tanh"]),
    "an op that is code": put("nodes", 9, "op", value="__import__('os').system('true')"),
    "a node with something more": put("nodes", 9, "code", value="print(1)"),
    "too many nodes": with_nodes(lambda nodes: nodes.extend([nodes[9]] * MAX_NODES)),
    "a later argument": put("nodes", 5, "args", value=[9, 9]),
    "itself as argument": put("nodes", 9, "args", value=[9]),
    "a negative argument": put("nodes", 9, "args", value=[-1]),
    "an argument that is true": put("nodes", 9, "args", value=[True]),
    "an argument that is no whole number": put("nodes", 9, "args", value=[8.5]),
    "another shape": put("nodes", 9, "shape", value=[4]),
    "a huge shape": put("nodes", 9, "shape", value=[10**9]),
    "a huge whole number as shape": put("nodes", 9, "shape", value=[10**5000]),
    "a negative shape": put("nodes", 0, "shape", value=[-2]),
    "an empty shape": put("nodes", 0, "shape", value=[0]),
    "deep nesting as shape": put("nodes", 9, "shape", value=deep(100_000)),
    "deep nesting as a name": put("nodes", 0, "name", value=deep(100_000)),
    "doubling": doubling(),
    "more numbers than fit": wide(),
    "more parameters than fit": elman() | {"input_size": MAX_SIZE, "hidden_size": MAX_SIZE},
    "an input that is no input": put("nodes", 0, "name", value="y"),
    "an input named as a weight": put("nodes", 2, "op", value="input"),
    "a weight named as a state": put("nodes", 1, "op", value="parameter"),
    "an undeclared weight": put("nodes", 2, "name", value="W.z"),
    "a weight that step does not take": elman() | {"takes": ["W", "R"]},
    "a weight of another shape": elman() | {"input_size": 5},
    "another hidden size": elman() | {"hidden_size": 4},
    "a hidden size that is true": elman() | {"hidden_size": True},
    "a hidden size that is a text": elman() | {"hidden_size": "3"},
    "an undeclared parameter": elman() | {"params": {"V": "O H"}},
    "a parameter with an unknown letter": elman() | {"params": {"V": "Z"}, "takes": ["W", "R", "b", "V"]},
    "a parameter under a state's name": elman() | {"params": {"h": "H"}, "takes": ["W", "R", "b", "h"]},
    "params that are a list": elman() | {"params": ["V"]},
    "no new state": elman() | {"new_states": []},
    "a new state of another name": elman() | {"new_states": [["c", 9]]},
    "a new state beyond the graph": elman() | {"new_states": [["h", 10]]},
    "new states that are no pairs": elman() | {"new_states": [["h"]]},
    "a state twice": elman() | {"states": "h h", "new_states": [["h", 9], ["h", 9]]},
    "a state of two sizes": elman() | {"sizes": {"h": "H H"}},
    "a state of input size": elman() | {"sizes": {"h": "I"}},
    "an output that is not the state it names": elman() | {"output_node": 1},
    "an output of another size": elman() | {"output": "y", "output_node": 0},
    "an output beyond the graph": elman() | {"output_node": 99},
    "a slice of zero": with_nodes(
        lambda nodes: nodes.append({"op": "slice", "args": [9], "shape": [0], "attrs": {"start": 1, "stop": 1}})
    ),
    "a slice with a text": with_nodes(
        lambda nodes: nodes.append({"op": "slice", "args": [9], "shape": [1], "attrs": {"start": "0", "stop": 1}})
    ),
    "a constant without a value": put("nodes", 4, value={"op": "constant", "shape": []}),
    "a constant with a shape": put("nodes", 4, value={"op": "constant", "shape": [3], "attrs": {"value": 1}}),
    "a constant that is a text": put("nodes", 4, value={"op": "constant", "shape": [], "attrs": {"value": "one"}}),
    "a constant too large for a float": put(
        "nodes", 4, value={"op": "constant", "shape": [], "attrs": {"value": 10**400}}
    ),
    "a name with a space": elman() | {"name": "El man"},
    "a name of 1000 letters": elman() | {"name": "E" * 1000},
    "a name that is a path": elman() | {"name": "../Elman"},
    "a gate that is a path": elman() | {"gates": "../h"},
    "gates that are a number": elman() | {"gates": 3},
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_data_is_refused(what: str) -> None:
    with pytest.raises(StorageError):
        cell_from_data(HOSTILE[what])


@pytest.mark.parametrize("key", GOOD["Elman0"])
def test_no_key_may_be_missing(key: str) -> None:
    with pytest.raises(StorageError):
        cell_from_data({name: value for name, value in elman().items() if name != key})


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 12)
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(
        ["x", "h", "c", "W.i", "b.h", "H", "I", "P", "tanh", "concat", "matmul", "constant", "state", "h c"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["op", "value", "h", "x"]), inner, max_size=3)
    ),
    max_leaves=4,
)


@st.composite
def mutated(draw) -> Data:
    """A stored cell with one to three values replaced, removed, or exchanged with another one."""
    data = copy.deepcopy(draw(st.sampled_from(list(GOOD.values()))))
    for _ in range(draw(st.integers(1, 3))):
        inside: Any = data
        while True:
            keys = list(inside) if isinstance(inside, dict) else list(range(len(inside)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(inside[key], dict | list) and draw(st.integers(0, 3)):
                inside = inside[key]
                continue
            action = draw(st.sampled_from(["replace", "replace", "remove", "exchange"]))
            if action == "remove":
                del inside[key]
            elif action == "replace":
                inside[key] = draw(JUNK)
            else:
                other = draw(st.sampled_from(keys))
                inside[key], inside[other] = inside[other], inside[key]
            break
    return data


@settings(max_examples=120, deadline=None, database=None, derandomize=True)
@given(mutated())
def test_changed_data_is_refused_or_is_a_cell_that_runs(data: Data) -> None:
    try:
        cell = cell_from_data(data)
    except StorageError:
        return
    json.dumps(data)
    input_size, hidden_size, bias = data["input_size"], data["hidden_size"], bool(data["bias"])
    if max(input_size, hidden_size) > 100:
        return
    trace(cell, input_size, hidden_size, bias)
    weights = {k: np.full(shape, 0.1) for k, shape in cell.parameter_shapes(input_size, hidden_size, bias).items()}
    states = [np.full((1, size), 0.1) for size in cell.state_sizes(hidden_size).values()]
    with np.errstate(all="ignore"):
        y, _ = interpret_sequence(cell, weights, np.ones((2, 1, input_size)), states)
    assert y.shape == (2, 1, cell.output_size(hidden_size))
