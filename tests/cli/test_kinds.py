"""What every task offers alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar, get_args, get_type_hints

import pytest

from cellwright.tasks.registry import TASKS, kind_named
from cellwright.tasks.summaries import READS_WORDS, SUMMARIES, TELLS_WHY, UNKNOWN_AS_ONE


@pytest.mark.parametrize("name", TASKS)
def test_every_task_can_be_compared_with_a_network_that_sees_one_step(name: str) -> None:
    """Row A25."""
    assert {"per-token", "PerToken"} & {*kind_named(name).networks}


def test_the_help_lists_every_task(cellwright) -> None:
    assert [*SUMMARIES] == [*TASKS]
    for verb in ("train", "sweep", "compare"):
        said = cellwright(verb, "--help").stdout
        assert all(f"  {name:16} {summary}" in said for name, summary in SUMMARIES.items())


@pytest.mark.parametrize("name", TASKS)
def test_what_a_task_is_said_to_do_its_model_does(name: str) -> None:
    """The lists behind `predict --words` and `--why` stand apart from the models, as the help must load none."""
    model = get_type_hints(kind_named(name).load)["return"]
    taken, answer = get_type_hints(model.predict).values()
    assert (Sequence[str] in get_args(taken)) == (name in READS_WORDS)
    assert hasattr(model, "why") == (name in TELLS_WHY)
    if isinstance(answer, TypeVar):
        answer = get_args(get_type_hints(model.answers)["return"])[0]
    if name in UNKNOWN_AS_ONE:
        assert "unknown" in answer.__dataclass_fields__
