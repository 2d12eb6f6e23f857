"""Transcription as the verbs see it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cellwright.cells import Cell
from cellwright.errors import ConfigError
from cellwright.tasks.comparison import NETWORKS, compare_networks
from cellwright.tasks.kind import TaskKind
from cellwright.tasks.networks.cell_choice import choose_cell
from cellwright.tasks.report import Report
from cellwright.tasks.training.config import DataSection
from cellwright.tasks.transcribe.config import TranscribeConfig, TranscribeData
from cellwright.tasks.transcribe.evaluate import evaluate_model
from cellwright.tasks.transcribe.materials import EMBEDDED, open_material
from cellwright.tasks.transcribe.predict import Transcriber
from cellwright.tasks.transcribe.task import TranscribeTask

__all__ = ["TranscribeKind"]


class TranscribeKind(TaskKind[TranscribeConfig, Transcriber]):
    name = "transcribe"
    config = TranscribeConfig
    embedded = EMBEDDED
    networks = tuple(NETWORKS)

    def build(self, config: TranscribeConfig, cell: Cell | None = None) -> TranscribeTask:
        material = open_material(config.data, config.model)
        return TranscribeTask(config, material, cell if cell is not None else choose_cell(config.model.cell))

    def load(self, folder: Path) -> Transcriber:
        return Transcriber.load(folder)

    def evaluate(self, model: Transcriber, data: DataSection, split: str) -> Report:
        """Raises ConfigError: the training split, which is drawn anew each time; data of another kind."""
        assert isinstance(data, TranscribeData)
        if split == "train":
            raise ConfigError(
                "Expected valid or test, found train: training's recordings are drawn anew for every batch.",
                repair="--split valid",
            )
        material = open_material(data, model.model)
        if material.kind != model.kind:
            raise ConfigError(
                f"Expected data of the model's kind, {model.kind}, found {material.kind}.", repair="Choose --data."
            )
        recordings = material.test if split == "test" else material.valid
        return evaluate_model(model.deciding(data), recordings, material.name, split)

    def compare(
        self,
        config: TranscribeConfig,
        networks: Sequence[str],
        *,
        processes: int = 1,
        announce: Callable[[str], None] | None = None,
    ) -> Report:
        return compare_networks(self, config, networks, processes, announce)

    def comparison(self, data: str) -> dict[str, Any]:
        return {"data.path": data, "train.threads": 1, "train.checkpoint_every": 0}
