"""What every task offers alike."""

from __future__ import annotations

import pytest

from cellwright.tasks.registry import TASKS, kind_named


@pytest.mark.parametrize("name", TASKS)
def test_every_task_can_be_compared_with_a_network_that_sees_one_step(name: str) -> None:
    """Row A25."""
    assert {"per-token", "PerToken"} & {*kind_named(name).networks}
