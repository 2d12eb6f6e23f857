"""torch's dense kernels on padded sequences of uneven length: the same numbers as packed, without packing.

A causal recurrence never reads what follows, so padding behind a sequence is harmless to y; the reverse
direction is a forward run over each sequence reversed within its length. h of the last valid step is read
from y. An LSTM's c is not in y: one more input feature, 1 at padding, drives i to exactly 0 and f to
exactly 1 there, so that the kernel's final c is that of the last valid step, gradient included.

Axes: T time, B batch, I input, O output, H hidden, S size of one state.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cellwright.nn.layout import States
from cellwright.nn.lengths import last_valid, mask_padding, reverse_valid, valid_steps
from cellwright.nn.weights import suffix

__all__ = ["pays", "run_padded"]

# Pre-activation at which σ is exactly 0 or 1 in every float type, float16 included.
SATURATING = 1e4

# Valid share of the padded steps from which dense beats packed (T=20, B=64, I=H=200, float32, two x86
# machines); only LSTM has a dense kernel of its own on CPU, and its training gains most.
LSTM_TRAINING_SHARE = 0.6
SHARE = 0.9


def pays(module: nn.RNNBase, x_TBI: Tensor, lengths_B: Tensor) -> bool:
    """Whether the dense kernels are the faster exact route: on CPU, if little of x is padding."""
    steps, batch, _ = x_TBI.shape
    # An unbounded state could overflow on padding, and 0 · inf would reach the weight gradients.
    if x_TBI.device.type != "cpu" or module.mode == "RNN_RELU" or not steps * batch:
        return False
    training = torch.is_grad_enabled() and module.mode == "LSTM"
    return int(lengths_B.sum()) >= (LSTM_TRAINING_SHARE if training else SHARE) * steps * batch


def run_padded(
    module: nn.RNNBase, layer: int, reverse: bool, x_TBI: Tensor, states: States, lengths_B: Tensor
) -> tuple[Tensor, States]:
    """One layer of torch.nn.RNN, LSTM or GRU in one direction.

    Args:
        x_TBI: finite at padding too.
        states: initial states, each (B, S).

    Returns:
        y (T, B, O), 0 beyond each length, and the states after the last valid step, each (B, S).
    """
    names = ["weight_ih", "weight_hh", *(["bias_ih", "bias_hh"] if module.bias else [])]
    names += ["weight_hr"] if module.proj_size else []
    weights = [getattr(module, name + suffix(layer, reverse)) for name in names]
    if reverse:
        x_TBI = reverse_valid(x_TBI, lengths_B)
    options = (module.bias, 1, 0.0, module.training, False, False)
    initial = [state.unsqueeze(0).contiguous() for state in states]
    if module.mode == "LSTM":
        padding_TB1 = (~valid_steps(lengths_B, x_TBI.shape[0])).to(x_TBI.dtype)
        weights[0] = torch.cat([weights[0], freezing_column(weights[0], module.hidden_size)], dim=1)
        y_TBO, _, c_1BH = torch.lstm(torch.cat([x_TBI, padding_TB1], dim=-1), initial, weights, *options)
        rest: States = (c_1BH[0],)
    else:
        kernel = torch.gru if module.mode == "GRU" else torch.rnn_tanh
        y_TBO, _ = kernel(x_TBI.contiguous(), initial[0], weights, *options)
        rest = ()
    h_BO = last_valid(y_TBO, lengths_B, states[0])
    y_TBO = mask_padding(y_TBO, lengths_B)
    return reverse_valid(y_TBO, lengths_B) if reverse else y_TBO, (h_BO, *rest)


def freezing_column(weight_ih: Tensor, hidden_size: int) -> Tensor:
    """(4H, 1): the weights of the padding feature, rows i f g o."""
    by_gate = weight_ih.new_tensor([-SATURATING, SATURATING, 0.0, 0.0])
    return by_gate.repeat_interleave(hidden_size)[:, None]
