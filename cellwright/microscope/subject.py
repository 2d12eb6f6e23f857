"""One number that a network says of one sequence, as a function of what its recurrent layers read and say.

Attribution asks how that number changes with what the first recurrent layer reads; contextual decomposition, what it is
of parts of what the layers say. Any network works: its layers' `forward` is taken over on a copy.

Axes: T steps, I input of the first recurrent layer, N versions of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from cellwright.errors import ConfigError, DataError, ShapeError
from cellwright.microscope.models import read
from cellwright.microscope.tracer import Tracer, as_double, check_finite, double_copy
from cellwright.nn.kernels import KernelLayer

__all__ = ["Hook", "Subject", "subject"]

Hook = Callable[[KernelLayer, Any, Any, Any], tuple[Any, Any]]  # layer, x, state, lengths -> y, state
LAYER_REPAIR = "For instance target=lambda y: y[-1, 0, 3], a scalar of y (T, 1, O)."


@dataclass(slots=True)
class Subject:
    """A network, one sequence, and the number in question. `subject` makes it.

    Attributes:
        network: a copy in float64 and eval mode.
        forward: copies -> the network's outputs for that many copies of the sequence.
        copied: whether it takes more than one copy.
        score: outputs -> the number.
        name: the number in words.
        words: what stands at each step.
        unit: what a step is, a "word" or a "step".
        reread: other words -> the outputs for a text of them; None where there is no text.
        per_word: the number is of one decision a word, so that it is none of a text with more or fewer words.
        pad: what the first recurrent layer reads where there is no word.
        alone: whether it is a layer by itself, whose outputs depend on what it reads and nothing else.
        batch_axis: of the outputs.
    """

    network: nn.Module
    forward: Callable[[int], Any]
    copied: bool
    score: Callable[[Any], Tensor] = torch.sum
    name: str = ""
    words: tuple[str, ...] = ()
    unit: str = "step"
    reread: Callable[[Sequence[str]], Any] | None = None
    per_word: bool = False
    pad: Callable[[], Tensor] | None = None
    alone: bool = False
    batch_axis: int = 0
    _hook: Hook | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        for layer in self.layers():
            layer.forward = partial(self._forward, layer)  # type: ignore[attr-defined]

    def layers(self) -> list[KernelLayer]:
        """The recurrent layers. Raises ConfigError where there are none."""
        found: list[KernelLayer] = [part for part in self.network.modules() if isinstance(part, KernelLayer)]
        if not found:
            raise ConfigError(f"Expected a model with recurrent layers, found none in {type(self.network).__name__}.")
        return found

    def _forward(self, layer: KernelLayer, x: Any, state: Any = None, lengths: Any = None, *rest: Any) -> Any:
        if any(more is not None and more != "auto" for more in rest):
            raise ConfigError(f"{layer.label} runs with resets=: cut sequences where they reset.")
        return (self._hook or _plainly)(layer, x, state, lengths)

    def outputs(self, hook: Hook | None = None, copies: int = 1) -> Any:
        """The network's outputs, with `hook` in place of its recurrent layers."""
        self._hook = hook
        try:
            return self.forward(copies)
        finally:
            self._hook = None

    def scored(self, outputs: Any) -> Tensor:
        """The number, a scalar. Raises ConfigError for a target that is none."""
        found = self.score(outputs)
        if not isinstance(found, Tensor) or found.numel() != 1:
            shape = f"a tensor {tuple(found.shape)}" if isinstance(found, Tensor) else f"a {type(found).__name__}"
            raise ConfigError(f"Expected a scalar tensor as target, found {shape}.", repair=LAYER_REPAIR)
        return found.reshape(())

    def value(self, hook: Hook | None = None) -> Tensor:
        """The number, with `hook` in place of the recurrent layers."""
        return self.scored(self.outputs(hook))

    def reads(self) -> Tensor:
        """(T, I): what the first recurrent layer reads."""
        seen: list[Tensor] = []

        def look(layer: KernelLayer, x: Any, state: Any, lengths: Any) -> tuple[Any, Any]:
            seen.append(_rows(layer, x).detach().clone())
            return _plainly(layer, x, state, lengths)

        with torch.no_grad():
            self.outputs(look)
        if not seen:
            raise ConfigError(f"Expected a call of a recurrent layer, found none as {type(self.network).__name__} ran.")
        return seen[0]

    def values_of(self, x_NTI: Tensor, backend: str = "auto") -> Tensor:
        """(N,): the number where the first recurrent layer reads `x_NTI[n]` in place of what it would; so do other
        layers that read the same tensor. Of a layer by itself T may differ from that of its sequence.

        Args:
            backend: "reference" is the plain loop: a step at a time, an op at a time, no kernels.
        """
        if not self.copied and len(x_NTI) > 1:
            return torch.cat([self.values_of(x_TI[None], backend) for x_TI in x_NTI])
        first: list[Any] = []

        def put(layer: KernelLayer, x: Any, state: Any, lengths: Any) -> tuple[Any, Any]:
            first.append(x)
            return _plainly(layer, _placed(layer, x, x_NTI) if x is first[0] else x, state, lengths, backend)

        outputs = self.outputs(put, len(x_NTI))
        return torch.stack([self.scored(_one(outputs, n, self.batch_axis)) for n in range(len(x_NTI))])

    def record(self) -> Tracer:
        """Every value of every step of this run."""
        tracer = Tracer(grads=False)

        def trace(layer: KernelLayer, x: Any, state: Any, lengths: Any) -> tuple[Any, Any]:
            return tracer(layer, x, (state,) if isinstance(state, Tensor) else state, lengths)

        with torch.no_grad():
            self.outputs(trace)
        return tracer


