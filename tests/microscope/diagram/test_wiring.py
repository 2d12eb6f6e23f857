"""A diagram shows the equations: each op of the graph once, each value's way to whatever reads it, nothing else."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest

from cellwright.cells import CELLS, LSTM, Cell, PeepholeLSTM
from cellwright.engine.graph import Graph
from cellwright.engine.trace import trace
from cellwright.errors import ConfigError
from cellwright.microscope.diagram import bidirectional_svg, cell_svg, graph_svg, parts_of, unrolled_svg
from cellwright.microscope.diagram.board import arrange
from cellwright.microscope.diagram.ways import cells
from cellwright.ops import tanh

SVG = "{http://www.w3.org/2000/svg}"


def traced(cell: Cell) -> tuple[Graph, dict[str, int]]:
    names: dict[str, int] = {}
    size = cell.program.input_size if hasattr(cell, "program") else 3
    return trace(cell, size, 4 if size == 3 else 3, True, names), names


def ops_of(graph: Graph) -> Counter[int]:
    return Counter(k for k, node in enumerate(graph.nodes) if node.args)


def marks(svg: str, attribute: str) -> list[str]:
    return [mark.get(attribute, "") for mark in ElementTree.fromstring(svg).iter() if attribute in mark.attrib]


def reads(graph: Graph, names: dict[str, int]) -> set[tuple[int, int | str]]:
    """(value, part or new state that reads it), from the graph's arguments alone."""
    parts = parts_of(graph, names)
    home = {node: part.root for part in parts for node in part.nodes}
    values = {k for k, node in enumerate(graph.nodes) if node.op in ("input", "state")} | set(home)
    found: set[tuple[int, int | str]] = set()
    for k in home:
        for arg in graph.nodes[k].args:
            if arg in values and home.get(arg, -1) != home[k]:
                found.add((arg, home[k]))
    found |= {(index, name) for name, index in graph.states}
    if graph.output not in dict(graph.states).values():
        found.add((graph.output, "output"))
    return found


def test_marks_are_the_ops_and_lines_are_the_reads_of_any_cell(every_cell: str, cell_of: Callable[[str], Cell]) -> None:
    graph, names = traced(cell_of(every_cell))
    svg = graph_svg(graph, names)
    assert Counter(map(int, marks(svg, "data-op"))) == ops_of(graph)
    root = ElementTree.fromstring(svg)
    lines = {(line.get("data-from"), line.get("data-to")) for line in root.iter(f"{SVG}polyline")}
    assert lines == {(str(source), str(target)) for source, target in reads(graph, names)}


# In LayerNormGRU a line is walled in and goes straight through.
@pytest.mark.parametrize("name", [name for name in CELLS if name != "LayerNormGRU"])
def test_no_line_goes_through_a_part(name: str, cell_of: Callable[[str], Cell]) -> None:
    graph, names = traced(cell_of(name))
    board = arrange(graph, parts_of(graph, names))
    standing = {board.places[part.root] for part in board.parts}
    assert len(standing) == len(board.parts)
    for way in board.ways:
        assert not {place for place, _ in cells(way.points)} & standing - {way.points[0], way.points[-1]}


def test_a_missing_op_would_be_seen() -> None:
    graph, names = traced(LSTM())
    parts = parts_of(graph, names)
    without = dataclasses.replace(graph, nodes=(*graph.nodes, dataclasses.replace(graph.nodes[-1])))
    assert Counter(k for part in parts for k in part.nodes) == ops_of(graph) != ops_of(without)


def test_an_lstm_is_colahs_figure() -> None:
    graph, names = traced(LSTM())
    parts = parts_of(graph, names)
    assert [(part.kind, part.symbol, part.name) for part in parts] == [
        ("layer", "σ", "i"), ("layer", "σ", "f"), ("layer", "tanh", "g"), ("layer", "σ", "o"),
        ("point", "×", ""), ("point", "×", ""), ("point", "+", "c"), ("point", "tanh", ""), ("point", "×", "h"),
    ]  # fmt: skip
    board = arrange(graph, parts)
    assert list(board.lanes) == ["c"]
    rows = {part.symbol + part.name: board.places[part.root][1] for part in parts}
    assert rows["+c"] == board.lanes["c"] == board.exits["c"][1]
    assert len({board.places[part.root][1] for part in parts if part.kind == "layer"}) == 1


