"""What the answers of all tasks share: their line for programs, labelled pieces of a text, ranked texts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["DIGITS", "Ranked", "Span", "json_line", "ranked"]

DIGITS = 6  # significant digits of a number in JSON: float32, in which networks compute, has no more


@dataclass(frozen=True, slots=True)
class Span:
    """A labelled piece of a text: text[start:end] is `value`; `probability` is that of its least sure token."""

    label: str
    value: str
    start: int
    end: int
    probability: float

    def __str__(self) -> str:
        """`city=Rome`, or `date="November 2nd"` where there are several words."""
        several = len(self.value.split()) != 1
        return f"{self.label}={json.dumps(self.value, ensure_ascii=False) if several else self.value}"


@dataclass(frozen=True, slots=True)
class Ranked:
    """One text of several that the model may say, and its probability."""

    text: str
    probability: float


def json_line(said: Mapping[str, Any]) -> str:
    """One line of JSON; floats with DIGITS significant digits."""
    return json.dumps(_rounded(said), ensure_ascii=False)


def ranked(texts: Iterable[str], probabilities: Iterable[float], others: int, rest: float) -> dict[str, Any]:
    """Named candidates, likeliest first, and how many others there are with what probability together."""
    pairs = zip(texts, probabilities, strict=True)
    return {
        "candidates": [{"text": text, "probability": p} for text, p in pairs],
        "others": {"count": others, "probability": rest},
    }


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, Mapping):
        return {key: _rounded(one) for key, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list | tuple) else value
