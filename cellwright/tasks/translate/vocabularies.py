"""The tokens of the source and of the target by row, and pairs as batches of rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cellwright.errors import DataError
from cellwright.tasks.storage.atomic import StoredFolder
from cellwright.tasks.text.vocabulary import BEGIN, END, PAD, UNKNOWN, TextVocabulary
from cellwright.tasks.translate.config import TranslateModel
from cellwright.tasks.translate.model import Batch
from cellwright.tasks.translate.pairs import Pair

__all__ = ["SOURCE", "TARGET", "Vocabularies"]

SOURCE, TARGET = "source.json", "target.json"


@dataclass(frozen=True, slots=True)
class Vocabularies:
    """Learnt from the training split."""

    source: TextVocabulary
    target: TextVocabulary

    @classmethod
    def learn(cls, pairs: Sequence[Pair], config: TranslateModel) -> Vocabularies:
        """A token seen less than `config.min_count` times is unknown."""
        return cls(
            TextVocabulary.learn((p.source_tokens for p in pairs), min_count=config.min_count, lower=config.lower),
            TextVocabulary.learn((p.target_tokens for p in pairs), min_count=config.min_count),
        )

    def to_files(self) -> dict[str, bytes]:
        """The files of a model's folder."""
        return {SOURCE: self.source.to_file(), TARGET: self.target.to_file()}

    @classmethod
    def from_files(cls, folder: StoredFolder) -> Vocabularies:
        """Raises StorageError: the folder holds no vocabularies."""
        return cls(*(TextVocabulary.from_file(folder[name], folder.path / name) for name in (SOURCE, TARGET)))

    def batch(self, pairs: Sequence[Pair], dropped: float = 0.0, rng: np.random.Generator | None = None) -> Batch:
        """Rows of pairs.

        Args:
            dropped: probability that a token of the source is taken as unknown, drawn from `rng`.
        """
        source_BS, lengths_B = self.sources(pair.source_tokens for pair in pairs)
        if rng is not None and dropped:
            drop_BS = torch.from_numpy(rng.random(tuple(source_BS.shape)) < dropped)
            source_BS = torch.where(drop_BS & (source_BS != PAD), UNKNOWN, source_BS)
        targets = [self.target.encode(pair.target_tokens) for pair in pairs]
        after_BT, target_lengths_B = padded([[*rows, END] for rows in targets])
        return Batch(
            source_BS=source_BS,
            lengths_B=lengths_B,
            before_BT=padded([[BEGIN, *rows] for rows in targets])[0],
            after_BT=after_BT,
            target_lengths_B=target_lengths_B,
            tokens=int(target_lengths_B.sum()),
        )

    def sources(self, texts: Iterable[Sequence[str]]) -> tuple[Tensor, Tensor]:
        """Rows (B, S) of tokens and their numbers (B)."""
        return padded([self.source.encode(tokens) for tokens in texts])

    def unknown(self, tokens: Sequence[str]) -> tuple[str, ...]:
        """The tokens of a source that training did not have."""
        return tuple(token for token in tokens if self.source.row(token) == UNKNOWN)

    def check(self, name: str) -> None:
        """Raises DataError: no token is left to read or to write."""
        for side, vocabulary in (("source", self.source), ("target", self.target)):
            if len(vocabulary) == END + 1:
                raise DataError(
                    f"Expected tokens in the {side}s, found none often enough.", file=name, repair="model.min_count=1"
                )


def padded(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """(B, longest) with PAD behind each, and the lengths (B)."""
    lengths = [len(row) for row in rows]
    found = torch.full((len(rows), max(lengths)), PAD)
    for k, row in enumerate(rows):
        found[k, : len(row)] = torch.tensor(row)
    return found, torch.tensor(lengths)
