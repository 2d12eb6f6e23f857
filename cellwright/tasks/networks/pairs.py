"""Embeddings of two neighbouring tokens: what a Chinese character means is told best by the one beside it.

Legend: B texts, T tokens, P pairs (T + 1: the text's ends count), F features of a pair.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from cellwright.tasks.text.vocabulary import PAD, TextVocabulary

__all__ = ["FILE", "PairFeatures", "learn_pairs", "pair_rows"]

FILE = "pairs.json"


def pairs_of(words: Sequence[str]) -> list[str]:
    """Each token with the one before it; the first with nothing, and nothing after the last."""
    padded = ["", *words, ""]
    return [f"{a} {b}" for a, b in itertools.pairwise(padded)]


def learn_pairs(texts: Iterable[Sequence[str]], min_count: int) -> TextVocabulary:
    """The pairs of the training texts that occur `min_count` times or more; all others are unknown."""
    return TextVocabulary.learn((pairs_of(words) for words in texts), min_count=min_count, lower=True)


def pair_rows(texts: Sequence[Sequence[str]], pairs: TextVocabulary) -> Tensor:
    """(B, P) int64."""
    rows = [torch.tensor(pairs.encode(pairs_of(words))) for words in texts]
    return pad_sequence(rows, batch_first=True, padding_value=PAD)


class PairFeatures(nn.Module):
    """(B, T, 2F): the pair that ends at each token, and the one that begins there.

    Source: Chen et al. 2015, "Long Short-Term Memory Neural Networks for Chinese Word Segmentation" (bigram vectors).
    """

    def __init__(self, rows: int, dim: int, scale: float) -> None:
        super().__init__()
        self.embedding = nn.Embedding(rows, dim, padding_idx=PAD)
        nn.init.normal_(self.embedding.weight, 0.0, scale)
        with torch.no_grad():
            self.embedding.weight[PAD].zero_()

    def forward(self, pairs_BP: Tensor) -> Tensor:
        e_BPF = self.embedding(pairs_BP)
        return torch.cat([e_BPF[:, :-1], e_BPF[:, 1:]], 2)
