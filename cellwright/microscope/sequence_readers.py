"""How models of sequences are read: the next token, what is remembered at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from cellwright.errors import DataError
from cellwright.microscope.model_input import START, Decision, ModelInput, padding_read, steps_of

if TYPE_CHECKING:
    from cellwright.tasks.lm.predict import LmModel
    from cellwright.tasks.memory.predict import TrainedMemory

__all__ = ["read_line", "read_memory"]


def read_line(model: LmModel, text: str | Sequence[str], network: Any) -> ModelInput:
    """A language model. Outputs: ln P of every row of the vocabulary after the text (1, V).

    Raises DataError: no token in the text.
    """
    from cellwright.tasks.text.vocabulary import END

    tokens = model.tokens(text)
    if not tokens:
        raise DataError("Expected at least one word, found none.", repair="Give the beginning of a sentence.")
    begin = END if model.unit == "word" else model.vocabulary.row("\n")
    words = (START, *tokens)

    def run(words: Sequence[str], copies: int = 1) -> Any:
        rows = [begin if k == 0 and word == START else model.vocabulary.row(word) for k, word in enumerate(words)]
        return network.log_probabilities(network(torch.tensor([rows] * copies)).raw_BTF[:, -1])

    def decide(log_p_1V: Tensor) -> Decision:
        best = int(log_p_1V[0].argmax())
        return lambda log_p: log_p[0, best], f"log p(next = {model.vocabulary.tokens[best]})"

    return ModelInput(words, network, lambda copies=1: run(words, copies), decide, run, None, per_word=False)


def read_memory(model: TrainedMemory, text: str | Sequence[str], network: Any) -> ModelInput:
    """What is said at the end of a sequence. Outputs: scores (1, A, K) of the steps that answer, or a number (1, 1, 1).

    Raises DataError: no such sequence.
    """
    from cellwright.tasks.memory.problem import Example
    from cellwright.tasks.memory.problems import make_batch

    problem = model.problem
    read = problem.read(text if isinstance(text, str) else " ".join(text))
    least = problem.answers
    if not len(read):
        raise DataError("Expected at least one step, found none.", repair="Give a sequence of the model's problem.")
    nothing, table = np.zeros(least, np.int64), np.arange(max(1, len(model.vocabulary)))

    def run(*sequences: Any) -> Any:
        shortest = min(len(sequence) for sequence in sequences)
        if shortest < least:
            raise DataError(f"Expected at least {least} steps, found {shortest}.")
        return network(make_batch([Example(rows, nothing) for rows in sequences], table))

    def rows_of(words: Sequence[str]) -> Any:
        return np.array(model.vocabulary.encode(list(words)))

    def decide(scores_1AK: Tensor) -> Decision:
        if not problem.classes:
            return lambda scores: scores[0, -1, 0], "the number that it says"
        best_A = scores_1AK[0].argmax(-1)
        said = "".join(problem.classes[row] for row in best_A.tolist())
        return lambda scores: scores[0].log_softmax(-1).gather(1, best_A[:, None]).sum(), f"log p({said})"

    if isinstance(read, np.ndarray):
        values_TC = read.astype(np.float64)
        return ModelInput(
            steps_of(values_TC), network, lambda copies=1: run(*[values_TC] * copies), decide, None, None,
            per_word=False,
        )  # fmt: skip
    rows = rows_of(read)
    longer = np.concatenate([rows, rows[-1:]])
    return ModelInput(
        tuple(read), network, lambda copies=1: run(*[rows] * copies), decide, lambda words: run(rows_of(words)),
        lambda: padding_read(network, lambda: run(rows, longer)), per_word=False,
    )  # fmt: skip
