"""Several networks at a time: in order, with the same figures, and a death that is told."""

from __future__ import annotations

import os

import pytest

from cellwright.errors import TrainingError
from cellwright.tasks.training.side_by_side import train_each


@pytest.mark.parametrize("processes", [1, 2])
def test_rows_come_in_the_order_of_the_names(processes: int) -> None:
    told: list[str] = []
    rows = train_each(["b", "a", "c"], str.upper, processes, lambda name, row: told.append(name + row))
    assert rows == {"b": "B", "a": "A", "c": "C"}
    assert list(rows) == ["b", "a", "c"]
    assert sorted(told) == ["aA", "bB", "cC"]


def test_a_process_that_dies_is_named() -> None:
    with pytest.raises(TrainingError, match="its process had died"):
        train_each(["3"], leave, 2, lambda name, row: None)


def leave(name: str) -> None:
    os._exit(int(name))
