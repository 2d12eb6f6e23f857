"""One vector of a whole text: what each direction says after its last step.

Legend: B texts, T steps, F outputs of all directions.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["final_output"]


def final_output(y_BTF: Tensor, lengths_B: Tensor, directions: int) -> Tensor:
    """(B, F): the forward half at the last valid step, the backward half at the first.

    Args:
        directions: 1 or 2; 0 for a per-token network, which has no last state: its mean over the words.
    """
    if directions == 0:
        valid_BT = torch.arange(y_BTF.shape[1], device=y_BTF.device) < lengths_B[:, None]
        return (y_BTF * valid_BT[..., None]).sum(1) / lengths_B[:, None]
    last_BF = y_BTF[torch.arange(len(lengths_B), device=y_BTF.device), lengths_B - 1]
    if directions == 1:
        return last_BF
    half = y_BTF.shape[2] // 2
    return torch.cat([last_BF[:, :half], y_BTF[:, 0, half:]], 1)
