"""From a cell's text to what runs: trace, verify, interpret, the passes to machine code, and running it (`run`)."""

from cellwright.engine.graph import Graph, Node
from cellwright.engine.interpret import interpret, interpret_sequence
from cellwright.engine.serial import cell_from_data, cell_to_data
from cellwright.engine.trace import trace
from cellwright.engine.verify import verify

__all__ = ["Graph", "Node", "cell_from_data", "cell_to_data", "interpret", "interpret_sequence", "trace", "verify"]
