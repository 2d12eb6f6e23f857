"""One token drawn from scores: by temperature, among the k likeliest, among those that make up the mass p."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellwright.errors import ConfigError

__all__ = ["Sampler"]

BLOCK = 1024  # random numbers drawn at a time


class Sampler:
    """Draws rows from scores; the same seed gives the same rows.

    Args:
        temperature: divides the scores; below 1 likely tokens become likelier, 0 always takes the likeliest.
        top_k: only the k likeliest; 0 = all.
        top_p: only the likeliest that together have this probability (Holtzman et al. 2020, arXiv:1904.09751v2),
            after temperature and top_k; 1 = all.
        seed: of the random numbers.

    Raises ConfigError: a value outside its range.
    """

    def __init__(self, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0, seed: int = 0) -> None:
        for name, value, fits in (
            ("temperature", temperature, 0 <= temperature <= 1e6),
            ("top-k", top_k, top_k >= 0),
            ("top-p", top_p, 0 < top_p <= 1),
            ("seed", seed, seed >= 0),
        ):
            if not fits:
                wanted = {"temperature": "0 or more", "top-p": "above 0, at most 1"}.get(name, "0 or more")
                usual = {"temperature": 1, "top-p": 1}.get(name, 0)
                raise ConfigError(f"Expected {name} to be {wanted}, found {value}.", repair=f"{usual} is the usual.")
        self.temperature, self.top_k, self.top_p = temperature, top_k, top_p
        self.rng = np.random.default_rng(seed)
        self.drawn: NDArray[np.float64] = self.rng.random(0)
        self.used = 0

    def choose(self, scores_V: NDArray[Any]) -> int:
        """A row with the probability softmax(scores / temperature), cut as top_k and top_p say."""
        if self.temperature == 0:
            return int(scores_V.argmax())
        if self.temperature != 1:
            scores_V = scores_V / self.temperature
        if 0 < self.top_k < len(scores_V):
            least = np.partition(scores_V, -self.top_k)[-self.top_k]
            scores_V = np.where(scores_V >= least, scores_V, -np.inf)
        p_V = np.exp(scores_V - scores_V.max())
        if self.top_p < 1:
            order = np.argsort(-p_V, kind="stable")
            mass = np.cumsum(p_V[order])
            p_V[order[int(np.searchsorted(mass, self.top_p * mass[-1])) + 1 :]] = 0.0
        mass = p_V.cumsum()
        return min(int(mass.searchsorted(self._random() * mass[-1], side="right")), len(mass) - 1)

    def _random(self) -> float:
        if self.used == len(self.drawn):
            self.drawn, self.used = self.rng.random(BLOCK), 0
        self.used += 1
        return float(self.drawn[self.used - 1])
