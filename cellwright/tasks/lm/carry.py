"""A network that goes on where it stopped: the state after a window is where the next one begins."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cellwright.tasks.lm.model import Carried, LanguageNetwork, zeros
from cellwright.tasks.lm.streams import Window

__all__ = ["CarriedNetwork"]


class CarriedNetwork(nn.Module):
    """What the training loop trains: the network, and as buffers the state it carries.

    Buffers are part of a checkpoint, so that a run that resumes within an epoch goes on from the very same state. The
    state before the last window is kept too: the same window again gives the same loss again.

    Args:
        streams: rows of a batch.
    """

    start: Tensor

    def __init__(self, network: LanguageNetwork, streams: int) -> None:
        super().__init__()
        self.network = network
        self.shape = [len(states) for states in zeros(network, streams)]
        for when in ("before", "after"):
            for number, states in enumerate(zeros(network, streams)):
                for k, state in enumerate(states):
                    self.register_buffer(f"{when}_{number}_{k}", state)
        self.register_buffer("start", torch.tensor(-1))  # of the last window

    def carried(self, when: str) -> Carried:
        """The state "before" or "after" the last window."""
        return [
            tuple(self.get_buffer(f"{when}_{number}_{k}") for k in range(count))
            for number, count in enumerate(self.shape)
        ]

    def forward(self, window: Window) -> Tensor:
        """Mean loss of a window with the penalties, and the state carried on; a window at 0 begins from zeros."""
        if window.start != int(self.start):
            _copy(self.carried("before"), self.carried("after"))
            self.start.fill_(window.start)
        begin = None if window.start == 0 else [tuple(s.clone() for s in own) for own in self.carried("before")]
        found = self.network(window.x_BT, begin)
        _copy(self.carried("after"), found.carried)
        return self.network.losses(found, window.y_BT).mean() + self.network.penalties(found)


@torch.no_grad()
def _copy(into: Carried, source: Carried) -> None:
    for targets, states in zip(into, source, strict=True):
        for target, state in zip(targets, states, strict=True):
            target.copy_(state)
