"""The order of an epoch over more examples than a list may hold: computed where it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, overload

import numpy as np
from numpy.typing import NDArray

from cellwright.tasks.data.streaming import StreamedExamples
from cellwright.tasks.training.order import epoch_order

__all__ = ["StreamOrder", "example_order", "permuted"]

ROUNDS = 4
CHUNK = 20  # batches whose texts are sorted by length together
Rows = NDArray[np.int64]


def permuted(rows_N: Rows, count: int, *, seed: int, epoch: int) -> Rows:
    """Where a shuffle of 0 … count − 1 puts each of these rows; a pure function, and a permutation, in no memory.

    A Feistel network over the next power of four, walked until it is below `count` (Black and Rogaway 2002, "Ciphers
    with Arbitrary Finite Domains"), with rounds that mix well enough for shuffling and hide nothing.
    """
    half = max(1, (max(1, count - 1).bit_length() + 1) // 2)
    low = np.uint64((1 << half) - 1)
    keys = np.random.SeedSequence(seed, spawn_key=(epoch,)).generate_state(ROUNDS, np.uint64)
    found = np.asarray(rows_N).astype(np.uint64)
    outside = np.ones(len(found), bool)
    while outside.any():
        left, right = found[outside] >> np.uint64(half), found[outside] & low
        for key in keys:
            left, right = right, left ^ (_mixed(right, key) & low)
        found[outside] = (left << np.uint64(half)) | right
        outside = found >= count
    return found.astype(np.int64)


class Worded(Protocol):
    @property
    def words(self) -> Sequence[str]: ...


def example_order(examples: Sequence[Worded], batch_size: int, *, seed: int, epoch: int) -> Sequence[Sequence[int]]:
    """Batches of indices of texts: `epoch_order`, or `StreamOrder` where they stay on the disk, and a line's bytes tell
    how long it is."""
    if isinstance(examples, StreamedExamples):
        return StreamOrder(len(examples), examples.lines.lengths, batch_size, seed=seed, epoch=epoch, chunk=CHUNK)
    return epoch_order([len(one.words) for one in examples], batch_size, seed=seed, epoch=epoch, chunk=CHUNK)


class StreamOrder(Sequence[list[int]]):
    """What `epoch_order` gives, for any number of examples: every one once, lengths within a batch alike.

    Groups of `chunk` batches are random sets of the whole; within a group examples are sorted by length, cut into
    batches, and these shuffled. One group is kept at a time.

    Args:
        count: examples.
        lengths: of the examples of these rows.
    """

    def __init__(
        self, count: int, lengths: Callable[[Rows], Rows], batch_size: int, *, seed: int, epoch: int, chunk: int = 50
    ) -> None:
        self._count, self._lengths, self._size = count, lengths, batch_size
        self._seed, self._epoch, self._chunk = seed, epoch, chunk
        self._number, self._group = -1, list[list[int]]()

    def __len__(self) -> int:
        return -(-self._count // self._size)

    @overload
    def __getitem__(self, k: int) -> list[int]: ...
    @overload
    def __getitem__(self, k: slice) -> list[list[int]]: ...
    def __getitem__(self, k: int | slice) -> Any:
        if isinstance(k, slice):
            return [self[n] for n in range(*k.indices(len(self)))]
        if not -len(self) <= k < len(self):
            raise IndexError(k)
        number, place = divmod(k % len(self), self._chunk)
        if number != self._number:
            self._number, self._group = number, self._batches(number)
        return self._group[place]

    def _batches(self, number: int) -> list[list[int]]:
        whole = self._chunk * self._size
        places = np.arange(number * whole, min(self._count, (number + 1) * whole))
        rows = permuted(places, self._count, seed=self._seed, epoch=self._epoch)
        rows = rows[np.argsort(self._lengths(rows), kind="stable")]
        batches = [rows[k : k + self._size].tolist() for k in range(0, len(rows), self._size)]
        rng = np.random.default_rng(np.random.SeedSequence(self._seed, spawn_key=(self._epoch, number)))
        return [batches[k] for k in rng.permutation(len(batches))]


def _mixed(x_N: NDArray[np.uint64], key: np.uint64) -> NDArray[np.uint64]:
    """SplitMix64's finalizer (Steele et al. 2014) of x + key, modulo 2⁶⁴."""
    x = x_N + key
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    found: NDArray[np.uint64] = x ^ (x >> np.uint64(31))
    return found
