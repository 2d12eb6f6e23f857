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
        head = network.head
        self.weight_VF: NDArray[Any] | None = None
        if isinstance(head, SoftmaxHead):
            weight = network.embedding.weight if head.weight is None else head.weight
            self.weight_VF = weight.detach().numpy()
            self.bias_V = head.bias.detach().clone().numpy()
            self.bias_V[list(NEVER)] += IMPOSSIBLE

    def __call__(self, row: int) -> NDArray[Any]:
        """Scores (V,) whose softmax gives the probabilities of the next token."""
        with torch.no_grad():
            return self._scores(self._step(row))

    def _step(self, row: int) -> NDArray[Any]:
        if self.steppers is None:
            found = self.network(torch.tensor([[row]]), self.carried)
            self.carried = found.carried
            whole: NDArray[Any] = found.raw_BTF[0, 0].numpy()
            return whole
        y_F: Any = self.embedding_VF[row]
        for stepper in self.steppers:
            if isinstance(stepper, torch.nn.Module):  # PerToken: no state, no stepper
                y_F = stepper(torch.from_numpy(y_F)[None, None])[0][0, 0].numpy()
            else:
                y_F = stepper(y_F)
        if self.network.project is not None:
            y_F = self.network.project(_as_tensor(y_F)).numpy()
        return np.asarray(y_F)

    def _scores(self, y_F: NDArray[Any]) -> NDArray[Any]:
        if self.weight_VF is None:
            return self.network.log_probabilities(_as_tensor(y_F)[None])[0].numpy()
        found: NDArray[Any] = self.weight_VF @ y_F + self.bias_V
        return found


def _as_tensor(values: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values))
