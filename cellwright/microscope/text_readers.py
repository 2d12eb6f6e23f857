"""How models of texts are read: slots and intents, classes, tags, gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from cellwright.errors import DataError
from cellwright.microscope.model_input import START, Decision, ModelInput, padding_read

if TYPE_CHECKING:
    from cellwright.tasks.classify.predict import TextClassifier
    from cellwright.tasks.cloze.predict import ClozeModel
    from cellwright.tasks.slots.predict import SlotModel
    from cellwright.tasks.tag.predict import Tagger

__all__ = ["read_gaps", "read_review", "read_tagged", "read_utterance"]

Outputs = tuple[Tensor, Tensor | None]


def read_utterance(model: SlotModel, text: str | Sequence[str], network: Any) -> ModelInput:
    """Slots and intents. Outputs: the scores of tags (1, T, K), and those of intents (1, N) or None."""
    from cellwright.tasks.slots.batches import make_batch  # a layer is inspected without any task

    utterance = model.utterance(text)
    batch = make_batch([utterance], model.vocabulary)

    def decide(outputs: Outputs) -> Decision:
        scores_BTK, intents_BN = outputs
        if intents_BN is not None:
            best = int(intents_BN[0].argmax())
            return partial(_intent_score, best), f"log p(intent = {model.vocabulary.intents[best]})"
        score, name = _tags(network, model.vocabulary.tags, scores_BTK, batch.lengths_B)
        return lambda o: score(o[0]), name

    def pad() -> Tensor:
        longer = replace(utterance, words=(*utterance.words, "."), slots=(*utterance.slots, "O"))
        padded: Tensor = network.features(make_batch([utterance, longer], model.vocabulary))
        return padded[0, -1]

    def forward(copies: int = 1) -> Any:
        return network(batch if copies == 1 else make_batch([utterance] * copies, model.vocabulary))

    def reread(words: Sequence[str]) -> Any:
        return network(make_batch([model.utterance(list(words))], model.vocabulary))

    return ModelInput(utterance.words, network, forward, decide, reread, pad, not model.vocabulary.has_intents)


def read_tagged(model: Tagger, text: str | Sequence[str], network: Any) -> ModelInput:
    """Tags. Outputs: their scores (1, T, K)."""
    from cellwright.tasks.tag.task import make_batch

    utterance = model.utterance(text)
    lengths_B = torch.tensor([len(utterance.words)])

    def run(*texts: Sequence[str]) -> Any:
        return network(make_batch([replace(utterance, words=tuple(words)) for words in texts], model.vocabulary))

    return ModelInput(
        utterance.words,
        network,
        lambda copies=1: run(*[utterance.words] * copies),
        lambda scores_BTK: _tags(network, model.vocabulary.tags, scores_BTK, lengths_B),
        lambda words: run(words),
        lambda: padding_read(network, lambda: run(utterance.words, (*utterance.words, "."))),
        per_word=True,
    )


def read_gaps(model: ClozeModel, text: str | Sequence[str], network: Any) -> ModelInput:
    """Missing words. Outputs: ln P of every row of the vocabulary at each gap (1, N, V), or, where no word is missing,
    at each word that has senses; one of its senses is the answer.

    Raises DataError: neither a gap nor a word with senses; a text of another length in place of this one.
    """
    from cellwright.tasks.cloze.batches import make_batch

    tokens = model.tokens(text)
    places = model.asked(tokens)
    senses = [[model.vocabulary.rows[sense] for sense in model.senses_of(tokens[place])] for place in places]

    def run(*texts: Sequence[str]) -> Any:
        batch = make_batch(texts, texts, model.vocabulary)
        y_BNF = network(batch.x_BS, batch.lengths_B)[:, places]
        return network.log_probabilities(y_BNF.flatten(0, 1)).unflatten(0, y_BNF.shape[:2])

    def reread(words: Sequence[str]) -> Any:
        if len(words) != len(tokens) + 2:
            raise DataError(f"Expected {len(tokens)} words, found {len(words) - 2}: a gap has its place.")
        return run(words[1:-1])

    def decide(log_p_1NV: Tensor) -> Decision:
        best = [
            rows[int(log_p_1NV[0, n, rows].argmax())] if rows else int(log_p_1NV[0, n].argmax())
            for n, rows in enumerate(senses)
        ]

        def score(log_p_1NV: Tensor) -> Tensor:
            found = [log_p_1NV[0, n, row] for n, row in enumerate(best)]
            among = [log_p_1NV[0, n, rows].logsumexp(0) for n, rows in enumerate(senses) if rows]
            return torch.stack(found).sum() - sum(among)

        return score, f"log p({' '.join(model.vocabulary.tokens[row] for row in best)})"

    return ModelInput(
        (START, *tokens, START),
        network,
        lambda copies=1: run(*[tokens] * copies),
        decide,
        reread,
        lambda: padding_read(network, lambda: run(tokens, [*tokens, "."])),
        per_word=True,
    )


def read_review(model: TextClassifier, text: str | Sequence[str], network: Any) -> ModelInput:
    """Text classification; the form of a word that agrees with another. Outputs: the scores of the classes (1, N)."""
    from cellwright.tasks.classify.examples import Example
    from cellwright.tasks.classify.task import make_batch

    example = model.example(text)

    def run(*texts: Sequence[str]) -> Any:
        return network(make_batch([Example(tuple(words), "", "") for words in texts], model.vocabulary))

    def decide(scores_1N: Tensor) -> Decision:
        best = int(scores_1N[0].argmax())
        return lambda scores: scores[0].log_softmax(-1)[best], f"log p({model.classes[best]})"

    def pad() -> Tensor:
        longer = Example((*example.words, "."), "", "")
        padded: Tensor = network.blocks[0](make_batch([example, longer], model.vocabulary))
        return padded[0, -1]

    return ModelInput(
        example.words, network, lambda copies=1: run(*[example.words] * copies), decide, lambda words: run(words), pad,
        per_word=False,
    )  # fmt: skip


def _intent_score(best: int, outputs: Outputs) -> Tensor:
    """The log-probability of intent number `best`."""
    assert outputs[1] is not None
    return outputs[1][0].log_softmax(-1)[best]


def _tags(network: Any, names: Sequence[str], scores_1TK: Tensor, lengths_B: Tensor) -> Decision:
    """The log-probability of the best tags, of scores (1, T, K): together through the CRF, or each by itself."""
    tags_1T = torch.tensor(network.crf.viterbi(scores_1TK, lengths_B))
    said = f"log p({' '.join(names[row] for row in tags_1T[0].tolist())})"
    if network.config.head == "crf":
        return lambda scores: network.crf.log_likelihood(scores, tags_1T, lengths_B)[0], said
    return lambda scores: scores.log_softmax(-1).gather(2, tags_1T[..., None]).sum(), said
