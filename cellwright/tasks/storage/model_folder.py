"""A trained network as a folder: manifest.json, weights.safetensors and the files its task adds.

The manifest holds the settings of the model, the cells as data over the op list, figures, and a sha256 of each file;
nothing in the folder is ever run.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from pydantic import ValidationError
from torch import nn

from cellwright import ops
from cellwright.cells import CELLS, GRU, LSTM, LSTMP, Cell, Elman
from cellwright.engine.serial import cell_from_data, cell_to_data
from cellwright.errors import CellwrightError, StorageError
from cellwright.tasks.storage.atomic import MANIFEST, REPAIR, StoredFolder, read_folder, write_folder
from cellwright.tasks.storage.tensors import read_tensors, specs, tensor_names, tensors_to_bytes
from cellwright.tasks.training.config import Section

__all__ = ["WEIGHTS", "StoredModel", "cell_of_data", "read_model", "write_model"]

WEIGHTS = "weights.safetensors"
_DROP_INS = (Elman, GRU, LSTM, LSTMP)  # cells of which nn.layer makes RNN, GRU or LSTM

SectionT = TypeVar("SectionT", bound=Section)
NetworkT = TypeVar("NetworkT", bound=nn.Module)


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A verified folder of a task's model."""

    folder: StoredFolder
    cell: Cell | None

    @property
    def info(self) -> dict[str, Any]:
        """What the task gave `write_model`, in `extra`."""
        return dict(self.folder.info["extra"])

    @property
    def metrics(self) -> dict[str, float]:
        return dict(self.folder.info["metrics"])

    @property
    def data(self) -> dict[str, Any]:
        """The kept settings of `[data]`."""
        return dict(self.folder.info["data"])

    @property
    def place(self) -> Path:
        """The manifest, to name in errors."""
        return self.folder.path / MANIFEST

    def __getitem__(self, name: str) -> bytes:
        return self.folder[name]

    def section(self, schema: type[SectionT]) -> SectionT:
        """The settings of `[model]`. Raises StorageError where they are none."""
        try:
            return schema.model_validate(self.folder.info["model"])
        except (KeyError, ValidationError) as error:
            raise StorageError(
                f"Expected the settings of a model, found: {error}.", file=self.place, repair=REPAIR
            ) from None

    def network(self, build: Callable[[], NetworkT]) -> NetworkT:
        """The network that `build` makes, with the stored weights, in eval mode.

        It is made without memory first: the manifest is not trusted to allocate more than the weights fill.
        Raises StorageError: settings that give no network, or weights of other sizes.
        """
        try:
            with torch.device("meta"):
                expected = specs(build().state_dict())
            state = read_tensors(self.folder[WEIGHTS], expected, place=self.folder.path / WEIGHTS)
            network = build()
        except StorageError:
            raise
        except (CellwrightError, RuntimeError, ValueError) as error:
            raise StorageError(
                f"Expected a network of these settings, found: {error}", file=self.place, repair=REPAIR
            ) from None
        network.load_state_dict(state)
        return network.eval()


def write_model(
    folder: Path,
    task: str,
    network: nn.Module,
    *,
    model: Section,
    cell: Mapping[str, Any] | None,
    data: Mapping[str, Any],
    metrics: Mapping[str, float],
    files: Mapping[str, bytes],
    extra: Mapping[str, Any] | None = None,
) -> None:
    """Write the folder whole, or leave an older one as it is.

    Args:
        model: the settings of `[model]`.
        cell: `cell_to_data` of the recurrent layers' cell; None for a network without one.
        data: `kept_data` of the settings of `[data]`.
        files: further files, such as the vocabulary.
        extra: JSON values, such as the names of classes.

    Raises StorageError.
    """
    info = {
        "task": task,
        "model": model.model_dump(mode="json", exclude_none=True),
        "cell": cell,
        "data": dict(data),
        "metrics": dict(metrics),
        "extra": dict(extra or {}),
    }
    content = {WEIGHTS: tensors_to_bytes(network.state_dict()), **files}
    write_folder(folder, content, kind=f"{task} model", info=info)


def read_model(folder: str | Path, task: str) -> StoredModel:
    """Raises StorageError: not the folder of such a model; truncated or changed files; a cell outside the op list."""
    stored = read_folder(folder, kind=f"{task} model")
    place = stored.path / MANIFEST
    try:
        if not all(isinstance(stored.info[key], dict) for key in ("model", "data", "metrics", "extra")):
            raise ValueError("tables model, data, metrics and extra")
        names = tensor_names(stored[WEIGHTS], stored.path / WEIGHTS)
        cell = None if stored.info["cell"] is None else cell_of_data(stored.info["cell"], names)
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise StorageError(f"Expected the manifest of a model, found: {error}.", file=place, repair=REPAIR) from None
    return StoredModel(stored, cell)


def cell_of_data(data: Mapping[str, Any], tensors: Collection[str]) -> Cell:
    """The library's own cell where the data is that cell, so that its name is known; else the graph itself.

    Args:
        tensors: names of the stored weights. `nn.layer` makes its drop-ins of a few of the library's cells and of no
            other, whatever their equations; torch's two biases tell which layer these weights are of.
    """
    graph = cell_from_data(data)
    drop_in = any(name.rpartition(".")[2].startswith("bias_ih_l") for name in tensors)
    for make in _library_cells(data):
        try:
            cell = make()
            same = cell_to_data(cell, data["input_size"], data["hidden_size"], data["bias"]) == data
        except (TypeError, CellwrightError):
            continue
        if same:
            return cell if drop_in or type(cell) not in _DROP_INS else graph
    return graph


def _library_cells(data: Mapping[str, Any]) -> list[Callable[[], Cell]]:
    """The library's cells that `data` may be by its name: without options, or with those of a drop-in."""
    kind = CELLS.get(str(data.get("name")))
    if kind is None:
        return []
    if kind is LSTMP:
        return [lambda: LSTMP(data["letters"]["P"])]
    return [kind, lambda: Elman(ops.relu)] if kind is Elman else [kind]
