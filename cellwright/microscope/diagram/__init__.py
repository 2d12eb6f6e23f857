"""Wiring diagrams drawn from a cell's equations: every op of the graph of a step is one mark of the picture.

parts.py    graph -> what is drawn as one: layer rectangles, pointwise circles, other ops
board.py    where each part stands, and the ways between them
svg.py      one step, as SVG
unrolled.py steps side by side, one direction or both
"""

from cellwright.microscope.diagram.parts import Part, parts_of
from cellwright.microscope.diagram.svg import cell_svg, graph_svg
from cellwright.microscope.diagram.unrolled import bidirectional_svg, unrolled_svg

__all__ = ["Part", "bidirectional_svg", "cell_svg", "graph_svg", "parts_of", "unrolled_svg"]
