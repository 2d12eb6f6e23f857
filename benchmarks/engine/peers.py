"""Who runs beside us, on the same weights and data. One that cannot run here raises Missing with the reason."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable, Mapping
from typing import Any

import torch
from case import Case, autocasts, twin
from clock import Contestant, Missing
from loops import LOOPS, scan_of, weights_of
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

INSTALL = "not installed: pip install -r benchmarks/engine/peers.txt"


def make_peer(name: str, case: Case, quick: bool = False) -> Contestant:
    """A peer by its name in the suite."""
    if name == "torch.compile" and quick:
        raise Missing("left out of quick runs")
    one = PEERS[name](case)
    one.name = name
    one.units, one.flop = case.units, case.flop
    return one


def trained(case: Case, run: Callable[[Tensor], Tensor], weights: Mapping[str, Tensor]) -> Contestant:
    """A torch function of x, alone or with its backward, as the row's mode says."""
    if case.row.mode != "train":
        return Contestant("", lambda: run(case.x), lambda y: {"y": y})
    leaf, dy, parameters = case.x.clone().requires_grad_(), case.dy, list(weights.values())

    def call() -> Tensor:
        leaf.grad = None
        for parameter in parameters:
            parameter.grad = None
        y = run(leaf)
        y.backward(dy if y.dtype == dy.dtype else dy.to(y.dtype))
        return y

    def results(y: Tensor) -> dict[str, Any]:
        return {"y": y, "dx": leaf.grad} | {f"d {key}": value.grad for key, value in weights.items()}

    return Contestant("", call, results)


def torch_nn(case: Case, autocast: bool = False) -> Contestant:
    """torch.nn's layer. With `lengths` a user packs before it and pads after it, which is timed."""
    other = twin(case)

    def run(x: Tensor) -> Tensor:
        with autocasts(autocast):
            if case.packed is not None:
                return other(case.packed._replace(data=x))[0].data
            if case.lengths is not None:
                packed = pack_padded_sequence(x, case.lengths, enforce_sorted=False)
                return pad_packed_sequence(other(packed)[0], total_length=len(x))[0]
            return other(x)[0]

    if case.row.mode == "step":
        return stepping(case, lambda state: other(case.x, state))
    return trained(case, run, dict(other.named_parameters()))


def stepping(case: Case, step: Callable[[Any], tuple[Tensor, Any]]) -> Contestant:
    """One step after another, each from the state that the last one left."""
    row = case.row
    state: Any = tuple(torch.zeros(1, row.B, row.H) for _ in range(2))

    def call() -> Tensor:
        nonlocal state
        y, state = step(state)
        return y

    return Contestant("", call, lambda y: {"y": y.reshape(row.B, row.H).clone()})


def lstm_cell(case: Case) -> Contestant:
    cell = nn.LSTMCell(case.row.I, case.row.H)
    cell.load_state_dict({key.removesuffix("_l0"): value for key, value in case.layer.state_dict().items()})
    x_BI = case.x[0]
    one: Any = None

    def step(state: Any) -> tuple[Tensor, Any]:
        nonlocal one
        one = cell(x_BI, one)
        return one[0], one

    return stepping(case, step)


def eager(case: Case) -> Contestant:
    return looped(case, LOOPS[case.row.cell])


def scripted(case: Case) -> Contestant:
    return looped(case, torch.jit.script(LOOPS[case.row.cell]))


def compiled(case: Case) -> Contestant:
    compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("clang++")
    if not compiler or not shutil.which(compiler):
        raise Missing("no C++ compiler (g++ or clang++), which torch.compile needs")
    return looped(case, torch.compile(LOOPS[case.row.cell], dynamic=False))


def looped(case: Case, loop: Any) -> Contestant:
    weights = weights_of(case.row.cell, dict(case.layer.state_dict()))
    values = list(weights.values())
    return trained(case, lambda x: loop(x, *values), {f"{key}_l0": value for key, value in weights.items()})


