"""What a trained model's task says of one text: the network's input, its answer as a number, other texts like it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from cellwright.nn.kernels import KernelLayer

__all__ = ["START", "Decision", "ModelInput", "padding_read", "steps_of"]

START = "⏎"  # what stands before a text's first token, and behind its last: the end of a line
Decision = tuple[Callable[[Any], Tensor], str]


@dataclass(frozen=True, slots=True)
class ModelInput:
    """One text, or one sequence of numbers, before a network.

    Attributes:
        words: as the model sees them; of numbers, each step's number.
        network: a copy in float64 and eval mode; the model itself is left alone.
        forward: the network's outputs for this text, with their graph; forward(3) for a batch of three copies of it.
            Every tensor of the outputs has its batch first.
        decide: outputs -> (a scalar of any outputs of such a text, what it is in words): what the model decided here,
            as a log-probability, or the number that it says.
        reread: other words, as the model sees them -> the network's outputs for them; None where there are no words.
        pad: what the first recurrent layer reads where there is no word; None where there is no such thing.
        per_word: the decision is one a word, so that it is none of a text with more or fewer words.
        others: of recurrent layers that read another text, counted from 0 in the order in which they run, its words.
    """

    words: tuple[str, ...]
    network: nn.Module
    forward: Callable[..., Any]
    decide: Callable[[Any], Decision]
    reread: Callable[[Sequence[str]], Any] | None
    pad: Callable[[], Tensor] | None
    per_word: bool
    others: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

    def target(self, outputs: Any) -> tuple[Tensor, str]:
        """What the model decided: a scalar, and what it is in words."""
        score, name = self.decide(outputs)
        return score(outputs), name


def padding_read(network: nn.Module, run: Callable[[], Any]) -> Tensor:
    """What the first recurrent layer reads at the first text's last step, as `run` runs a batch whose first text is
    shorter than another."""
    seen: list[Tensor] = []
    layers = [module for module in network.modules() if isinstance(module, KernelLayer)]
    hooks = [layer.register_forward_pre_hook(lambda layer, given: seen.append(given[0])) for layer in layers]
    try:
        run()
    finally:
        for hook in hooks:
            hook.remove()
    return seen[0][0, -1]


def steps_of(values_TC: Any) -> tuple[str, ...]:
    """Each step in words: its number, with several channels the step's own."""
    return tuple(f"{row[0]:.3g}" if len(row) == 1 else str(t) for t, row in enumerate(values_TC))
