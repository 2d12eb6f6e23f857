"""Beam search: the likeliest translations, K unfinished ones kept side by side for each text.

Legend: N texts, K translations of each, V rows of the target's vocabulary.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from cellwright.tasks.text.vocabulary import BEGIN, END, PAD
from cellwright.tasks.translate.model import TranslateNetwork, chosen

__all__ = ["Found", "search"]


@dataclass(frozen=True, slots=True)
class Found:
    """One translation: its rows without END, and ln P of them with END; `finished` is False where it was cut."""

    rows: tuple[int, ...]
    log_probability: float
    finished: bool


@torch.no_grad()
def search(
    network: TranslateNetwork,
    source_BS: Tensor,
    lengths_B: Tensor,
    *,
    beam: int,
    longest: int,
    length_power: float = 1.0,
) -> list[list[Found]]:
    """For each text up to `beam` translations, best first.

    Ranked by log-probability / tokens ** length_power, END counted as a token; beam=1 takes the likeliest token at each
    step. The network must be in eval mode.

    Args:
        longest: tokens after which a translation is cut.

    Source: Wu et al. 2016, arXiv:1609.08144v2, section 7 (length normalisation).
    """
    texts = len(source_BS)
    encoded = network.encode(source_BS, lengths_B).repeated(beam)
    rows_RT = torch.full((texts * beam, 1), BEGIN)
    # All beams of a text begin alike, so all but one are impossible at first.
    sums_NK = torch.full((texts, beam), -math.inf, dtype=torch.float64)
    sums_NK[:, 0] = 0.0
    tokens_NK = torch.zeros(texts, beam, dtype=torch.float64)
    done_NK = torch.zeros(texts, beam, dtype=torch.bool)
    states = None
    for _ in range(longest):
        logs_RV, states = network.next_tokens(encoded, rows_RT[:, -1], states)
        logs_NKV = logs_RV.double().view(texts, beam, -1)
        # A finished translation stays as it is: its only continuation is padding that costs nothing.
        logs_NKV[done_NK] = -math.inf
        logs_NKV[..., PAD] = torch.where(done_NK, 0.0, -math.inf)
        every_NKV = sums_NK[..., None] + logs_NKV
        counted_NK = tokens_NK + (~done_NK).double()
        ranks_NKV = every_NKV / counted_NK[..., None] ** length_power
        best_NK = ranks_NKV.flatten(1).topk(beam).indices
        from_NK, token_NK = best_NK // logs_NKV.shape[-1], best_NK % logs_NKV.shape[-1]
        sums_NK = every_NKV.flatten(1).gather(1, best_NK)
        tokens_NK = counted_NK.gather(1, from_NK)
        done_NK = done_NK.gather(1, from_NK) | (token_NK == END)
        rows_R = (from_NK + beam * torch.arange(texts)[:, None]).flatten()
        rows_RT = torch.cat([rows_RT[rows_R], token_NK.flatten()[:, None]], dim=1)
        states = chosen(states, rows_R)
        if bool((done_NK | sums_NK.isinf()).all()):
            break
    return [_of_text(rows_KT, sums_K, done_K) for rows_KT, sums_K, done_K in zip(
        rows_RT.view(texts, beam, -1).tolist(), sums_NK.tolist(), done_NK.tolist(), strict=True
    )]  # fmt: skip


def _of_text(rows_KT: list[list[int]], sums_K: list[float], done_K: list[bool]) -> list[Found]:
    return [
        Found(tuple(row for row in rows[1:] if row not in (PAD, END)), total, done)
        for rows, total, done in zip(rows_KT, sums_K, done_K, strict=True)
        if total > -math.inf
    ]
