"""A network that goes on where it stopped: the state after a window is where the next one begins."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cellwright.tasks.lm.model import Carried, LanguageNetwork, zeros
from cellwright.tasks.lm.streams import ALL, Window

__all__ = ["CarriedNetwork"]


class CarriedNetwork(nn.Module):
    """What the training loop trains: the network, and as buffers the state it carries.

    Buffers are part of a checkpoint, so that a run that resumes within an epoch goes on from the very same state. The
    state before the last window is kept too: the same window again gives the same loss again.

    Args:
        streams: read side by side.

    Attributes:
        streams: those that windows hold; the states of the others stay as they are.
    """

    start: Tensor

    def __init__(self, network: LanguageNetwork, streams: int) -> None:
        super().__init__()
        self.network = network
        self.streams = ALL
        self.shape = [len(states) for states in zeros(network, streams)]
        for when in ("before", "after"):
            for number, states in enumerate(zeros(network, streams)):
                for k, state in enumerate(states):
                    self.register_buffer(f"{when}_{number}_{k}", state)
        self.register_buffer("start", torch.tensor(-1))  # of the last window

    def carried(self, when: str, streams: slice = ALL) -> Carried:
        """The state "before" or "after" the last window; of some streams, as views."""
        return [
            tuple(self.get_buffer(f"{when}_{number}_{k}")[:, streams] for k in range(count))
            for number, count in enumerate(self.shape)
        ]

    def states(self) -> list[Tensor]:
        """Every state that is carried, (1, B, S) each."""
        return [state for when in ("before", "after") for own in self.carried(when) for state in own]

    def forward(self, window: Window) -> Tensor:
        """Mean loss of a window with the penalties, and the state carried on; a window at 0 begins from zeros."""
        if window.start != int(self.start):
            _copy(self.carried("before"), self.carried("after"))
            self.start.fill_(window.start)
        before = self.carried("before", self.streams)
        begin = None if window.start == 0 else [tuple(state.clone() for state in own) for own in before]
        found = self.network(window.x_BT, begin)
        _copy(self.carried("after", self.streams), found.carried)
        return self.network.mean_loss(found, window.y_BT) + self.network.penalties(found)


@torch.no_grad()
def _copy(into: Carried, source: Carried) -> None:
    for targets, states in zip(into, source, strict=True):
        for target, state in zip(targets, states, strict=True):
            target.copy_(state)
