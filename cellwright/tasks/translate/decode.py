"""Translations of many texts: beam search in batches of texts of like length, rows back to tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cellwright.tasks.translate.model import TranslateNetwork
from cellwright.tasks.translate.search import search
from cellwright.tasks.translate.vocabularies import Vocabularies

__all__ = ["Candidate", "translations"]

ROWS = 256  # texts times beams that are decoded together


class Candidate(NamedTuple):
    """A translation as tokens, and ln P of it."""

    tokens: tuple[str, ...]
    log_probability: float
    finished: bool


def translations(
    network: TranslateNetwork,
    vocabularies: Vocabularies,
    sources: Sequence[Sequence[str]],
    *,
    beam: int,
    longest: int,
    length_power: float = 1.0,
) -> list[list[Candidate]]:
    """Up to `beam` translations of each text, best first, in the order of `sources`; arguments as in `search`."""
    order = sorted(range(len(sources)), key=lambda k: len(sources[k]))
    found: list[list[Candidate]] = [[] for _ in sources]
    batch = max(1, ROWS // beam)
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        rows_BS, lengths_B = vocabularies.sources(sources[k] for k in chosen)
        answers = search(network, rows_BS, lengths_B, beam=beam, longest=longest, length_power=length_power)
        for k, candidates in zip(chosen, answers, strict=True):
            found[k] = [
                Candidate(tuple(vocabularies.target.tokens[row] for row in c.rows), c.log_probability, c.finished)
                for c in candidates
            ]
    return found
