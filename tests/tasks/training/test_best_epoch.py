"""Which epoch's model is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cellwright.tasks.storage.atomic import read_folder


@pytest.mark.parametrize(
    ("accuracies", "losses", "kept"),
    [
        ([0.5, 1.0, 1.0, 1.0], [0.9, 0.5, 0.2, 0.3], 3),  # all right alike: the surest
        ([0.5, 0.9, 0.8, 0.9], [0.9, 0.5, 0.1, 0.5], 2),  # no other figure beats the metric
        ([0.5, 0.9, 0.9, 0.8], None, 2),
    ],
)
def test_the_highest_metric_is_kept_and_of_equal_ones_the_lowest_loss(
    toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, accuracies: list[float], losses: list[float] | None,
    kept: int,
) -> None:  # fmt: skip
    figures = [{"accuracy": share} for share in accuracies]
    if losses:
        figures = [one | {"loss": loss} for one, loss in zip(figures, losses, strict=True)]
    left = iter(figures)
    monkeypatch.setattr(toy.ToyTask, "evaluate", lambda self: next(left))
    result = toy.train(tmp_path / "run", "train.epochs=4")
    assert result.best_epoch == kept
    assert result.best_metrics == figures[kept - 1]
    assert read_folder(tmp_path / "run/best", kind="model").info == {"metrics": figures[kept - 1]}
