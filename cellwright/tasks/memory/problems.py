"""The problem that the settings name, and batches of its sequences.

Legend: B sequences, T steps, C channels, A answering steps.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cellwright.tasks.memory.config import MemoryData
from cellwright.tasks.memory.digits import Digits
from cellwright.tasks.memory.problem import STRETCH, Example, Problem
from cellwright.tasks.memory.recall import Recall, TwoFacts
from cellwright.tasks.memory.signals import Adding, Copy, Latch
from cellwright.tasks.text.vocabulary import TextVocabulary

__all__ = ["Batch", "fixed_examples", "make_batch", "problem_of", "sample_of", "table_of", "training_examples"]

SPLITS = {"train": 0, "valid": 1, "test": 2}


def problem_of(data: MemoryData) -> Problem:
    """The problem of `data.problem`."""
    if data.problem == "recall":
        return Recall(data.language)
    if data.problem == "two-facts":
        return TwoFacts(data.language)
    if data.problem == "copy":
        return Copy(data.symbols)
    made: dict[str, Callable[[], Problem]] = {"adding": Adding, "latch": Latch, "digits": Digits}
    return made[data.problem]()


def table_of(problem: Problem, vocabulary: TextVocabulary) -> NDArray[np.int64]:
    """Row of the vocabulary of each of the problem's tokens; those that training never shows are unknown."""
    return np.array(vocabulary.encode(problem.tokens), dtype=np.int64)


def training_examples(problem: Problem, longest: int, count: int, rng: np.random.Generator) -> list[Example]:
    """A batch of fresh sequences with gaps alike: their scale is log-uniform from 1 to `longest`."""
    scale = float(np.exp(rng.uniform(0.0, np.log(longest + 1))))
    gaps = np.minimum(longest, np.ceil(rng.uniform(0.75, 1.0, size=count) * scale)).astype(int)
    return [problem.draw(rng, int(gap), "train") for gap in gaps]


def fixed_examples(problem: Problem, gap: int, count: int, seed: int, split: str) -> list[Example]:
    """The sequences that are measured at one gap: the same for each network, never one of training's."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(SPLITS[split], gap)))
    gaps = rng.integers(gap, max(gap + 1, int(gap * STRETCH)), size=count)
    return [problem.draw(rng, int(exact), split) for exact in gaps]


@dataclass(frozen=True, slots=True)
class Batch:
    """x (B, T) rows of tokens or (B, T, C) numbers, padded; lengths (B,); answers (B, A)."""

    x: Tensor
    lengths_B: Tensor
    answers_BA: Tensor

    @property
    def tokens(self) -> int:
        return int(self.lengths_B.sum())


def make_batch(examples: Sequence[Example], table: NDArray[np.int64]) -> Batch:
    """`table` as of `table_of`; not used where the inputs are numbers."""
    lengths = [len(example.inputs) for example in examples]
    first = examples[0].inputs
    x = np.zeros((len(examples), max(lengths), *first.shape[1:]), dtype=first.dtype)
    for row, example in zip(x, examples, strict=True):
        row[: len(example.inputs)] = example.inputs if first.ndim > 1 else table[example.inputs]
    answers_BA = np.stack([example.answers for example in examples])
    return Batch(torch.from_numpy(x), torch.tensor(lengths), torch.from_numpy(answers_BA))


def sample_of(problem: Problem) -> str:
    """A few sequences in words: what a run's numbers depend on beside the settings."""
    rng = np.random.default_rng(0)
    drawn: list[Any] = [problem.tokens, problem.training_tokens, problem.classes]
    for gap in (1, 20):
        example = problem.draw(rng, gap, "train")
        drawn += [example.inputs.tolist(), example.answers.tolist()]
    return json.dumps([list(part) for part in drawn])
