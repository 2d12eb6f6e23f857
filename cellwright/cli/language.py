"""The language model a verb works with: the user's, or the small one that is part of the package."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cellwright.errors import ConfigError
from cellwright.tasks.lm.predict import LmModel
from cellwright.tasks.lm.shipped import SHIPPED, shipped_model
from cellwright.tasks.registry import kind_of_model

__all__ = ["language_model", "not_known"]


def language_model(argument: Path | None, option: Path | None = None) -> tuple[LmModel, str]:
    """The model, and what to call it.

    Args:
        argument, option: its folder as an argument, or as --model.

    Raises ConfigError: both are given; a model of another task.
    """
    if argument is not None and option is not None:
        raise ConfigError(
            f"Expected one model, found {argument} and --model {option}.", repair="Leave one of them out."
        )
    folder = argument or option
    if folder is None:
        return shipped_model(), SHIPPED
    kind, place = kind_of_model(folder)
    loaded = kind.load(place)
    if not isinstance(loaded, LmModel):
        raise ConfigError(
            f"Expected a language model, found a model of {kind.name}.",
            file=place,
            repair="Train one: cellwright train lm --out runs/lm",
        )
    return loaded, str(place)


def not_known(unknown: Sequence[str]) -> str:
    """The note on standard error about words that a model reads as one unknown word."""
    return f"not in its vocabulary: {' '.join(dict.fromkeys(unknown))}"
