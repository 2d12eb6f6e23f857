"""Remembering as a task of the training loop: every sequence is drawn fresh from the batch's random numbers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from torch import Tensor, nn

from cellwright.cells import Cell
from cellwright.engine.serial import cell_to_data
from cellwright.errors import ConfigError
from cellwright.nn.init import keeping_gate
from cellwright.tasks.memory.config import MemoryConfig
from cellwright.tasks.memory.measure import at_gap
from cellwright.tasks.memory.model import MemoryNetwork
from cellwright.tasks.memory.problems import (
    Batch,
    fixed_examples,
    make_batch,
    problem_of,
    sample_of,
    table_of,
    training_examples,
)
from cellwright.tasks.storage.model_folder import write_model
from cellwright.tasks.text.vocabulary import FILE, TextVocabulary
from cellwright.tasks.training.config import kept_data

__all__ = ["EMBEDDED", "MemoryTask"]

EMBEDDED = ("generated",)


class MemoryTask:
    """The network with its problem; `metric` is the mean skill over the gaps that training has.

    Skill is 1 - loss / loss of chance: it still tells two networks apart that are both always right.

    Args:
        cell: of the recurrent layers; None for a network without recurrence.
    """

    metric = "skill"

    def __init__(self, config: MemoryConfig, cell: Cell | None) -> None:
        self.config, self.cell = config, cell
        model, data = config.model, config.data
        self.problem = problem = problem_of(data)
        self.vocabulary = TextVocabulary(problem.training_tokens)
        self.table = table_of(problem, self.vocabulary)
        self.max_lag = model.max_lag or max(8, 2 * data.longest)
        self.notes: list[str] = []
        self._check_init()
        self.sizes = {
            "tokens": len(self.vocabulary) if problem.tokens else 0,
            "channels": problem.channels,
            "classes": len(problem.classes),
            "answers": problem.answers,
            "max_lag": self.max_lag,
        }
        self.network = MemoryNetwork(model, cell, **self.sizes)
        self.model: nn.Module = self.network
        # Now, not after an epoch: a cell that cannot be stored as data must be refused before it is trained.
        self.cell_data = None if cell is None else cell_to_data(cell, self.network.input_size, model.hidden_size)
        trained = [gap for gap in data.gaps if gap <= data.longest] or data.gaps[:1]
        count = max(10, data.examples // 10)
        self.valid = {gap: fixed_examples(problem, gap, count, data.seed, "valid") for gap in trained}

    def _check_init(self) -> None:
        model = self.config.model
        if model.init == "chrono" and model.forget_bias:
            raise ConfigError(
                f"Expected model.forget_bias with model.init=torch, found {model.forget_bias:g} with init=chrono.",
                repair="--set model.init=torch, or leave model.forget_bias out: chrono draws that bias.",
            )
        gates = self.cell is not None and keeping_gate(self.cell) is not None
        if not gates and (model.init == "chrono" or model.forget_bias):
            name = "a network without recurrence" if self.cell is None else self.cell.name
            self.notes.append(
                f"{name} has no gate that keeps the old state: model.init and model.forget_bias do nothing"
            )

    def identity(self) -> dict[str, str]:
        """Digests of what the run's numbers depend on beside the settings."""
        cell = json.dumps(self.cell_data, sort_keys=True).encode()
        sample = sample_of(self.problem).encode()
        return {"the cell": hashlib.sha256(cell).hexdigest(), "the training data": hashlib.sha256(sample).hexdigest()}

    def train_size(self) -> int:
        return self.config.data.size

    def order(self, epoch: int, seed: int) -> list[list[int]]:
        """The indices say only how many: what a batch holds is drawn from its own random numbers."""
        size, batch = self.config.data.size, self.config.train.batch_size
        return [list(range(start, min(start + batch, size))) for start in range(0, size, batch)]

    def batch(self, indices: Sequence[int], rng: np.random.Generator) -> Batch:
        examples = training_examples(self.problem, self.config.data.longest, len(indices), rng)
        return make_batch(examples, self.table)

    def loss(self, batch: Batch) -> tuple[Tensor, int]:
        return self.network.loss(batch), batch.tokens

    def evaluate(self) -> dict[str, float]:
        figures = [at_gap(self.network, self.problem, self.table, gap, rows) for gap, rows in self.valid.items()]
        by_gap = {f"gap_{g.gap}": g.accuracy.value for g in figures}
        return {"skill": float(np.mean([g.skill for g in figures])), **by_gap}

    def save_model(self, folder: Path, metrics: Mapping[str, float]) -> None:
        write_model(
            folder, "memory", self.network, model=self.config.model, cell=self.cell_data,
            data=kept_data(self.config.data, EMBEDDED), metrics=metrics,
            files={FILE: self.vocabulary.to_file()}, extra={"sizes": self.sizes},
        )  # fmt: skip
