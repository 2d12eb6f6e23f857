"""The network one token at a time, by the layers' steppers: no graph, no dispatcher, states updated in place.

Legend: F features, V rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cellwright.errors import BackendError
from cellwright.tasks.lm.heads import NEVER
from cellwright.tasks.lm.model import Carried, LanguageNetwork
from cellwright.tasks.networks.softmax import IMPOSSIBLE, SoftmaxHead

__all__ = ["TokenSteps"]


class TokenSteps:
    """`scores = steps(row)` reads one token and gives the scores of the next.

    Attributes:
        note: why the layers run without steppers, if they do.
    """

    def __init__(self, network: LanguageNetwork) -> None:
        self.network = network.eval()
        self.note = ""
        self.carried: Carried | None = None
        try:
            self.steppers: Sequence[Any] | None = network.steppers()
        except BackendError as reason:
            self.steppers, self.note = None, f"a token at a time through the whole network: {reason.message}"
        self.embedding_VF = network.embedding.weight.detach().numpy()
        project = network.project
        self.project = None if project is None else (project.weight.detach().numpy(), project.bias.detach().numpy())
        head = network.head
        self.weight_VF: NDArray[Any] | None = None
        if isinstance(head, SoftmaxHead):
            weight = network.embedding.weight if head.weight is None else head.weight
            self.weight_VF = weight.detach().numpy()
            self.bias_V = head.bias.detach().clone().numpy()
            self.bias_V[list(NEVER)] += IMPOSSIBLE

    def __call__(self, row: int) -> NDArray[Any]:
        """Scores (V,) whose softmax gives the probabilities of the next token."""
        y_F = self._whole_network(row) if self.steppers is None else self._step(row, self.steppers)
        if self.weight_VF is None:
            return self._adaptive(y_F)
        found: NDArray[Any] = self.weight_VF @ y_F
        found += self.bias_V
        return found

    def _step(self, row: int, steppers: Sequence[Any]) -> NDArray[Any]:
        y_F: NDArray[Any] = self.embedding_VF[row]
        for stepper in steppers:
            y_F = self._per_token(stepper, y_F) if isinstance(stepper, torch.nn.Module) else stepper(y_F)
        if self.project is None:
            return y_F
        weight_FH, bias_F = self.project
        projected_F: NDArray[Any] = weight_FH @ y_F + bias_F
        return projected_F

    @torch.no_grad()
    def _whole_network(self, row: int) -> NDArray[Any]:
        found = self.network(torch.tensor([[row]]), self.carried)
        self.carried = found.carried
        y_F: NDArray[Any] = found.raw_BTF[0, 0].numpy()
        return y_F

    @torch.no_grad()
    def _per_token(self, layer: torch.nn.Module, x_F: NDArray[Any]) -> NDArray[Any]:
        """PerToken: no state, no stepper."""
        y_F: NDArray[Any] = layer(_as_tensor(x_F)[None, None])[0][0, 0].numpy()
        return y_F

    @torch.no_grad()
    def _adaptive(self, y_F: NDArray[Any]) -> NDArray[Any]:
        log_p_V: NDArray[Any] = self.network.log_probabilities(_as_tensor(y_F)[None])[0].numpy()
        return log_p_V


def _as_tensor(values: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values))
