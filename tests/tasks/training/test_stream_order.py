"""The order of an epoch that no list holds."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellwright.tasks.training.stream_order import StreamOrder, permuted


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 3000), st.integers(0, 2**63 - 1), st.integers(0, 1000))
def test_a_shuffle_without_memory_is_a_permutation(count: int, seed: int, epoch: int) -> None:
    whole = permuted(np.arange(count), count, seed=seed, epoch=epoch)
    assert sorted(whole.tolist()) == list(range(count))
    some = np.arange(0, count, 7)
    assert (permuted(some, count, seed=seed, epoch=epoch) == whole[some]).all()  # each by itself, too


def test_the_shuffle_is_even() -> None:
    """Where row 0 … 9 of 40 land over 4,000 epochs: no place is twice as frequent as it should be, nor half."""
    found = np.zeros((10, 40))
    for epoch in range(4000):
        found[np.arange(10), permuted(np.arange(10), 40, seed=3, epoch=epoch)] += 1
    assert found.min() > 50
    assert found.max() < 200


def test_a_thousand_million_examples_take_no_time_and_no_memory() -> None:
    order = StreamOrder(10**9, lambda rows: rows % 97, 32, seed=1, epoch=0)
    assert len(order) == 31_250_000
    first, last = order[0], order[-1]
    assert len({*first, *last}) == 64
    assert max(first) > 10**7


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 400), st.integers(1, 20), st.integers(1, 6), st.integers(0, 5))
def test_every_example_comes_once_with_others_of_its_length(count: int, size: int, chunk: int, epoch: int) -> None:
    lengths = np.random.default_rng(0).integers(1, 50, size=count)
    order = StreamOrder(count, lambda rows: lengths[rows], size, seed=5, epoch=epoch, chunk=chunk)
    batches = list(order)
    assert sorted(itertools.chain(*batches)) == list(range(count))
    assert all(1 <= len(batch) <= size for batch in batches)
    assert len(batches) == len(order) == -(-count // size)
    again = StreamOrder(count, lambda rows: lengths[rows], size, seed=5, epoch=epoch, chunk=chunk)
    assert [again[k] for k in reversed(range(len(again)))] == batches[::-1]
    assert order[1:3] == batches[1:3]
    with pytest.raises(IndexError):
        order[len(batches)]


def test_lengths_within_a_batch_are_alike_and_epochs_differ() -> None:
    lengths = np.random.default_rng(0).integers(1, 100, size=2000)
    orders = [list(StreamOrder(2000, lambda rows: lengths[rows], 10, seed=1, epoch=epoch)) for epoch in (0, 1)]
    spread = np.mean([np.ptp(lengths[batch]) for batch in orders[0]])
    assert spread < 10  # plain shuffling: about 80
    assert orders[0] != orders[1]
