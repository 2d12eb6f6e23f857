"""A small task for the loop's tests: a per-step label that depends on the past, an LSTM with dropout.

As a program it trains in the folder given, in its own process, so that a test can kill it:
    python toy_task.py FOLDER [section.key=value ...]
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cellwright.tasks.storage.atomic import write_folder
from cellwright.tasks.storage.tensors import tensors_to_bytes
from cellwright.tasks.training.config import Config, load_config
from cellwright.tasks.training.loop import FitResult, fit, prepare
from cellwright.tasks.training.order import epoch_order
from cellwright.tasks.training.progress import PlainProgress
from cellwright.tasks.training.run_folder import RunFolder
from cellwright.tasks.training.task import Callback, MeanOver

VOCABULARY, CLASSES, HIDDEN = 12, 3, 16


class ToyModel(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 8)
        self.recurrent = nn.LSTM(8, HIDDEN, num_layers=2, dropout=0.3, batch_first=True)
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(HIDDEN, CLASSES)

    def forward(self, words_BT: Tensor) -> Tensor:
        y_BTH, _ = self.recurrent(self.embedding(words_BT))
        return self.head(self.dropout(y_BTH))


class ToyTask:
    metric = "accuracy"
    loss_mean_over: MeanOver = "tokens"

    def __init__(self, config: Config, examples: int = 96) -> None:
        self.config = config
        rng = np.random.default_rng(0)
        self.words = [rng.integers(1, VOCABULARY, size=rng.integers(3, 9)) for _ in range(examples)]
        self.model: nn.Module = ToyModel()
        self.saved = 0

    def train_size(self) -> int:
        return len(self.words)

    def order(self, epoch: int, seed: int) -> list[list[int]]:
        return epoch_order([len(w) for w in self.words], self.config.train.batch_size, seed=seed, epoch=epoch, chunk=2)

    def batch(self, indices: Sequence[int], rng: np.random.Generator | None) -> tuple[Tensor, Tensor]:
        length = max(len(self.words[i]) for i in indices)
        words_BT = np.zeros((len(indices), length), dtype=np.int64)
        labels_BT = np.full((len(indices), length), -100, dtype=np.int64)
        for row, i in enumerate(indices):
            words = self.words[i]
            words_BT[row, : len(words)] = words
            labels_BT[row, : len(words)] = np.cumsum(words) % CLASSES
        if rng is not None:  # word dropout, so that resuming needs the batch's own random numbers
            words_BT[rng.random(words_BT.shape) < 0.1] = 0
        return torch.from_numpy(words_BT), torch.from_numpy(labels_BT)

    def loss(self, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, int]:
        words_BT, labels_BT = batch
        logits_BTK = self.model(words_BT)
        loss = nn.functional.cross_entropy(logits_BTK.flatten(0, 1), labels_BT.flatten(), ignore_index=-100)
        return loss, int((labels_BT >= 0).sum())

    def evaluate(self) -> dict[str, float]:
        words_BT, labels_BT = self.batch(range(32), None)
        right = (self.model(words_BT).argmax(-1) == labels_BT).sum()
        return {"accuracy": float(right / (labels_BT >= 0).sum())}

    def save_model(self, folder: Path, metrics: Mapping[str, float]) -> None:
        files = {"weights.safetensors": tensors_to_bytes(self.model.state_dict())}
        write_folder(folder, files, kind="model", info={"metrics": dict(metrics)})
        self.saved += 1


def toy_config(*sets: str) -> Config:
    defaults = ["train.epochs=3", "train.batch_size=8", "train.checkpoint_every=3", "train.learning_rate=0.01"]
    return load_config(None, [*defaults, "train.average=0.9", "train.threads=1", *sets], schema=Config)


def train(folder: Path, *sets: str, callbacks: Sequence[Callback] = (), **options: Any) -> FitResult:
    """One run, or the rest of it with resume=True."""
    config = toy_config(*sets)
    prepare(config.train)
    run = RunFolder.open(folder, config, command=["toy"], **options)
    return fit(ToyTask(config), config, run, callbacks=callbacks)


if __name__ == "__main__":
    where = Path(sys.argv[1])
    try:
        train(where, *sys.argv[2:], resume=(where / "config.toml").exists(), callbacks=[PlainProgress()])
    except KeyboardInterrupt as stop:
        print(stop)
        sys.exit(130)
