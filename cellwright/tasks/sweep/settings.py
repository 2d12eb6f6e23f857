"""How a sweep goes: the table `[sweep]` of a settings file."""

from __future__ import annotations

from pydantic import Field

from cellwright.tasks.training.config import Config, Section

__all__ = ["SWEEP", "SweepConfig", "SweepSection"]

SWEEP = "sweep"


class SweepSection(Section):
    trials: int = Field(20, ge=1, le=1_000_000, description="runs, those of earlier starts included")
    seed: int = Field(0, ge=0, lt=2**63, description="seed of what the search draws")
    random: int = Field(10, ge=1, le=1_000_000, description="runs before the search learns from those that are done")
    prune: bool = Field(True, description="end a run whose best metric is below the median of the others at its epoch")
    prune_after: int = Field(5, ge=1, le=1_000_000, description="whole runs that are needed before one is pruned")
    prune_epochs: int = Field(3, ge=0, le=100_000, description="epochs that every run may have")


class SweepConfig(Config):
    """The table alone, read apart from the task's settings."""

    sweep: SweepSection = SweepSection()
