"""Drawing characters: `model.generate` beside the loop over torch's LSTMCell that people write, with the same weights.

    python benchmarks/generate.py

One layer, a character vocabulary, 1,000 characters a turn, in turns A B A B. Before any speed, both give the same
scores along a text. Results go to benchmarks/results/generate.json.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from record import record
from torch import Tensor, nn

import cellwright as cw
from cellwright.tasks.lm.stepping import TokenSteps

sys.path.insert(0, str(Path(__file__).parent / "engine"))
from clock import Contestant, interleave, ratio

SIZES = (64, 128, 256)
CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ .,;:!?'-\n"
DRAWN = 1_000
ASKED = 3.0


def trained(hidden_size: int, folder: Path) -> Any:
    """A model of random characters: speed does not depend on what it has learnt."""
    text = folder / "text.txt"
    drawn = random.Random(0)
    text.write_text("".join(drawn.choice(CHARACTERS) for _ in range(20_000)), encoding="utf-8")
    sizes = {"model__hidden_size": hidden_size, "model__embedding_size": hidden_size, "model__dropout": 0.0}
    return cw.train("lm", data=text, data__unit="char", train__epochs=1, out=folder / str(hidden_size), **sizes)


class TorchLoop:
    """Embedding, LSTMCell, linear layer, multinomial: one character at a time."""

    def __init__(self, model: Any) -> None:
        network = model.network
        self.tokens = model.vocabulary.tokens
        self.first = model.vocabulary.row("\n")
        self.embedding = network.embedding
        hidden_size = network.embedding.weight.shape[1]
        self.cell = nn.LSTMCell(hidden_size, hidden_size)
        ours = dict(network.named_parameters())
        weights = {name.rpartition(".")[2]: value for name, value in ours.items()}
        with torch.no_grad():
            self.cell.weight_ih.copy_(weights["weight_ih_l0"])
            self.cell.weight_hh.copy_(weights["weight_hh_l0"])
            self.cell.bias_ih.copy_(weights["bias_l0"] if "bias_l0" in weights else weights["bias_ih_l0"])
            self.cell.bias_hh.copy_(weights.get("bias_hh_l0", torch.zeros_like(self.cell.bias_hh)))
        steps = TokenSteps(network)
        self.weight, self.bias = torch.from_numpy(steps.weight_VF), torch.from_numpy(steps.bias_V)

    def start(self) -> tuple[Tensor, Tensor]:
        zeros = torch.zeros(1, self.cell.hidden_size)
        return zeros, zeros

    def scores(self, row: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        h, c = self.cell(self.embedding(row), state)
        return nn.functional.linear(h, self.weight, self.bias), (h, c)

    @torch.inference_mode()
    def generate(self) -> str:
        row, state, found = torch.tensor([self.first]), self.start(), []
        for _ in range(DRAWN):
            scores_1V, state = self.scores(row, state)
            row = torch.multinomial(torch.softmax(scores_1V, 1), 1)[0]
            found.append(self.tokens[int(row)])
        return "".join(found)


def gate(model: Any, loop: TorchLoop) -> float:
    """Largest difference of the scores along a text, in eps·max|score|. Stops where it is more than 64."""
    steps, state, worst = TokenSteps(model.network), loop.start(), 0.0
    with torch.inference_mode():
        for row in model.vocabulary.encode(CHARACTERS):
            ours = steps(row)
            theirs_1V, state = loop.scores(torch.tensor([row]), state)
            known = np.isfinite(ours) & (ours > -1e4)
            theirs = theirs_1V[0].numpy()[known]
            scale = float(np.finfo(np.float32).eps) * float(np.abs(theirs).max())
            worst = max(worst, float(np.abs(ours[known] - theirs).max()) / scale)
    if worst > 64:
        sys.exit(f"The two disagree by {worst:.0f} eps: no speed is reported.")
    return worst


def row(hidden_size: int, folder: Path) -> dict[str, Any]:
    model = trained(hidden_size, folder)
    loop = TorchLoop(model)
    error = gate(model, loop)
    draw: Callable[[], str] = lambda: "".join(model.generate("", DRAWN))  # noqa: E731
    ours, other = Contestant("cellwright", draw), Contestant("torch loop", loop.generate)
    interleave([ours, other], repeats=9, seconds=2.0)
    found = ratio(ours, other)
    print(
        f"H={hidden_size}: {DRAWN / ours.summary()['p50']:,.0f} characters/s, {found['value']:.2f}x the torch loop "
        f"({found['spread'][0]:.2f} to {found['spread'][1]:.2f}); asked {ASKED}",
        flush=True,
    )
    return {
        "hidden_size": hidden_size,
        "error_eps": round(error, 2),
        "ratio": found,
        "asked": ASKED,
        "met": found["value"] >= ASKED,
        "times": {one.name: one.summary() for one in (ours, other)},
    }


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        rows = [row(size, Path(folder)) for size in SIZES]
    record("generate", "python benchmarks/generate.py", {"characters": DRAWN, "rows": rows})


if __name__ == "__main__":
    main()
