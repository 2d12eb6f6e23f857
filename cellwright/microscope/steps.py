"""All steps of a run at once: every node of the step's graph in torch, for autograd, vmap and jacrev.

No loop over time: where the states before each step are known, the steps do not depend on each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional

from cellwright.engine.differentiate import Gradient
from cellwright.engine.graph import Graph, Node
from cellwright.engine.run.torch_rows import TORCH_ROWS
from cellwright.microscope.runs import Run

__all__ = ["COTANGENT", "Replace", "apply_node", "node_values", "run_leaves", "step_function"]

NOT_ELEMENTWISE = (
    *("matmul", "concat", "slice", "sum", "mean", "amax", "softmax", "cumsum"),
    *("matmul_t", "spread", "pad", "suffix_sum"),
)
# what gradients need beside the op list (engine.adjoint_ops), on values with any axes in front
ADJOINT_ROWS: dict[str, Callable[..., Tensor]] = {
    "matmul_t": lambda a, g: functional.linear(g, a.t()),
    "eq": torch.eq,
    "spread": lambda x, *, size: x.expand(*x.shape[:-1], size),
    "pad": lambda x, *, start, size: functional.pad(x, (start, size - start - x.shape[-1])),
    "suffix_sum": lambda x: x.flip(-1).cumsum(-1).flip(-1),
}
ROWS = {**TORCH_ROWS, **ADJOINT_ROWS}
COTANGENT = "gradient of "  # in front of a state's name, or of "output.y": what arrives there
Replace = Callable[[int, Tensor], Tensor]


def node_values(graph: Graph | Gradient, leaves: Mapping[str, Tensor], replace: Replace | None = None) -> list[Tensor]:
    """The value of every node, in order: (N, n) for a vector of each of N steps, (N,) for a scalar, without N where
    only parameters and numbers went in.

    Args:
        leaves: "x" (N, I), each state by name (N, S), each parameter by name. Without the axis N: one step.
        replace: (position, value) -> what later nodes read in its place. A later node that is the same op on the
            same values is the same node.

    The graph may be that of a gradient: then what arrives at each new state, and at the output, is a leaf too.
    """
    found: list[Tensor] = []
    ranks: list[int] = []  # axes of one step's value: 0 of a scalar
    like = leaves["x"]
    for index, node in enumerate(graph.nodes):
        if node.op == "constant":
            value = like.new_tensor(dict(node.attrs)["value"])
        elif not node.args:
            value = leaves[COTANGENT * (node.op == "cotangent") + node.name]
        else:
            value = apply_node(node, [found[a] for a in node.args], [ranks[a] for a in node.args])
        ranks.append(len(node.shape))
        found.append(value if replace is None else replace(index, value))
    return found


def apply_node(node: Node, args: list[Tensor], ranks: list[int]) -> Tensor:
    """One op on values with any axes in front; `ranks` are the axes of one step's argument: 0 of a scalar."""
    attrs = {key: int(value) for key, value in node.attrs}
    if node.op == "concat":
        lead = max((arg.shape[:-1] for arg in args), key=len)
        args = [arg.expand(*lead, arg.shape[-1]) for arg in args]
    elif node.op == "spread" and ranks == [0]:
        args = [args[0][..., None]]
    elif node.op not in NOT_ELEMENTWISE and any(ranks):  # a scalar of each step stands beside vectors as (N, 1)
        args = [arg[..., None] if rank == 0 and arg.dim() else arg for arg, rank in zip(args, ranks, strict=True)]
    return ROWS[node.op](*args, **attrs)


def run_leaves(run: Run) -> dict[str, Tensor]:
    """Leaves of all steps of all sequences, (T·B, n): x, the state before each step, and the weights."""
    leaves = {"x": torch.from_numpy(run.x_TBI).flatten(0, 1)}
    leaves |= {name: torch.from_numpy(run.before(name)).flatten(0, 1) for name in run.state_names}
    return leaves | {name: torch.from_numpy(weight) for name, weight in run.weights.items()}


def step_function(run: Run) -> Callable[[Tensor, Mapping[str, Tensor]], tuple[dict[str, Tensor], Tensor]]:
    """(x, states by name) -> (new states by name, output): one step, or N at once, in torch.

    For instance ``torch.func.vmap(torch.func.jacrev(step, argnums=1))(x_NI, states)``.
    """
    graph, weights = run.graph, {name: torch.from_numpy(weight) for name, weight in run.weights.items()}

    def step(x: Tensor, states: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], Tensor]:
        found = node_values(graph, {**weights, **states, "x": x})
        # a value made of parameters alone has no axis of steps
        lead = x.shape[:-1]
        whole = {name: found[at].expand(*lead, found[at].shape[-1]) for name, at in graph.states}
        return whole, found[graph.output].expand(*lead, found[graph.output].shape[-1])

    return step