def jax_scan(case: Case) -> Contestant:
    if importlib.util.find_spec("jax") is None:
        raise Missing(f"jax is {INSTALL}")
    import jax

    run = scan_of(case.row.cell)
    stored = weights_of(case.row.cell, dict(case.layer.state_dict()))
    weights = {key: jax.numpy.asarray(value.detach().numpy()) for key, value in stored.items()}
    x, dy = (jax.numpy.asarray(tensor.numpy()) for tensor in (case.x, case.dy))
    if case.row.mode != "train":
        alone = jax.jit(run)
        return Contestant("", lambda: alone(x, weights).block_until_ready(), lambda y: {"y": tensor_of(y)})

    @jax.jit
    def both(x: Any, weights: Any, dy: Any) -> Any:
        y, pull = jax.vjp(run, x, weights)
        return y, *pull(dy)

    def results(given: Any) -> dict[str, Any]:
        y, dx, dw = given
        return {"y": tensor_of(y), "dx": tensor_of(dx)} | {f"d {key}_l0": tensor_of(dw[key]) for key in dw}

    return Contestant("", lambda: jax.block_until_ready(both(x, weights, dy)), results)


def tensor_of(array: Any) -> Tensor:
    import numpy as np

    return torch.from_numpy(np.array(array))


def onnx_runtime(case: Case) -> Contestant:
    """ONNX's LSTM operator; in mode step its state goes back in."""
    if any(importlib.util.find_spec(name) is None for name in ("onnx", "onnxruntime")):
        raise Missing(f"onnxruntime or onnx is {INSTALL}")
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    row = case.row
    order = [0, 3, 1, 2]  # i f g o → i o f c
    stored = {key: value.detach() for key, value in case.layer.state_dict().items()}

    def rows(name: str) -> Tensor:
        return torch.cat([stored[name].chunk(4)[k] for k in order])

    weights = {
        "W": rows("weight_ih_l0")[None],
        "R": rows("weight_hh_l0")[None],
        "bias": torch.cat([rows("bias_ih_l0"), rows("bias_hh_l0")])[None],
    }
    shapes = {"x": [row.T, row.B, row.I], "h": [1, row.B, row.H], "c": [1, row.B, row.H]}
    node = helper.make_node(
        "LSTM", ["x", "W", "R", "bias", "", "h", "c"], ["y", "h_after", "c_after"], hidden_size=row.H
    )
    outputs = {"y": [row.T, 1, row.B, row.H], "h_after": shapes["h"], "c_after": shapes["c"]}
    graph = helper.make_graph(
        [node],
        "lstm",
        [helper.make_tensor_value_info(key, TensorProto.FLOAT, shape) for key, shape in shapes.items()],
        [helper.make_tensor_value_info(key, TensorProto.FLOAT, shape) for key, shape in outputs.items()],
        [numpy_helper.from_array(value.contiguous().numpy(), key) for key, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = torch.get_num_threads(), 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    zeros = torch.zeros(1, row.B, row.H).numpy()
    feed = {"x": case.x.numpy(), "h": zeros, "c": zeros}

    def call() -> Any:
        y, h, c = session.run(None, feed)
        if row.mode == "step":
            feed["h"], feed["c"] = h, c
        return y

    shape = (row.B, row.H) if row.mode == "step" else (row.T, row.B, row.H)
    return Contestant("", call, lambda y: {"y": tensor_of(y).reshape(shape)})


PEERS: dict[str, Callable[[Case], Contestant]] = {
    "torch.nn": torch_nn,
    "torch.nn autocast": lambda case: torch_nn(case, autocast=True),
    "torch.nn.LSTMCell": lstm_cell,
    "eager loop": eager,
    "TorchScript": scripted,
    "torch.compile": compiled,
    "JAX scan": jax_scan,
    "ONNX Runtime": onnx_runtime,
}
