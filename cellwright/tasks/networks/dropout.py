"""Dropout that is the same at every step of a sequence."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["SentenceDropout"]


class SentenceDropout(nn.Module):
    """Dropout with one mask for all steps of a sentence (Gal & Ghahramani 2016, arXiv:1512.05287v5)."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x_BTF: Tensor) -> Tensor:
        """x (B, T, F), scaled so that its mean stays."""
        if not self.training or self.p == 0.0:
            return x_BTF
        keep_B1F = torch.rand(x_BTF.shape[0], 1, x_BTF.shape[2], device=x_BTF.device) >= self.p
        return x_BTF * (keep_B1F / (1.0 - self.p))
