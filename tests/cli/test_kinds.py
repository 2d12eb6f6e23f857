"""What every task offers alike."""

from __future__ import annotations

import pytest

from cellwright.tasks.registry import TASKS, kind_named
from cellwright.tasks.summaries import SUMMARIES


@pytest.mark.parametrize("name", TASKS)
def test_every_task_can_be_compared_with_a_network_that_sees_one_step(name: str) -> None:
    """Row A25."""
    assert {"per-token", "PerToken"} & {*kind_named(name).networks}


def test_the_help_lists_every_task(cellwright) -> None:
    assert [*SUMMARIES] == [*TASKS]
    for verb in ("train", "sweep", "compare"):
        said = cellwright(verb, "--help").stdout
        assert all(f"  {name:16} {summary}" in said for name, summary in SUMMARIES.items())