def subject(
    model_or_layer: Any,
    inputs: Any,
    target: Callable[[Any], Tensor] | None = None,
    state: Sequence[Any] | None = None,
) -> Subject:
    """What is asked of a layer, a trained model or a module.

    Args:
        model_or_layer: a layer of cellwright.nn; a trained model, or its folder; or a torch module that holds such
            layers and takes one tensor.
        inputs: of one sequence. For a layer (T, I), (T, 1, I) or, with batch_first, (1, T, I); for a model a text or a
            list of words; for a module its tensor, with a batch of one.
        target: outputs -> the number. Default: of a layer the sum of y, of a model the log-probability of what it
            decides. A module has none.
        state: initial states of a layer.

    Raises:
        DataError, ConfigError, ShapeError, TrainingError: as `inspect`; more than one sequence.
    """
    if isinstance(model_or_layer, str | Path):
        from cellwright.tasks.api import load

        model_or_layer = load(model_or_layer)
    if isinstance(model_or_layer, KernelLayer):
        return _of_layer(model_or_layer, inputs, target, state)
    if state is not None:
        raise ConfigError("Expected state= with a layer alone, found it with a model.")
    if isinstance(model_or_layer, nn.Module):
        return _of_module(model_or_layer, inputs, target)
    if hasattr(model_or_layer, "task"):
        return _of_model(model_or_layer, inputs, target)
    raise ConfigError(f"Expected a layer of cellwright.nn or a trained model, found a {type(model_or_layer).__name__}.")


