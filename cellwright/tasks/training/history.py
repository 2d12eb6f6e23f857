"""What a run's epochs were like, in the form that Keras's `fit` returns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cellwright.errors import StorageError
from cellwright.tasks.storage.atomic import REPAIR
from cellwright.tasks.training.loop import METRICS

__all__ = ["history"]

TRAIN, VALID = "train_", "val_"


def history(run: str | Path) -> dict[str, list[float]]:
    """Figures of a run by name, one an epoch: {"loss": […], "accuracy": […], "val_loss": […], "val_accuracy": […]}.

    Args:
        run: the run's folder.

    A figure that the task measures on the training split too stands under its plain name, that of the validation split
    under `val_…`. "loss" is the mean over the epoch's batches, with dropout, unless the task measures it.

    Raises StorageError: no run's folder, or one that is damaged.
    """
    file = Path(run) / METRICS
    try:
        rows: list[dict[str, Any]] = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        found: dict[str, list[float]] = {"loss": [float(row["loss"]) for row in rows]}
        for name in rows[0]["valid"] if rows else ():
            key = name.removeprefix(TRAIN) if name.startswith(TRAIN) else VALID + name
            found[key] = [float(row["valid"][name]) for row in rows]
    except OSError as error:
        raise StorageError(f"Expected a run's folder, found: {error.strerror}.", file=file, repair=REPAIR) from None
    except (ValueError, KeyError, TypeError) as error:
        raise StorageError(f"Expected a line an epoch, found: {error!r}.", file=file, repair=REPAIR) from None
    return found
