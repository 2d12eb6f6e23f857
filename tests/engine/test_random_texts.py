"""Cells as people type them, right and wrong: the same numbers on both paths, or a typed refusal that names the line.

Texts are drawn from the op list, torch's functions and methods, and what is in no list; most do not fit together.
CELLWRIGHT_PROGRAMS says how many, 100 if unset.
"""

from __future__ import annotations

import importlib.util
import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch

from cellwright.errors import CellwrightError
from cellwright.nn import Recurrent

PROGRAMS = int(os.environ.get("CELLWRIGHT_PROGRAMS", "100"))
BUNDLE = 10  # programs a test
ONE = [
    *("ops.tanh({})", "ops.sigmoid({})", "ops.relu({})", "-{}", "ops.abs({})", "ops.softmax({})", "ops.cumsum({})"),
    *("ops.exp(-ops.abs({}))", "ops.sqrt(ops.abs({}) + 1)", "ops.log(ops.abs({}) + 1)", "ops.softplus({})", "{} ** 2"),
    *("ops.mean({})", "ops.sum({})", "ops.amax({})", "{}[0:2]", "{}[:-1]", "{}.chunk(2)[0]", "torch.tanh({})"),
    *("{}.sigmoid()", "{}.square()", "{}.sum(0)", "torch.mean({}, -1, keepdim=True)", "torch.cat([{}])", "1 / {} ** 2"),
    *("torch.sin({})", "{}.clamp(-1, 1)", "torch.flip({}, [0])", "{}.std(-1)", "torch.where({} > 0, 1.0, 0.0)"),
    *("max({})", "sum({})", "float({})", "len({}) * h", "{}[0]", "{}[::2]", "{}.T", "{}.unsqueeze(0)", "np.tanh({})"),
    *("{}.to(torch.float64)", "{}.shape[0] * h", "ops.concat({}, 1.0)", "torch.layer_norm({}, (4,))", "{}.detach()"),
]
TWO = [
    *("{} + {}", "{} - {}", "{} * {}", "{} / (1 + ops.abs({}))", "ops.minimum({}, {})", "ops.maximum({}, {})"),
    *("ops.where({} > 0, {}, h)", "ops.concat({}, {})[0:4]", "R.a @ ({} + {})", "({} > {}) * 1.0", "{}.add({})"),
    *("({} > 0) + ({} < 1)", "1 - ({} > 0)", "torch.lerp({}, {}, 0.5)", "torch.stack([{}, {}]).sum(0)"),
    *("{} @ {}", "{} == {}", "{} and {}", "{} % {}", "torch.dot({}, {}) * h", "({} if {} > 0 else h)"),
]
LEAVES = [
    *(["x", "h", "h", "z", "z", "b.a", "p", "alpha", "W.a @ x", "R.a @ h", "2", "0.5", "self.k"] * 5),
    *("R", "W.q @ x", "undefined"),
]
HEAD = """import numpy as np
import torch

from cellwright import Cell, ops


class Typed(Cell):
    gates = "a"
    params = {{"p": "H", "alpha": ""}}
    k = 0.3

    def step(self, x, h, W, R, b, p, alpha):
        z = W.a @ x + R.a @ h + b.a
        u = {}
        v = {}
        return ops.tanh(z + u * v)
"""


def text(r: random.Random, depth: int) -> str:
    if depth == 0 or r.random() < 0.15:
        return r.choice(LEAVES)
    form = r.choice(ONE if r.random() < 0.5 else TWO)
    while "{}" in form:
        form = form.replace("{}", f"({text(r, depth - 1)})", 1)
    return form


def program(seed: int) -> str:
    r = random.Random(seed)
    return HEAD.format(text(r, 2), text(r, 2))


def answer(cell: Any, backend: str) -> list[torch.Tensor] | str:
    """y and all gradients, or the refusal's text; another exception goes on."""
    torch.manual_seed(0)
    layer = Recurrent(cell, 4, 4, dtype=torch.float64)
    x = torch.randn(3, 2, 4, dtype=torch.float64, requires_grad=True)
    try:
        y, _ = layer(x, backend=backend)
    except CellwrightError as refused:
        return str(refused)
    leaves = [x, *layer.parameters()]
    return [y.detach(), *torch.autograd.grad(y.sum(), leaves, allow_unused=True, materialize_grads=True)]


@pytest.mark.filterwarnings("ignore::cellwright.errors.SlowPathWarning", "ignore::SyntaxWarning")
@pytest.mark.parametrize("bundle", range(PROGRAMS // BUNDLE))
def test_a_typed_cell_has_the_same_numbers_or_is_refused_with_its_line(bundle: int, tmp_path: Path) -> None:
    for seed in range(bundle * BUNDLE, (bundle + 1) * BUNDLE):
        file = tmp_path / f"typed_{seed}.py"
        file.write_text(program(seed))
        spec = importlib.util.spec_from_file_location(file.stem, file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        ours, loop = (answer(module.Typed(), backend) for backend in ("auto", "reference"))
        if isinstance(ours, str) or isinstance(loop, str):
            assert all(isinstance(one, str) and f"{file}:" in one for one in (ours, loop)), (program(seed), ours, loop)
            continue
        for mine, theirs in zip(ours, loop, strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-8, atol=1e-9, equal_nan=True, msg=program(seed))


def test_texts_hold_all_of_their_parts() -> None:
    used = Counter(part for seed in range(2000) for part in (*ONE, *TWO) if part.split("{}")[0] in program(seed))
    assert len(used) == len({*ONE, *TWO})
