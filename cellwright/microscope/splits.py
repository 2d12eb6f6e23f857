"""What each op does with a value that is split in three: what the phrase gave, what the rest gave, what is neutral.

Neutral is what weights, numbers and held values alone give in this step. The rules of contextual decomposition, written
an op instead of a network:

    + − neg identity, products with a weight matrix, slices, joins, sums      each part by itself
    a ⊙ b       phrase   β_a (β_b + ν_b) + ν_a β_b          neutral   ν_a ν_b          rest   everything else
    a / b       a's parts over b: b is held
    σ tanh exp relu |·| max min softmax …                    φ(ν) is neutral; of φ(β + γ + ν) − φ(ν) the phrase gets
                ½ [φ(β + ν) − φ(ν) + φ(β + γ + ν) − φ(γ + ν)], the rest the same with β and γ exchanged
    √ log, comparisons                                       held; where(c, a, b) takes parts as c chooses

Held: the value as it is, neutral. √ and log stand in norms and have no value at some parts. In every rule the parts add
up to the value; a phrase of nothing has β = 0 exactly, a phrase of everything γ = 0 exactly.

Axes: K = 3 parts, P phrases, n features.
"""

from __future__ import annotations

from collections.abc import Container, Mapping

import torch
from torch import Tensor

from cellwright.engine.graph import Graph, Node
from cellwright.microscope.steps import apply_node

__all__ = ["PARTS", "held", "settle", "share", "split_nodes"]

PARTS = ("phrase", "rest", "neutral")
LINEAR = ("add", "sub", "neg", "identity", "matmul", "slice", "concat", "sum", "mean", "cumsum", "spread")
HELD = ("sqrt", "log", "lt", "le", "gt", "ge")


def held(value: Tensor) -> Tensor:
    """A value without parts, all neutral."""
    nothing = torch.zeros_like(value)
    return torch.stack([nothing, nothing, value])


def settle(value_KPn: Tensor, inside_P: Tensor) -> Tensor:
    """The neutral part goes to the phrase where the step is `inside` it, else to the rest."""
    phrase, rest, neutral = value_KPn
    inside = inside_P[:, None]
    nothing = torch.zeros_like(neutral)
    given = (torch.where(inside, neutral, nothing), torch.where(inside, nothing, neutral))
    return torch.stack([phrase + given[0], rest + given[1], nothing])


def split_nodes(
    graph: Graph, leaves: Mapping[str, Tensor], inside_P: Tensor, whole: Container[int] = ()
) -> list[Tensor]:
    """The parts of every node of one step, (K, P, n), or (K, P) of a scalar; a matrix as it is.

    A new state and the output are settled before a later op reads them, as the bias terms of c in Murdoch et al. 2018.

    Args:
        leaves: "x" and each state in parts, (K, P, n); each parameter as it is.
        inside_P: whether this step belongs to the phrase.
        whole: nodes that are not split but held.
    """
    phrases = len(inside_P)
    ends = {index for _, index in graph.states} | {graph.output}
    found: list[Tensor] = []
    for index, node in enumerate(graph.nodes):
        if node.op == "constant":
            value = held(leaves["x"].new_tensor(dict(node.attrs)["value"]).expand(phrases))
        elif node.op == "parameter":
            weight = leaves[node.name]
            value = weight if weight.dim() == 2 else held(weight.expand(phrases, *weight.shape))
        elif not node.args:
            value = leaves[node.name]
        else:
            value = _split(node, [found[a] for a in node.args], [len(graph.nodes[a].shape) for a in node.args])
        if index in whole:
            value = held(value.sum(0))
        if index in ends and node.args:
            value = settle(value, inside_P)
        found.append(value)
    return found


def _split(node: Node, args: list[Tensor], ranks: list[int]) -> Tensor:
    if node.op in LINEAR:
        return apply_node(node, args, ranks)
    wide = [arg[..., None] if rank == 0 and any(ranks) else arg for arg, rank in zip(args, ranks, strict=True)]
    if node.op == "mul":
        return _product(*wide)
    if node.op == "div":
        return wide[0] / wide[1].sum(0)
    if node.op == "where":
        return torch.where(wide[0].sum(0) != 0, wide[1], wide[2])

    def value(*parts: int) -> Tensor:
        chosen = [arg[list(parts)].sum(0) for arg in args]
        return apply_node(node, chosen, ranks).to(args[0].dtype)

    if node.op in HELD:
        return held(value(0, 1, 2))
    return share(value(0, 1, 2), value(0, 2), value(1, 2), value(2))


def _product(a: Tensor, b: Tensor) -> Tensor:
    (a_phrase, a_rest, a_neutral), (b_phrase, b_rest, b_neutral) = a, b
    own = a_phrase + a_neutral
    phrase = a_phrase * (b_phrase + b_neutral) + a_neutral * b_phrase
    rest = a_rest * (b_phrase + b_rest + b_neutral) + own * b_rest
    return torch.stack([phrase, rest, a_neutral * b_neutral])


def share(all_of_it: Tensor, phrase: Tensor, rest: Tensor, neutral: Tensor) -> Tensor:
    """A function's value in parts, from its values at all parts, at phrase and neutral, at rest and neutral, at neutral
    alone: the Shapley value of two players (of three words that come in two orders, the mean of both)."""
    to_phrase = ((phrase - neutral) + (all_of_it - rest)) / 2
    to_rest = ((rest - neutral) + (all_of_it - phrase)) / 2
    return torch.stack([to_phrase, to_rest, neutral])
