"""A layer one step at a time: for streams of samples, where each step must answer at once.

Axes: B batch, I input, O output, S size of one state, L layers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cellwright.engine.run.registry import compiled_for
from cellwright.engine.run.steps import Steps
from cellwright.errors import BackendError, ConfigError, DeviceError, DtypeError, ShapeError
from cellwright.nn.compiled import LayerSource, computed_in, in_type
from cellwright.nn.layout import States

__all__ = ["Stepper"]

StepInput = Tensor | NDArray[Any]


class Stepper:
    """Runs one step of a whole stacked layer in place: ``y = stepper(x_t)``.

    Made by ``layer.stepper(batch)``. Weights are those of that moment: after training on, make a new one. The numbers
    are those of the sequence call up to rounding (its input products are made for all steps at once), and the same
    bits for any cut of the stream and any sequences beside it.

    Args:
        source: (layer, reverse) -> what runs there.
        state_sizes: size of each declared state, by name.
        batch: sequences side by side.
        like: a weight, whose dtype and device are the layer's.
        state: where to begin, one (L, B, S) a declared state; zeros if not given.

    A layer of bfloat16 weights carries states of float32 and rounds y alone, the last layer's: what the sequence call
    rounds besides, from layer to layer and at the end of a call, is not rounded here.

    Attributes:
        state: what is carried now, one (L, B, S) a declared state.
    """

    def __init__(
        self,
        source: Callable[[int, bool], LayerSource],
        state_sizes: dict[str, int],
        input_size: int,
        num_layers: int,
        batch: int,
        like: Tensor,
        state: Sequence[Tensor] | None = None,
    ) -> None:
        if not isinstance(batch, int) or batch < 1:
            raise ConfigError(f"a stepper of batch={batch!r}: at least one sequence.")
        if like.device.type != "cpu":
            raise DeviceError(
                f"a stepper runs on the CPU, the weights are on {like.device}.",
                repair="Move them: layer.cpu(), or layer.to_empty(device='cpu') and load them, if they are on meta.",
            )
        dtype = like.dtype
        if dtype not in (torch.float32, torch.float64, torch.bfloat16):
            raise DtypeError(
                f"a stepper takes weights of float32, float64 or bfloat16, these are {dtype}.", repair="layer.float()"
            )
        kept = computed_in(dtype)
        layers = []
        for own in (source(layer, False) for layer in range(num_layers)):
            # copies: an optimiser that goes on writing must not change a part of what was packed
            weights = {name: in_type(tensor.detach(), kept).clone() for name, tensor in own.parameters.items()}
            layers.append((compiled_for(own.key, dtype), weights))
        for compiled, _ in layers:
            if not compiled.streams.reads_x_alone:
                raise BackendError(
                    f"a stepper of {compiled.graph.cell}: a product reads a function of x, not x itself.",
                    repair="Call the layer with one step: y, state = layer(x[None], state).",
                )
        self.batch, self.input_size = batch, input_size
        self.state_sizes = dict(state_sizes)
        with torch.inference_mode(False):  # steps outside of it write to these, too
            sizes = self.state_sizes.values()
            self._states = [
                [torch.zeros((batch, size), dtype=kept, device="cpu") for size in sizes] for _ in range(num_layers)
            ]
            if state is not None:
                self.state = tuple(state)
            self._steps = Steps(layers, self._states, batch, input_size)
            self._x, self._y = self._steps.x, self._steps.y
            self._rounded = None if dtype == kept else torch.zeros_like(self._y, dtype=dtype)
        self._x_numpy, self._y_numpy = self._x.numpy(), self._y.numpy()
        self._run = self._steps.run

    def __call__(self, x: StepInput) -> StepInput:
        """One step.

        Args:
            x: (B, I), or (I) with batch 1; torch or NumPy.

        Returns:
            y (B, O), or (O) for x of (I): for torch in the type of the weights, for NumPy in that of the states. The
            next call writes over it: copy what is to be kept.

        Raises:
            ShapeError, DtypeError: x has another shape, or is neither a tensor nor an array.
        """
        if isinstance(x, np.ndarray):
            self._check(x.shape)
            self._x_numpy[...] = x
            self._run()
            return self._y_numpy if x.ndim == 2 else self._y_numpy[0]
        if not isinstance(x, Tensor):
            raise DtypeError(
                f"a stepper got {type(x).__name__}: it takes torch tensors and NumPy arrays.",
                repair=f"Convert it: torch.tensor(x), of shape ({self.batch}, {self.input_size}).",
            )
        self._check(x.shape)
        self._x.copy_(x.detach())
        self._run()
        y = self._y if self._rounded is None else self._rounded.copy_(self._y)
        return y if x.dim() == 2 else y[0]

    def _check(self, shape: Sequence[int]) -> None:
        if tuple(shape) != (self.batch, self.input_size) and (self.batch != 1 or tuple(shape) != (self.input_size,)):
            raise ShapeError(
                f"a step of shape {tuple(shape)}: this stepper takes ({self.batch}, {self.input_size}).",
                repair=f"Make another for another batch: layer.stepper({shape[0] if len(shape) == 2 else 1}).",
            )

    def __reduce__(self) -> NoReturn:
        raise ConfigError(
            "a stepper is neither copied nor pickled: it runs in memory of its own.",
            repair="Make another where it is wanted: layer.stepper(batch, stepper.state).",
        )

    @property
    def state(self) -> States:
        """What is carried, one (L, B, S) a declared state; a copy."""
        return tuple(torch.stack(column) for column in zip(*self._states, strict=True))

    @state.setter
    def state(self, values: Sequence[Tensor]) -> None:
        expected = [(len(self._states), self.batch, size) for size in self.state_sizes.values()]
        values = values if isinstance(values, Tensor) else [torch.as_tensor(value) for value in values]
        if isinstance(values, Tensor) or [tuple(value.shape) for value in values] != expected:
            found = [tuple(value.shape) for value in values]
            raise ShapeError(f"a stepper's state of shapes {found}: they must be {expected}.")
        for k, value in enumerate(values):
            for layer, held in enumerate(self._states):
                held[k].copy_(value[layer].detach())

    def reset(self, which: Tensor | NDArray[Any] | Sequence[bool] | None = None) -> None:
        """Begins anew with zeros.

        Args:
            which: flags, (B): only the sequences where it is True or 1; a tensor, an array or a list. All if not given.

        Raises:
            ShapeError, DtypeError: not one flag for each sequence.
        """
        if which is not None:
            which = torch.as_tensor(which, device="cpu")
            if tuple(which.shape) != (self.batch,):
                raise ShapeError(f"which has shape {tuple(which.shape)}: one flag a sequence is ({self.batch},).")
            if which.is_floating_point():
                raise DtypeError(f"which is {which.dtype}: it holds flags.", repair="Convert it: which.bool().")
            which = which.bool()
        for held in self._states:
            for state in held:
                if which is None:
                    state.zero_()
                else:
                    state[which] = 0
