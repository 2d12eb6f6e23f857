"""inspect: a record of a layer on numbers, or of a trained model on a text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cellwright.errors import ConfigError
from cellwright.microscope.models import read
from cellwright.microscope.runs import Record, Run
from cellwright.microscope.tracer import Tracer, as_double, double_copy
from cellwright.nn.kernels import KernelLayer
from cellwright.nn.lengths import Lengths

__all__ = ["Record", "Run", "inspect", "watching"]

Target = Callable[[Any], Tensor]
Chosen = tuple[Tensor, str]  # what is explained, and what it is in words


def inspect(
    model_or_layer: Any,
    inputs: Any,
    *,
    target: Target | None = None,
    lengths: Lengths | None = None,
    state: Sequence[Any] | None = None,
    gradients: bool = True,
) -> Record:
    """Every named gate, candidate and state of every step, layer and direction, and their gradients, from one run.

    The run is made by the compiled engine on a copy in float64 and eval mode.

    Args:
        model_or_layer: a layer (Recurrent, RNN, LSTM, GRU of cellwright.nn); a trained model, or its folder; or any
            torch module that holds such layers and takes one tensor.
        inputs: numbers (T, B, I), or (B, T, I) with batch_first, or (T, I) for one sequence; for a model a text or a
            list of words.
        target: what the gradients are of: a function of y, or of a model's outputs, that gives a scalar. Default: the
            sum of y; of a model the log-probability of what it predicts.
        lengths: valid steps of each sequence, for a layer.
        state: initial states of a layer, as in a call.
        gradients: False leaves them out.

    Raises:
        DataError: an empty text; inputs that are no finite numbers.
        ConfigError: no recurrent layer in the model; a target that is no scalar of the run.
        TrainingError: weights with nan or inf.
        ShapeError: inputs that do not fit the layer, or hold no step.
        BackendError: the cell uses a torch function outside the op list, so that its equations are not known.

    Example:
        >>> record = cellwright.inspect(cellwright.nn.LSTM(3, 5), torch.randn(7, 1, 3))
        >>> record.run().values["f"].shape
        (7, 1, 5)
    """
    if isinstance(model_or_layer, str | Path):
        from cellwright.tasks.api import load

        model_or_layer = load(model_or_layer)
    tracer = Tracer(gradients)
    words: tuple[tuple[str, ...], ...] = ()
    others: Mapping[int, tuple[str, ...]] = {}
    with torch.set_grad_enabled(gradients):
        if isinstance(model_or_layer, KernelLayer):
            given = None if state is None else [as_double(part) for part in _parts(state)]
            y, _ = tracer(double_copy(model_or_layer), as_double(inputs), given, lengths)
            chosen = (y.sum(), "the sum of y") if target is None else (target(y), _name_of(target))
        elif lengths is not None or state is not None:
            raise ConfigError("Expected lengths= and state= with a layer alone, found them with a model.")
        elif isinstance(model_or_layer, nn.Module):
            chosen = _run_module(model_or_layer, inputs, target, tracer)
        elif hasattr(model_or_layer, "task"):
            text = read(model_or_layer, inputs)
            with watching(text.network, tracer):
                outputs = text.forward()
            chosen = text.target(outputs) if target is None else (target(outputs), _name_of(target))
            words, others = (text.words,), text.others
        else:
            found = type(model_or_layer).__name__
            raise ConfigError(f"Expected a layer of cellwright.nn or a trained model, found a {found}.")
        if gradients:
            _backward(chosen[0])
    runs = tuple(replace(run, words=(others[run.layer],)) if run.layer in others else run for run in tracer.runs())
    y_TBO = torch.cat([torch.from_numpy(run.y_TBO) for run in runs if run.layer == runs[-1].layer], dim=-1).numpy()
    return Record(runs, y_TBO, runs[0].lengths_B, words, chosen[1] if gradients else "")


@contextmanager
def watching(network: nn.Module, tracer: Tracer) -> Iterator[None]:
    """Inside the block the recurrent layers of `network` run through the tracer.

    Raises ConfigError where there are none.
    """
    layers = [module for module in network.modules() if isinstance(module, KernelLayer)]
    if not layers:
        others = [type(module).__name__ for module in network.modules() if isinstance(module, nn.RNNBase)]
        raise ConfigError(
            f"Expected a model with recurrent layers, found none in {type(network).__name__}.",
            repair=f"Use cellwright.nn.{others[0]} in place of torch.nn.{others[0]}: same weights, same numbers."
            if others
            else "A network without recurrence keeps nothing from step to step: there is no memory to look at.",
        )
    try:
        for layer in layers:
            layer.forward = partial(_traced_forward, tracer, layer)
        yield
    finally:
        for layer in layers:
            layer.__dict__.pop("forward", None)


def _traced_forward(
    tracer: Tracer,
    layer: KernelLayer,
    x: Tensor,
    state: Any = None,
    lengths: Lengths | None = None,
    resets: Tensor | None = None,
    backend: str = "auto",
) -> tuple[Any, Any]:
    if resets is not None:
        raise ConfigError(
            f"{layer.label} runs with resets=: a record is of whole sequences.", repair="Cut them where they reset."
        )
    return tracer(layer, x, None if state is None else _parts(state), lengths)


def _run_module(module: nn.Module, inputs: Any, target: Target | None, tracer: Tracer) -> Chosen:
    network = double_copy(module)
    with watching(network, tracer):
        whole = isinstance(inputs, Tensor) and not inputs.is_floating_point()
        outputs = network(inputs if whole else as_double(inputs))
    if target is not None:
        return target(outputs), _name_of(target)
    if isinstance(outputs, Tensor):
        return outputs.sum(), "the sum of the outputs"
    raise ConfigError(
        f"Expected a target of what {type(module).__name__} returns, found none.",
        repair="target=lambda outputs: …, a scalar.",
    )


def _backward(target: Any) -> None:
    if not isinstance(target, Tensor) or target.numel() != 1 or not target.requires_grad:
        found = f"a tensor {tuple(target.shape)}" if isinstance(target, Tensor) else f"a {type(target).__name__}"
        raise ConfigError(
            f"Expected a scalar tensor made of the run as target, found {found}.",
            repair="For instance target=lambda y: y[-1].sum().",
        )
    torch.autograd.backward(target.sum())


def _parts(state: Any) -> tuple[Any, ...]:
    return (state,) if isinstance(state, Tensor) else tuple(state)


def _name_of(target: Target) -> str:
    name = getattr(target, "__name__", type(target).__name__)
    return "your function of the outputs" if name == "<lambda>" else name
