"""Dropout on weights and on whole words, as AWD-LSTM has it.

Source: Merity, Keskar & Socher 2017, "Regularizing and optimizing LSTM language models", arXiv:1708.02182v1, sections 2
and 4.3.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from cellwright.errors import ConfigError

__all__ = ["embed", "run_with_weight_drop"]


def recurrent_weights(layer: nn.Module) -> dict[str, Tensor]:
    """The stored recurrent matrices of a layer, by name."""
    return {name: weight for name, weight in layer.named_parameters() if name.startswith("weight_hh")}


def run_with_weight_drop(layer: nn.Module, p: float, *arguments: Any) -> Any:
    """A call of the layer with one dropout mask on its recurrent matrices for all steps; none in eval mode.

    Raises ConfigError: the layer has no recurrent matrices.
    """
    if not layer.training or p == 0.0:
        return layer(*arguments)
    weights = recurrent_weights(layer)
    if not weights:
        raise ConfigError(
            "Expected a cell with recurrent matrices for weight_drop, found none.", repair="model.weight_drop=0"
        )
    dropped = {name: functional.dropout(weight, p) for name, weight in weights.items()}
    return functional_call(layer, dropped, arguments)


def embed(embedding: nn.Embedding, rows: Tensor, p: float) -> Tensor:
    """Embeddings of `rows`; in training a row of the table is 0 with probability p, wherever its word stands."""
    found = functional.embedding(rows, embedding.weight)
    if not embedding.training or p == 0.0:
        return found
    keep_V = (torch.rand(embedding.num_embeddings, device=found.device) >= p) / (1.0 - p)
    return found * keep_V[rows][..., None]
