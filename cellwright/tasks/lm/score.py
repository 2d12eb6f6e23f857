"""How well a network foretells a text: statically, and while it goes on learning from it.

Legend: N tokens, B streams, T steps, V rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cellwright.tasks.lm.model import Carried, LanguageNetwork, detached
from cellwright.tasks.lm.streams import Streams

__all__ = ["Foretold", "dynamic", "static"]

POSITIONS = 4096  # whose scores are held at a time: POSITIONS · V numbers
WINDOW = 256


@dataclass(frozen=True, slots=True)
class Foretold:
    """Of each token after the first: −ln P of it, and whether it was the likeliest, both (N,)."""

    losses: NDArray[np.float64]
    first: NDArray[np.bool_]

    @property
    def loss(self) -> float:
        """Mean −ln P, in nats a token."""
        return float(self.losses.mean())

    @property
    def perplexity(self) -> float:
        return math.exp(min(700.0, self.loss))


@torch.no_grad()
def static(network: LanguageNetwork, rows: NDArray[np.int64], streams: int = 1) -> Foretold:
    """The text in one stream, or cut into several read side by side (which lose their left context at the cuts)."""
    network.eval()
    layout = Streams(rows, streams, max(1, min(WINDOW, POSITIONS // streams)))
    carried: Carried | None = None
    losses, first = [], []
    for start, stop in layout.cuts():
        window = layout.window(start, stop)
        found = network(window.x_BT, carried)
        carried = found.carried
        log_p_NV = network.log_probabilities(found.dropped_BTF.flatten(0, 1))
        target_N = window.y_BT.flatten()
        losses.append(-log_p_NV.gather(1, target_N[:, None])[:, 0].view_as(window.y_BT))
        first.append((log_p_NV.argmax(1) == target_N).view_as(window.y_BT))
    return Foretold(torch.cat(losses, 1).flatten().double().numpy(), torch.cat(first, 1).flatten().numpy())


def dynamic(network: LanguageNetwork, rows: NDArray[np.int64], *, rate: float, decay: float, steps: int) -> Foretold:
    """The text in one stream, a gradient step after every `steps` tokens; each is foretold before it is learnt from.

    θ ← θ − rate · g + decay · (θ₀ − θ), where g is the gradient of the mean loss of the last tokens and θ₀ are the
    trained weights, which the network has again afterwards (Krause et al. 2018, "Dynamic evaluation of neural sequence
    models", arXiv:1709.07432v2, equation 5 without its division by squared gradients).
    """
    network.eval()
    layout = Streams(rows, 1, steps)
    carried: Carried | None = None
    losses, first = [], []
    weights: list[Tensor] = [p for p in network.parameters() if p.requires_grad]
    with _given_back(network), torch.enable_grad():
        trained = [p.detach().clone() for p in weights]
        for start, stop in layout.cuts():
            window = layout.window(start, stop)
            found = network(window.x_BT, carried)
            carried = detached(found.carried)
            log_p_NV = network.log_probabilities(found.dropped_BTF.flatten(0, 1))
            target_N = window.y_BT.flatten()
            loss_N = -log_p_NV.gather(1, target_N[:, None])[:, 0]
            losses.append(loss_N.detach())
            first.append(log_p_NV.detach().argmax(1) == target_N)
            gradients = torch.autograd.grad(loss_N.mean(), weights)
            with torch.no_grad():
                torch._foreach_add_(weights, gradients, alpha=-rate)
                if decay:
                    torch._foreach_lerp_(weights, trained, decay)
    return Foretold(torch.cat(losses).double().numpy(), torch.cat(first).numpy())


@contextmanager
def _given_back(network: LanguageNetwork) -> Iterator[None]:
    """Afterwards the network has the weights it had, bit for bit."""
    own = {name: weight.detach().clone() for name, weight in network.named_parameters()}
    try:
        yield
    finally:
        with torch.no_grad():
            for name, weight in network.named_parameters():
                weight.copy_(own[name])
