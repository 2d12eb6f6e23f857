"""The state of a training run as a folder: model, averaged weights, optimizer, random state, counters.

Tensors are safetensors, counters are JSON in the manifest; the last two checkpoints are kept.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cellwright.errors import StorageError, TrainingError
from cellwright.tasks.storage import atomic
from cellwright.tasks.storage.tensors import TensorSpec, read_tensors, specs, tensors_to_bytes

__all__ = ["Counters", "expected_tensors", "latest_checkpoint", "restore", "save_checkpoint"]

KIND = "checkpoint"
TENSORS = "state.safetensors"
KEEP = 2
MOMENTS = ("exp_avg", "exp_avg_sq")


@dataclass
class Counters:
    """Where a run stands; everything that is not a tensor. `position` counts the batches of `epoch` already done."""

    step: int = 0
    epoch: int = 0
    position: int = 0
    loss_sum: float = 0.0
    tokens: int = 0
    best: float | None = None
    best_epoch: int = 0
    best_metrics: dict[str, float] = field(default_factory=dict)
    epochs_since_best: int = 0
    average_since: int = 0  # the step after which NT-ASGD's mean began; 0 = not yet
    metrics_bytes: int = 0
    times_bytes: int = 0
    seconds: float = 0.0
    epoch_began: float = 0.0
    train_size: int = 0
    finished: str = ""  # "", "epochs" or "patience"


def save_checkpoint(
    folder: Path, counters: Counters, model: nn.Module, average: Mapping[str, Tensor], optimizer: torch.optim.Optimizer
) -> Path:
    """Write `folder`/step-N; when it is on disk, delete all but the newest two.

    Raises:
        StorageError: the disk refused; what was there before is untouched.
        TrainingError: a weight is not finite; nothing is written.
    """
    tensors = _state(model, average, optimizer)
    if bad := next((name for name, tensor in tensors.items() if not _finite(tensor)), None):
        raise TrainingError(
            f"Expected finite weights after step {counters.step}, found nan or inf in {bad}.",
            file=folder,
            repair="The checkpoints there are from before. Lower train.learning_rate, or set train.clip.",
        )
    target = folder / f"step-{counters.step:09d}"
    atomic.write_folder(target, {TENSORS: tensors_to_bytes(tensors)}, kind=KIND, info=dataclasses.asdict(counters))
    _prune(folder)
    return target


def latest_checkpoint(
    folder: Path,
    expected: Callable[[], tuple[dict[str, TensorSpec], dict[str, TensorSpec]]],
    note: Callable[[str], None],
) -> tuple[Counters, dict[str, Tensor]] | None:
    """The newest checkpoint that passes its checks; None if there is none at all.

    A damaged one is set aside as broken-step-N with a note, and the one before is taken.

    Raises:
        StorageError: there are checkpoints and all of them are damaged.
    """
    error: StorageError | None = None
    damaged = []
    for path in sorted(_found(folder), reverse=True):
        try:
            loaded = _read(path, expected)
        except StorageError as reason:
            error = error or reason
            damaged.append(path)
            note(f"Checkpoint {path.name} is damaged and not used: {reason}")
            continue
        for bad in damaged:  # only now: until a good one is found nothing is moved
            if bad.exists():
                _set_aside(bad)
        return loaded
    if error is not None:
        raise error
    return None


def expected_tensors(
    model: nn.Module, average: Mapping[str, Tensor]
) -> tuple[dict[str, TensorSpec], dict[str, TensorSpec]]:
    """What a checkpoint of this model must hold, and may: moments exist only for parameters that had a gradient."""
    required = specs({f"model.{name}": tensor for name, tensor in model.state_dict().items()})
    required |= specs({f"average.{name}": tensor for name, tensor in average.items()})
    required |= specs({"random.torch": torch.get_rng_state()})
    optional: dict[str, TensorSpec] = {}
    for name, parameter in model.named_parameters():
        optional[f"optimizer.{name}.step"] = TensorSpec((), torch.float32)
        for moment in MOMENTS:
            optional[f"optimizer.{name}.{moment}"] = TensorSpec(tuple(parameter.shape), parameter.dtype)
    return required, optional


def restore(
    tensors: Mapping[str, Tensor], model: nn.Module, average: Mapping[str, Tensor], optimizer: torch.optim.Optimizer
) -> None:
    """Put a checkpoint's tensors in place, bit for bit."""
    own = model.state_dict()
    with torch.no_grad():
        for name, target in own.items():
            target.copy_(tensors[f"model.{name}"])
        for name, target in average.items():
            target.copy_(tensors[f"average.{name}"])
    for name, parameter in model.named_parameters():
        if f"optimizer.{name}.step" in tensors:
            optimizer.state[parameter] = {key: tensors[f"optimizer.{name}.{key}"].clone() for key in ("step", *MOMENTS)}
    torch.set_rng_state(tensors["random.torch"])


