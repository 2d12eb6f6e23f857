"""How models that read one text and write another are read: the answer is what greedy decoding writes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from cellwright.microscope.model_input import START, Decision, ModelInput, padding_read

if TYPE_CHECKING:
    from cellwright.tasks.translate.predict import Translator

__all__ = ["read_source"]


def read_source(model: Translator, text: str | Sequence[str], network: Any) -> ModelInput:
    """A translator: the encoder's layers read the text, the decoder's what is written, each token after the ones
    before it. Outputs: ln P of every row of the target's vocabulary at each token that is written (1, T, V); where none
    is, at the end. What is explained is the last of them.

    Raises DataError: no token in the text.
    """
    from cellwright.tasks.text.vocabulary import BEGIN, END
    from cellwright.tasks.translate.model import NEVER
    from cellwright.tasks.translate.pairs import cut

    tokens = cut(text, model.source_unit)
    written = model.candidates([tokens], beam=1)[0][0]
    rows = model.vocabularies.target.encode(written.tokens)
    after = rows or [END]
    before = [BEGIN, *rows][: len(after)]
    read_by_decoder = (START, *written.tokens)[: len(after)]
    said = f"last token = {written.tokens[-1]}" if rows else "nothing but the end"

    def run(*sources: Sequence[str]) -> Tensor:
        encoded = network.encode(*model.vocabularies.sources(sources))
        scores_BTV = network.decode(encoded, torch.tensor([before] * len(sources)))[0]
        never_V = torch.zeros(scores_BTV.shape[-1], dtype=torch.bool)
        never_V[NEVER] = True
        found: Tensor = scores_BTV.masked_fill(never_V, -math.inf).log_softmax(-1)
        return found

    def decide(log_p_1TV: Tensor) -> Decision:
        return lambda log_p: log_p[0, -1, after[-1]], f"log p({said})"

    first = len(network.encoder)
    return ModelInput(
        tokens,
        network,
        lambda copies=1: run(*[tokens] * copies),
        decide,
        lambda words: run(words),
        lambda: padding_read(network, lambda: run(tokens, (*tokens, tokens[-1]))),
        per_word=False,
        others={first + k: read_by_decoder for k in range(len(network.lower) + len(network.upper))},
    )
