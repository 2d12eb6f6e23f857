"""Which labels utterances carry, and how a note names those that training never showed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping

from cellwright.tasks.data.utterance import Utterance

__all__ = ["intent_labels", "slot_labels", "unseen_labels"]

SHOWN = 8


def slot_labels(utterances: Iterable[Utterance]) -> Counter[str]:
    """Spans of each label."""
    return Counter(tag[2:] for u in utterances for tag in u.slots if tag.startswith("B-"))


def intent_labels(utterances: Iterable[Utterance]) -> Counter[str]:
    """Utterances of each intent."""
    return Counter(u.intent for u in utterances)


def unseen_labels(found: Mapping[str, int], known: Container[str]) -> tuple[int, str]:
    """How many labels of `found` are not known, and the first of them with their counts: "planet (1), star (3)"."""
    unseen = {label: count for label, count in found.items() if label not in known}
    return len(unseen), ", ".join(f"{label} ({count})" for label, count in sorted(unseen.items())[:SHOWN])