@pytest.mark.parametrize("channels", ["", "i", "f", "o", "if", "io", "fo", "ifo"])
def test_peephole_lines_come_and_go_with_their_channels(channels: str) -> None:
    graph, names = traced(PeepholeLSTM(channels))
    parts = {part.name: part for part in parts_of(graph, names) if part.kind == "layer"}
    old = next(k for k, node in enumerate(graph.nodes) if (node.op, node.name) == ("state", "c"))
    new = dict(graph.states)["c"]
    seen = {gate for gate in "if" if old in parts[gate].inputs} | ({"o"} if new in parts["o"].inputs else set())
    assert seen == set(channels)
    root = ElementTree.fromstring(cell_svg(PeepholeLSTM(channels)))
    lines = {(line.get("data-from"), line.get("data-to")) for line in root.iter(f"{SVG}polyline")}
    assert {gate for gate in "if" if (str(old), str(parts[gate].root)) in lines} == set(channels) - {"o"}


@pytest.mark.parametrize("steps", [1, 4])
@pytest.mark.parametrize("name", CELLS)
def test_unrolled_there_is_a_copy_for_each_step_and_states_go_on(
    steps: int, name: str, cell_of: Callable[[str], Cell]
) -> None:
    cell = cell_of(name)
    graph, _ = traced(cell)
    root = ElementTree.fromstring(unrolled_svg(cell, steps))
    copies = [mark for mark in root.iter(f"{SVG}g") if mark.get("class") == "copy"]
    assert [copy.get("data-step") for copy in copies] == [str(t + 1) for t in range(steps)]
    for copy in copies:
        assert Counter(int(m.get("data-op", "")) for m in copy.iter() if "data-op" in m.attrib) == ops_of(graph)
    handed = Counter(line.get("data-state") for line in root.iter(f"{SVG}polyline") if "data-state" in line.attrib)
    assert handed == (Counter(dict.fromkeys(cell.state_names, steps - 1)) if steps > 1 else Counter())
    (weights,) = [mark.get("data-weights", "") for mark in root.iter() if "data-weights" in mark.attrib]
    assert len(weights.split(", ")) == len(cell.parameter_shapes(3, 4))


def test_unrolled_the_lessons_network_names_its_three_matrices() -> None:
    """S = f(U x + W S), O = g(V S): the same U, W, V in every copy."""

    class Lesson(Cell):
        states = "S"
        params: ClassVar = {"U": "H I", "W": "H H", "V": "K H"}
        output = "O"
        sizes: ClassVar = {"O": "K"}
        K = 2

        def step(self, X, S, U, W, V):
            S = tanh(U @ X + W @ S)
            return S, V @ S

    svg = unrolled_svg(Lesson(), 4)
    assert marks(svg, "data-weights") == ["U, W, V"]
    assert marks(svg, "data-step") == ["1", "2", "3", "4"]


def test_both_directions_read_the_same_steps_from_opposite_ends() -> None:
    root = ElementTree.fromstring(bidirectional_svg(LSTM(), 4))
    assert Counter(m.get("data-direction") for m in root.iter() if "data-direction" in m.attrib) == Counter(
        forward=4, backward=4
    )
    ways: dict[str, list[tuple[float, float]]] = {"forward": [], "backward": []}
    for line in root.iter(f"{SVG}polyline"):
        if line.get("data-way") in ways:
            xs = [float(point.split(",")[0]) for point in line.get("points", "").split()]
            ways[line.get("data-way", "")].append((xs[0], xs[-1]))
    assert len(ways["forward"]) == len(ways["backward"]) == 3
    assert all(start < end for start, end in ways["forward"])
    assert all(start > end for start, end in ways["backward"])


@pytest.mark.parametrize("steps", [0, -1, 65])
def test_steps_that_cannot_be_drawn_are_named(steps: int) -> None:
    with pytest.raises(ConfigError, match=f"Expected 1 to 64 steps to draw, found {steps}"):
        unrolled_svg(LSTM(), steps)


def test_a_cells_name_cannot_break_the_file() -> None:
    class Odd(LSTM):
        @property
        def name(self) -> str:
            return "<script>&"

    assert "script" not in {mark.tag for mark in ElementTree.fromstring(cell_svg(Odd())).iter()}


def command(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cellwright", "show", *arguments], capture_output=True, text=True, cwd=cwd, check=False
    )


def test_show_writes_the_drawing_whole_or_not_at_all(tmp_path: Path) -> None:
    done = command("LSTM", "--svg", "lstm.svg", "--unroll", "3", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "lstm.svg").read_text(encoding="utf-8") == unrolled_svg(LSTM(), 3, 64, 128)
    missing = command("LSTM", "--svg", "none/lstm.svg", cwd=tmp_path)
    assert (missing.returncode, missing.stderr.count("Traceback")) == (1, 0)
    assert "StorageError: Expected lstm.svg to be written" in missing.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["lstm.svg"]
    bare = command("LSTM", "--unroll", "3", cwd=tmp_path)
    assert (bare.returncode, "Expected --svg FILE" in bare.stderr) == (1, True)