def _of_layer(
    given: KernelLayer, inputs: Any, target: Callable[[Any], Tensor] | None, state: Sequence[Any] | None
) -> Subject:
    layer, x = double_copy(given), as_double(inputs)
    if x.dim() not in (2, 3) or (x.dim() == 3 and x.shape[0 if layer.batch_first else 1] != 1):
        raise ShapeError(f"{layer.label} got x of shape {tuple(x.shape)}: attribution is of one sequence, (T, I).")
    if not x.numel():
        raise DataError("Expected one step or more, found none.")
    if not bool(torch.isfinite(x).all()):
        raise DataError(f"Expected finite x for {layer.label}, found nan or inf.")
    check_finite(layer.label, layer.named_parameters())
    x = x if x.dim() == 3 else x.unsqueeze(0 if layer.batch_first else 1)
    held = None if state is None else [as_double(part) for part in ([state] if isinstance(state, Tensor) else state)]
    axis = 0 if layer.batch_first else 1

    def forward(copies: int) -> Any:
        states = None if held is None else tuple(part.expand(-1, copies, -1) for part in held)
        return layer(x.expand(*(copies if a == axis else -1 for a in range(3))), states)[0]

    return Subject(
        layer,
        forward,
        copied=True,
        score=torch.sum if target is None else target,
        name="the sum of y" if target is None else _name(target),
        words=tuple(map(str, range(x.shape[1 - axis]))),
        alone=True,
        batch_axis=axis,
    )


def _of_module(given: nn.Module, inputs: Any, target: Callable[[Any], Tensor] | None) -> Subject:
    if target is None:
        raise ConfigError(
            f"Expected a target of what {type(given).__name__} returns, found none.",
            repair="target=lambda outputs: …, a scalar.",
        )
    network = double_copy(given)
    check_finite(type(given).__name__, network.named_parameters())
    tensor = inputs if isinstance(inputs, Tensor) else torch.as_tensor(inputs)
    tensor = tensor.double() if tensor.is_floating_point() else tensor
    made = Subject(network, lambda _: network(tensor), copied=False, score=target, name=_name(target))
    made.words = tuple(map(str, range(len(made.reads()))))
    return made


def _of_model(model: Any, text: Any, target: Callable[[Any], Tensor] | None) -> Subject:
    reading = read(model, text)
    made = Subject(
        reading.network,
        reading.forward,
        copied=True,
        words=reading.words,
        unit="word",
        reread=reading.reread,
        per_word=target is None and reading.per_word,
        pad=reading.pad,
    )
    if target is None:
        with torch.no_grad():
            made.score, made.name = reading.decide(made.outputs())
    else:
        made.score, made.name = target, _name(target)
    return made


def _name(target: Callable[..., Any]) -> str:
    name = getattr(target, "__name__", type(target).__name__)
    return "your function of the outputs" if name == "<lambda>" else name


def _plainly(layer: KernelLayer, x: Any, state: Any, lengths: Any, backend: str = "auto") -> tuple[Any, Any]:
    """The layer's own forward."""
    return type(layer).forward(layer, x, state, lengths, None, backend)  # type: ignore[attr-defined,no-any-return]


def _rows(layer: KernelLayer, x: Tensor | PackedSequence) -> Tensor:
    """(T, I) of a batch of one. Raises ShapeError for a larger one."""
    data = x.data if isinstance(x, PackedSequence) else x
    batch = int(x.batch_sizes[0]) if isinstance(x, PackedSequence) else 1
    if data.dim() == 3:
        batch, data = data.shape[0 if layer.batch_first else 1], data.flatten(0, 1)
    if batch != 1:
        raise ShapeError(f"{layer.label} read {batch} sequences: attribution is of one.", repair="Give one at a time.")
    return data


def _placed(layer: KernelLayer, x: Tensor | PackedSequence, x_NTI: Tensor) -> Any:
    """`x_NTI` in the form of x."""
    if isinstance(x, PackedSequence):
        return x._replace(data=x_NTI[0])
    if x.dim() == 2:
        return x_NTI[0]
    return x_NTI if layer.batch_first else x_NTI.transpose(0, 1)


def _one(outputs: Any, n: int, axis: int) -> Any:
    """Those of copy n, as a batch of one."""
    if isinstance(outputs, Tensor):
        return outputs.narrow(axis, n, 1)
    if isinstance(outputs, dict):
        return {key: _one(value, n, axis) for key, value in outputs.items()}
    if isinstance(outputs, tuple | list):
        return type(outputs)(_one(value, n, axis) for value in outputs)
    return outputs
