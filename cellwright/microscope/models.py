"""How a trained model reads a text: its network in float64, the text as that network's input, what to explain.

A task whose models can be inspected has a row in READERS.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from cellwright.errors import ConfigError
from cellwright.microscope.model_input import ModelInput
from cellwright.microscope.number_readers import read_forecast, read_recording, read_series
from cellwright.microscope.pair_readers import read_source
from cellwright.microscope.sequence_readers import read_line, read_memory
from cellwright.microscope.text_readers import read_gaps, read_review, read_tagged, read_utterance
from cellwright.microscope.tracer import check_finite, double_copy

__all__ = ["READERS", "ModelInput", "read"]

READERS: dict[str, Callable[[Any, Any, nn.Module], ModelInput]] = {
    "slots": read_utterance,
    "classify": read_review,
    "tag": read_tagged,
    "lm": read_line,
    "cloze": read_gaps,
    "agreement": read_review,
    "memory": read_memory,
    "series-classify": read_series,
    "series-forecast": read_forecast,
    "transcribe": read_recording,
    "translate": read_source,
}


def read(model: Any, text: Any) -> ModelInput:
    """The text as the model's task reads it.

    Raises:
        DataError: no word in it, or more than the task takes.
        ConfigError: a task whose models cannot be inspected, and why.
        TrainingError: a weight that is nan or inf.
    """
    if model.task not in READERS:
        raise ConfigError(
            f"Expected a model of {', '.join(READERS)}, found one of {model.task}: nothing says yet how its"
            " answer is one number.",
            repair="Inspect one of its recurrent layers with a tensor: cellwright.inspect(layer, x); the layers are in"
            " model.network.",
        )
    network = double_copy(model.network)
    check_finite(f"this {model.task} model", network.named_parameters())
    return READERS[model.task](model, text, network)
