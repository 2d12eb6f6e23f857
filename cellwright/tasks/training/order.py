"""Which examples form which batch, and the random numbers of each batch, as pure functions of seed, epoch, position.

No generator's state has to be saved: a run that resumes at any position sees the same batches.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["batch_rng", "epoch_order"]


def epoch_order(lengths: Sequence[int], batch_size: int, *, seed: int, epoch: int, chunk: int = 50) -> list[list[int]]:
    """Batches of indices for one epoch: every example once, lengths within a batch alike, batches in random order.

    Args:
        lengths: length of each example, in tokens; all equal gives plain shuffling.
        batch_size: examples a batch; the last one formed may hold fewer.
        seed: the run's seed.
        epoch: counted from 0.
        chunk: examples are sorted within groups of this many batches, so a batch is still a random choice.
    """
    if not lengths:
        return []
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(epoch,)))
    shuffled = rng.permutation(len(lengths))
    length_of = np.asarray(lengths)
    batches: list[list[int]] = []
    for start in range(0, len(shuffled), chunk * batch_size):
        group = shuffled[start : start + chunk * batch_size]
        group = group[np.argsort(length_of[group], kind="stable")]
        batches.extend(group[i : i + batch_size].tolist() for i in range(0, len(group), batch_size))
    return [batches[i] for i in rng.permutation(len(batches))]


def batch_rng(seed: int, epoch: int, position: int, rank: int = 0) -> np.random.Generator:
    """The generator for building one batch (word dropout, augmentation): its own stream for each position.

    Args:
        rank: of the process that builds its part of the batch.
    """
    key = (epoch, position, rank) if rank else (epoch, position)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
