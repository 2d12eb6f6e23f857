"""The language model as a task of the training loop."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from torch import Tensor, nn

from cellwright.cells import Cell
from cellwright.tasks.lm.carry import CarriedNetwork
from cellwright.tasks.lm.config import LmConfig
from cellwright.tasks.lm.corpora import BLOCK, EMBEDDED, row_blocks, stream_of
from cellwright.tasks.lm.model import LanguageNetwork
from cellwright.tasks.lm.score import static
from cellwright.tasks.lm.streams import Rows, Streams, Window
from cellwright.tasks.networks.cell_data import stored_cell
from cellwright.tasks.storage.model_folder import write_model
from cellwright.tasks.text.on_disk import DiskText, RowsOnDisk
from cellwright.tasks.text.plain import TextCorpus, learn_vocabulary
from cellwright.tasks.text.vocabulary import FILE
from cellwright.tasks.training.config import kept_data
from cellwright.tasks.training.task import MeanOver

__all__ = ["LmTask"]

VALID_STREAMS = 10


class LmTask:
    """The network with its text; `metric` is the mean ln P of a token of valid.

    The model that the loop trains holds the state carried from window to window, so that checkpoints do too.

    Args:
        cell: of the recurrent layers; None for a network that sees the last token only.
    """

    metric = "log_likelihood"
    loss_mean_over: MeanOver = "streams"

    def __init__(self, config: LmConfig, corpus: TextCorpus, cell: Cell | None) -> None:
        self.config = config
        self.cell = cell
        self.vocabulary = learn_vocabulary(corpus, config.data)
        self.notes = list(corpus.notes)
        self.network = LanguageNetwork(config.model, len(self.vocabulary), cell)
        # Now, not after an epoch: a cell that cannot be stored as data must be refused before it is trained.
        self.cell_data = stored_cell(cell, self.network.sizes)
        on_disk = isinstance(corpus.train, DiskText)
        self.rows: Rows = (
            RowsOnDisk(row_blocks(corpus.train, self.vocabulary))
            if on_disk
            else stream_of(corpus.train, self.vocabulary).rows
        )
        self.valid = stream_of(corpus.valid, self.vocabulary).rows
        self.streams = Streams(self.rows, config.train.batch_size, config.model.steps)
        self.carry = CarriedNetwork(self.network, config.train.batch_size)
        self.model: nn.Module = self.carry
        self.notes.append(f"{len(self.rows):,} tokens to train on, {len(self.vocabulary):,} rows in the vocabulary")

    def identity(self) -> dict[str, str]:
        """Digests of what the run's numbers depend on beside the settings."""
        text = hashlib.sha256(self.vocabulary.to_file())
        for start in range(0, len(self.rows), BLOCK):
            text.update(self.rows[start : start + BLOCK].tobytes())
        cell = json.dumps(self.cell_data, sort_keys=True).encode()
        return {"the cell": hashlib.sha256(cell).hexdigest(), "the training data": text.hexdigest()}

    def train_size(self) -> int:
        return len(self.rows)

    def order(self, epoch: int, seed: int) -> list[list[int]]:
        return [list(cut) for cut in self.streams.cuts(epoch)]

    def batch(self, indices: Sequence[int], rng: np.random.Generator) -> Window:
        start, stop = indices
        return self.streams.window(start, stop, self.carry.streams)

    def read_streams(self, chosen: slice) -> int:
        self.carry.streams = chosen
        return len(range(self.config.train.batch_size)[chosen])

    def carried(self) -> list[Tensor]:
        return self.carry.states()

    def loss(self, batch: Window) -> tuple[Tensor, int]:
        loss: Tensor = self.model(batch)
        return loss, batch.y_BT.numel()

    def evaluate(self) -> dict[str, float]:
        streams = min(VALID_STREAMS, max(1, len(self.valid) // 100))
        loss = static(self.network, self.valid, streams).loss
        figures = {"log_likelihood": -loss, "perplexity": math.exp(min(700.0, loss))}
        return figures | ({"bits_per_character": loss / math.log(2)} if self.config.data.unit == "char" else {})

    def save_model(self, folder: Path, metrics: Mapping[str, float]) -> None:
        data = self.config.data
        write_model(
            folder,
            "lm",
            self.network,
            model=self.config.model,
            cell=self.cell_data,
            data=kept_data(data, EMBEDDED),
            metrics=metrics,
            files={FILE: self.vocabulary.to_file()},
            extra={"unit": data.unit, "tokenize": data.tokenize},
        )
