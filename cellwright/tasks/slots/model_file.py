"""A slots model as a folder: manifest.json, weights.safetensors, words.json, vocabulary.json, baselines.json.

The manifest holds sizes, settings, metrics, a sha256 of each file, and the cell as data over the op list; nothing in
the folder is ever run.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError

from cellwright.cells import Cell
from cellwright.engine.serial import cell_to_data
from cellwright.errors import CellwrightError, StorageError
from cellwright.tasks.slots.baselines import Baselines
from cellwright.tasks.slots.config import SlotsModel
from cellwright.tasks.slots.model import SlotNetwork
from cellwright.tasks.slots.vocabulary import Vocabulary
from cellwright.tasks.storage.atomic import MANIFEST, REPAIR, read_folder, write_folder
from cellwright.tasks.storage.model_folder import cell_of_data
from cellwright.tasks.storage.tensors import read_tensors, specs, tensor_names, tensors_to_bytes
from cellwright.tasks.text.words import AFFIX_BUCKETS

__all__ = ["KIND", "SavedModel", "load_model", "save_model"]

KIND = "slots model"
WEIGHTS, BASELINES = "weights.safetensors", "baselines.json"


@dataclass(slots=True)
class SavedModel:
    """What a model's folder holds."""

    network: SlotNetwork
    cell: Cell | None
    vocabulary: Vocabulary
    baselines: Baselines
    unit: str
    metrics: dict[str, float]
    data: dict[str, Any]  # settings of [data]; the path only of embedded data


def save_model(saved: SavedModel, folder: Path) -> None:
    """Write the folder whole, or leave an older one as it is. Raises StorageError."""
    network = saved.network
    vectors = network.features.vectors
    info: dict[str, Any] = {
        "task": "slots",
        "model": network.config.model_dump(mode="json", exclude={"vectors"}),
        "vector_size": vectors.embedding_dim if vectors is not None else 0,
        "unit": saved.unit,
        "metrics": saved.metrics,
        "data": saved.data,
        "cell": None
        if saved.cell is None
        else cell_to_data(saved.cell, network.features.size, network.config.hidden_size),
    }
    files = {
        WEIGHTS: tensors_to_bytes(network.state_dict()),
        BASELINES: json.dumps(saved.baselines.to_data(), ensure_ascii=False).encode(),
        **saved.vocabulary.to_files(),
    }
    write_folder(folder, files, kind=KIND, info=info)


def load_model(folder: str | Path) -> SavedModel:
    """The model in eval mode.

    Raises StorageError: not such a folder; truncated or changed files; a newer format; weights of other sizes; a
    cell outside the op list.
    """
    stored = read_folder(folder, kind=KIND)
    place = stored.path / MANIFEST
    info = stored.info
    vocabulary = Vocabulary.from_files({name: stored[name] for name in ("words.json", "vocabulary.json")}, place)
    try:
        config = SlotsModel.model_validate(info["model"])
        vector_size, unit, metrics = info["vector_size"], info["unit"], dict(info["metrics"])
        data = dict(info["data"])
        if type(vector_size) is not int or not 0 <= vector_size <= 65_536 or unit not in ("word", "char"):
            raise ValueError("vector_size or unit")
        cell = None if info["cell"] is None else cell_of_data(info["cell"], tensor_names(stored[WEIGHTS], place))
        baselines = Baselines.from_data(json.loads(stored[BASELINES]), place)
    except (KeyError, ValueError, TypeError, ValidationError, RecursionError) as error:
        raise StorageError(f"Expected the settings of a model, found: {error}.", file=place, repair=REPAIR) from None
    _check_size(config, vocabulary, cell, vector_size, stored[WEIGHTS], place)
    vectors = torch.zeros(vocabulary.size, vector_size) if vector_size else None
    try:
        network = SlotNetwork(config, vocabulary, cell, vectors)
    except (CellwrightError, RuntimeError) as error:
        raise StorageError(f"Expected a network of these settings, found: {error}", file=place, repair=REPAIR) from None
    state = read_tensors(stored[WEIGHTS], specs(network.state_dict()), place=stored.path / WEIGHTS)
    network.load_state_dict(state)
    return SavedModel(network.eval(), cell, vocabulary, baselines, unit, metrics, data)


def _check_size(
    config: SlotsModel, vocabulary: Vocabulary, cell: Cell | None, vector_size: int, weights: bytes, place: Path
) -> None:
    """Settings must not ask for more memory than the weights fill: the manifest is not trusted to allocate."""
    numbers = vocabulary.size * (config.word_dim + vector_size)
    numbers += (len(vocabulary.characters) * config.char_dim) + AFFIX_BUCKETS * config.affix_dim
    numbers += config.char_dim and config.char_filters * config.char_dim * sum(config.char_widths)
    size = config.word_dim + vector_size + config.affix_dim
    size += config.char_dim and config.char_filters * len(config.char_widths)
    directions = 2 if config.bidirectional and cell is not None else 1
    for _ in range(config.num_layers):
        if cell is None:
            numbers, size = numbers + size * config.hidden_size, config.hidden_size
        else:
            numbers += directions * cell.count_parameters(size, config.hidden_size)
            size = directions * cell.output_size(config.hidden_size)
        if 4 * numbers > len(weights):
            break
    if 4 * numbers > len(weights):
        raise StorageError(
            f"Expected weights of at least {4 * numbers:,} bytes for these settings, found {len(weights):,}.",
            file=place,
            repair=REPAIR,
        )
