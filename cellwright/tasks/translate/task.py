"""Translation as a task of the training loop."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from torch import Tensor, nn

from cellwright.cells import Cell
from cellwright.tasks.data.utterance import Corpus
from cellwright.tasks.networks.cell_data import stored_cell
from cellwright.tasks.storage.model_folder import write_model
from cellwright.tasks.text.vocabulary import PAD
from cellwright.tasks.training.config import kept_data
from cellwright.tasks.training.identity import run_identity
from cellwright.tasks.training.order import epoch_order
from cellwright.tasks.training.task import MeanOver
from cellwright.tasks.translate.config import TranslateConfig
from cellwright.tasks.translate.corpora import units_of
from cellwright.tasks.translate.dates import DATES
from cellwright.tasks.translate.decode import translations
from cellwright.tasks.translate.model import Batch, TranslateNetwork
from cellwright.tasks.translate.pairs import Pair
from cellwright.tasks.translate.vocabularies import Vocabularies

__all__ = ["TranslateTask"]

EVALUATION_BATCH = 64
WHOLE = 300  # pairs of the validation split that are translated after an epoch
STRETCH = 1.5  # a translation is cut at this many times the longest target of training


class TranslateTask:
    """The network with its pairs; `metric` is the share of next tokens of valid that are right, each after right ones.

    Args:
        cell: of the recurrent layers; None for networks that see a token at a time.
    """

    metric = "next_token"
    loss_mean_over: MeanOver = "tokens"

    def __init__(self, config: TranslateConfig, corpus: Corpus[Pair], cell: Cell | None) -> None:
        self.config, self.corpus, self.cell = config, corpus, cell
        self.vocabularies = Vocabularies.learn(corpus.train, config.model)
        self.vocabularies.check(corpus.name)
        rows = len(self.vocabularies.source), len(self.vocabularies.target)
        self.notes = [*corpus.notes, f"tokens: {rows[0]:,} of the source, {rows[1]:,} of the target"]
        self.network = TranslateNetwork(config.model, *rows, cell)
        self.model: nn.Module = self.network
        # Now, not after an epoch: a cell that cannot be stored as data must be refused before it is trained.
        self.cell_data = stored_cell(cell, self.network.sizes)
        self.longest = math.ceil(STRETCH * max(len(pair.target_tokens) for pair in corpus.train)) + 1

    def identity(self) -> dict[str, str]:
        """Digests of what the run's numbers depend on beside the settings."""
        return run_identity(self.cell_data, ((pair.source, pair.target) for pair in self.corpus.train))

    def train_size(self) -> int:
        return len(self.corpus.train)

    def order(self, epoch: int, seed: int) -> list[list[int]]:
        # Targets of one length together: most of the work is a softmax at each of their tokens.
        lengths = [100 * len(pair.target_tokens) + min(99, len(pair.source_tokens)) for pair in self.corpus.train]
        return epoch_order(lengths, self.config.train.batch_size, seed=seed, epoch=epoch)

    def batch(self, indices: Sequence[int], rng: np.random.Generator) -> Batch:
        return self.vocabularies.batch([self.corpus.train[i] for i in indices], self.config.model.token_dropout, rng)

    def loss(self, batch: Batch) -> tuple[Tensor, int]:
        return self.network.loss(batch), batch.tokens

    def evaluate(self) -> dict[str, float]:
        """Right next tokens and cross-entropy on valid; whole translations, greedy, of its first 300 pairs."""
        right = tokens = 0
        loss = 0.0
        for start in range(0, len(self.corpus.valid), EVALUATION_BATCH):
            batch = self.vocabularies.batch(self.corpus.valid[start : start + EVALUATION_BATCH])
            scores_BTV = self.network(batch)
            inside_BT = batch.after_BT != PAD
            right += int(((scores_BTV.argmax(-1) == batch.after_BT) & inside_BT).sum())
            losses_BT = nn.functional.cross_entropy(scores_BTV.transpose(1, 2), batch.after_BT, reduction="none")
            loss += float(losses_BT[inside_BT].sum())
            tokens += batch.tokens
        whole = self.corpus.valid[:WHOLE]
        found = translations(
            self.network, self.vocabularies, [pair.source_tokens for pair in whole], beam=1, longest=self.longest
        )
        exact = sum(f[0].tokens == pair.target_tokens for f, pair in zip(found, whole, strict=True))
        return {"next_token": right / tokens, "loss": loss / tokens, "exact": exact / len(whole)}

    def save_model(self, folder: Path, metrics: Mapping[str, float]) -> None:
        units = units_of(self.config.data)
        write_model(
            folder,
            "translate",
            self.network,
            model=self.config.model,
            cell=self.cell_data,
            data=kept_data(self.config.data, DATES),
            metrics=metrics,
            files=self.vocabularies.to_files(),
            extra={"longest": self.longest, "source_unit": units[0], "target_unit": units[1]},
        )