def _state(model: nn.Module, average: Mapping[str, Tensor], optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    tensors |= {f"average.{name}": tensor for name, tensor in average.items()}
    for name, parameter in model.named_parameters():
        for key, value in optimizer.state.get(parameter, {}).items():
            tensors[f"optimizer.{name}.{key}"] = value
    tensors["random.torch"] = torch.get_rng_state()
    return tensors


def _finite(tensor: Tensor) -> bool:
    # A finite sum means all are; three times as fast as isfinite().all(), which decides where the sum is not.
    if not tensor.is_floating_point() or bool(torch.isfinite(tensor.sum())):
        return True
    return bool(torch.isfinite(tensor).all())


def _read(
    path: Path, expected: Callable[[], tuple[dict[str, TensorSpec], dict[str, TensorSpec]]]
) -> tuple[Counters, dict[str, Tensor]]:
    stored = atomic.read_folder(path, kind=KIND)
    required, optional = expected()
    tensors = read_tensors(stored[TENSORS], required, optional=optional, place=path / TENSORS)
    groups = {name.rpartition(".")[0] for name in tensors if name in optional}
    whole = {f"{group}.{key}" for group in groups for key in ("step", *MOMENTS)}
    if missing := sorted(whole - tensors.keys()):
        raise StorageError(
            f"Expected a tensor {missing[0]}, found none ({len(missing)} missing).",
            file=path / TENSORS,
            repair=atomic.REPAIR,
        )
    return _counters(stored.info, path), tensors


def _counters(info: Mapping[str, Any], path: Path) -> Counters:
    names = {entry.name for entry in dataclasses.fields(Counters)}
    whole = [name for name, entry in Counters().__dict__.items() if type(entry) is int]
    numbers_fit = all(type(info.get(name)) is int and info[name] >= 0 for name in whole)
    figures: list[Any] = [info.get(name) for name in ("loss_sum", "seconds", "epoch_began")]
    figures += [] if info.get("best") is None else [info["best"]]
    metrics = info.get("best_metrics")
    figures += metrics.values() if isinstance(metrics, dict) else [None]
    figures_fit = all(type(value) in (int, float) and math.isfinite(value) for value in figures)
    ends_fit = info.get("finished") in ("", "epochs", "patience")
    if set(info) != names or not (numbers_fit and figures_fit and ends_fit):
        raise StorageError(
            "Expected the counters of a run, found others.", file=path / atomic.MANIFEST, repair=atomic.REPAIR
        )
    return Counters(**info)


def _found(folder: Path) -> list[Path]:
    """Checkpoint folders by name; one whose writer died between two renames still counts, under its own name."""
    if not folder.is_dir():
        return []
    names = {re.sub(r"^\.(.*)\.previous$", r"\1", path.name) for path in folder.iterdir()}
    return [folder / name for name in names if re.fullmatch(r"step-\d{9,}", name)]


def _prune(folder: Path) -> None:
    """Delete older checkpoints and leftovers of writers that were killed; a failure costs only space."""
    old = sorted(_found(folder))[:-KEEP]
    leftovers = [path for path in folder.iterdir() if re.match(r"\.step-\d+\.tmp-", path.name)]
    for path in [*old, *leftovers]:
        try:
            atomic.disk().remove(path)
        except OSError:
            continue


def _set_aside(path: Path) -> None:
    target = path.with_name(f"broken-{path.name}")
    try:
        atomic.disk().remove(target)
        atomic.disk().rename(path, target)
    except OSError as error:
        atomic.raise_storage_error(error, path, "set aside")
