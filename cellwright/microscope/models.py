"""How a trained model reads a text: its network in float64, the text as that network's input, what to explain.

A task whose models can be inspected has a row in READERS.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from cellwright.errors import ConfigError
from cellwright.microscope.tracer import check_finite, double_copy

if TYPE_CHECKING:
    from cellwright.tasks.classify.predict import TextClassifier
    from cellwright.tasks.slots.predict import SlotModel

__all__ = ["READERS", "ModelInput", "read"]

Outputs = tuple[Tensor, Tensor | None]


@dataclass(frozen=True, slots=True)
class ModelInput:
    """One text before a network.

    Attributes:
        words: as the model sees them.
        network: a copy in float64 and eval mode; the model itself is left alone.
        forward: the network's outputs for this text, with their graph; forward(3) for a batch of three copies of it.
            Every tensor of the outputs has its batch first.
        decide: outputs -> (a scalar of any outputs of such a text, what it is in words): what the model decided here,
            as a log-probability.
        reread: other words, as the model sees them -> the network's outputs for them.
        pad: what the first recurrent layer reads where there is no word.
        per_word: the decision is one a word, so that it is none of a text with more or fewer words.
    """

    words: tuple[str, ...]
    network: nn.Module
    forward: Callable[..., Any]
    decide: Callable[[Any], tuple[Callable[[Any], Tensor], str]]
    reread: Callable[[Sequence[str]], Any]
    pad: Callable[[], Tensor]
    per_word: bool

    def target(self, outputs: Any) -> tuple[Tensor, str]:
        """What the model decided: a scalar, and what it is in words."""
        score, name = self.decide(outputs)
        return score(outputs), name


def read_utterance(model: SlotModel, text: str | Sequence[str], network: Any) -> ModelInput:
    """Slots and intents. Outputs: the scores of tags (1, T, K), and those of intents (1, N) or None."""
    from cellwright.tasks.slots.batches import make_batch  # a layer is inspected without any task

    utterance = model.utterance(text)
    batch = make_batch([utterance], model.vocabulary)

    def decide(outputs: Outputs) -> tuple[Callable[[Outputs], Tensor], str]:
        scores_BTK, intents_BN = outputs
        if intents_BN is not None:
            best = int(intents_BN[0].argmax())
            return partial(intent_score, best), f"log p(intent = {model.vocabulary.intents[best]})"
        tags_BT = torch.tensor(network.crf.viterbi(scores_BTK, batch.lengths_B))
        named = " ".join(model.vocabulary.tags[row] for row in tags_BT[0].tolist())
        if network.config.head == "crf":
            return lambda o: network.crf.log_likelihood(o[0], tags_BT, batch.lengths_B)[0], f"log p({named})"
        return lambda o: o[0].log_softmax(-1).gather(2, tags_BT[..., None]).sum(), f"log p({named})"

    def pad() -> Tensor:
        longer = replace(utterance, words=(*utterance.words, "."), slots=(*utterance.slots, "O"))
        padded: Tensor = network.features(make_batch([utterance, longer], model.vocabulary))
        return padded[0, -1]

    def forward(copies: int = 1) -> Any:
        return network(batch if copies == 1 else make_batch([utterance] * copies, model.vocabulary))

    def reread(words: Sequence[str]) -> Any:
        return network(make_batch([model.utterance(list(words))], model.vocabulary))

    return ModelInput(utterance.words, network, forward, decide, reread, pad, not model.vocabulary.has_intents)


def read_review(model: TextClassifier, text: str | Sequence[str], network: Any) -> ModelInput:
    """Text classification. Outputs: the scores of the classes (1, N)."""
    from cellwright.tasks.classify.examples import Example
    from cellwright.tasks.classify.task import make_batch

    example = model.example(text)

    def run(*texts: Sequence[str]) -> Any:
        return network(make_batch([Example(tuple(words), "", "") for words in texts], model.vocabulary))

    def decide(scores_1N: Tensor) -> tuple[Callable[[Tensor], Tensor], str]:
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


def intent_score(best: int, outputs: Outputs) -> Tensor:
    """The log-probability of intent number `best`."""
    assert outputs[1] is not None
    return outputs[1][0].log_softmax(-1)[best]


READERS: dict[str, Callable[[Any, Any, nn.Module], ModelInput]] = {
    "slots": read_utterance,
    "classify": read_review,
}


def read(model: Any, text: Any) -> ModelInput:
    """The text as the model's task reads it.

    Raises:
        DataError: no word in it, or more than the task takes.
        ConfigError: a task whose models cannot be inspected.
        TrainingError: a weight that is nan or inf.
    """
    if model.task not in READERS:
        raise ConfigError(
            f"Expected a model of {', '.join(READERS)}, found one of {model.task}.",
            repair="Inspect its recurrent layer with a tensor: cellwright.inspect(layer, x).",
        )
    network = double_copy(model.network)
    check_finite(f"this {model.task} model", network.named_parameters())
    return READERS[model.task](model, text, network)
