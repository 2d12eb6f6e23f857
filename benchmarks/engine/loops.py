"""The cells that torch.nn does not have, as their authors run them today: a loop in torch, a scan in JAX.

Each takes x (T, B, I) and the layer's stored tensors, and gives y (T, B, H). The input product stands before the loop.
Also scripted (TorchScript) and compiled (torch.compile).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

EPS = 1e-5


def peephole_loop(
    x: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias: Tensor, p_i: Tensor, p_f: Tensor, p_o: Tensor
) -> Tensor:
    ahead = functional.linear(x, weight_ih, bias)
    h = torch.zeros(x.size(1), weight_hh.size(1))
    c = torch.zeros(x.size(1), weight_hh.size(1))
    outputs = []
    recurrent = weight_hh.t()
    for t in range(x.size(0)):
        i, f, g, o = torch.addmm(ahead[t], h, recurrent).chunk(4, 1)
        i = torch.sigmoid(i + p_i * c)
        f = torch.sigmoid(f + p_f * c)
        c = f * c + i * torch.tanh(g)
        h = torch.sigmoid(o + p_o * c) * torch.tanh(c)
        outputs.append(h)
    return torch.stack(outputs)


def layer_norm_loop(
    x: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias: Tensor, u: Tensor, v: Tensor, u_c: Tensor, s_c: Tensor
) -> Tensor:
    size = weight_hh.size(1)
    ahead = functional.layer_norm(functional.linear(x, weight_ih), [4 * size], 1 + u, bias, 1e-5)
    h = torch.zeros(x.size(1), size)
    c = torch.zeros(x.size(1), size)
    outputs = []
    recurrent = weight_hh.t()
    gain = 1 + v
    gain_c = 1 + u_c
    for t in range(x.size(0)):
        q = functional.layer_norm(torch.mm(h, recurrent), [4 * size], gain, None, 1e-5)
        i, f, g, o = (ahead[t] + q).chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(functional.layer_norm(c, [size], gain_c, s_c, 1e-5))
        outputs.append(h)
    return torch.stack(outputs)


def fading_loop(x: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias: Tensor, k: Tensor) -> Tensor:
    ahead = functional.linear(x, weight_ih, bias)
    h = torch.zeros(x.size(1), weight_hh.size(1))
    outputs = []
    recurrent = weight_hh.t()
    fade = torch.exp(-k * k)
    for t in range(x.size(0)):
        u, g, n = torch.addmm(ahead[t], h, recurrent).chunk(3, 1)
        u = torch.sigmoid(u)
        h = u * fade * h + (1 - u) * torch.sigmoid(g) * torch.tanh(n)
        outputs.append(h)
    return torch.stack(outputs)


LOOPS = {"PeepholeLSTM": peephole_loop, "LayerNormLSTM": layer_norm_loop, "Fading": fading_loop}


def weights_of(cell: str, stored: dict[str, Tensor]) -> dict[str, Tensor]:
    """The stored tensors of a layer as its loop takes them, leaves of their own."""
    named = {name.removesuffix("_l0"): tensor.detach().clone() for name, tensor in stored.items()}
    if cell == "LayerNormLSTM":  # one tensor for the gains of four gates, as an author of a loop stores them
        for kind in "uv":
            named[kind] = torch.cat([named.pop(f"{kind}_{gate}") for gate in "ifgo"])
        named = {name: named[name] for name in ("weight_ih", "weight_hh", "bias", "u", "v", "u_c", "s_c")}
    return {name: tensor.requires_grad_() for name, tensor in named.items()}


def scan_of(cell: str) -> Any:
    """f(x, weights) -> y in JAX."""
    import jax
    from jax import numpy as jnp

    def norm(v: Any) -> Any:
        centred = v - v.mean(-1, keepdims=True)
        return centred * jax.lax.rsqrt((centred * centred).mean(-1, keepdims=True) + EPS)

    def zeros(x: Any, w: Any) -> Any:
        return jnp.zeros((x.shape[1], w["weight_hh"].shape[1]), x.dtype)

    def peephole(x: Any, w: Any) -> Any:
        def step(state: Any, ahead: Any) -> Any:
            h, c = state
            i, f, g, o = jnp.split(ahead + h @ w["weight_hh"].T, 4, 1)
            i, f = jax.nn.sigmoid(i + w["p_i"] * c), jax.nn.sigmoid(f + w["p_f"] * c)
            c = f * c + i * jnp.tanh(g)
            h = jax.nn.sigmoid(o + w["p_o"] * c) * jnp.tanh(c)
            return (h, c), h

        return jax.lax.scan(step, (zeros(x, w), zeros(x, w)), x @ w["weight_ih"].T + w["bias"])[1]

    def layer_norm(x: Any, w: Any) -> Any:
        def step(state: Any, ahead: Any) -> Any:
            h, c = state
            i, f, g, o = jnp.split(ahead + (1 + w["v"]) * norm(h @ w["weight_hh"].T), 4, 1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh((1 + w["u_c"]) * norm(c) + w["s_c"])
            return (h, c), h

        ahead = (1 + w["u"]) * norm(x @ w["weight_ih"].T) + w["bias"]
        return jax.lax.scan(step, (zeros(x, w), zeros(x, w)), ahead)[1]

    def fading(x: Any, w: Any) -> Any:
        fade = jnp.exp(-w["k"] * w["k"])

        def step(h: Any, ahead: Any) -> Any:
            u, g, n = jnp.split(ahead + h @ w["weight_hh"].T, 3, 1)
            u = jax.nn.sigmoid(u)
            h = u * fade * h + (1 - u) * jax.nn.sigmoid(g) * jnp.tanh(n)
            return h, h

        return jax.lax.scan(step, zeros(x, w), x @ w["weight_ih"].T + w["bias"])[1]

    return {"PeepholeLSTM": peephole, "LayerNormLSTM": layer_norm, "Fading": fading}[cell]
