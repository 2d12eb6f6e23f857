"""A trained language model as a user meets it: what comes next, how likely a text is, texts of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from cellwright.errors import DataError, StorageError
from cellwright.tasks.data.given_text import given_words
from cellwright.tasks.data.text import check_text, tokenize
from cellwright.tasks.lm.completion import Completion
from cellwright.tasks.lm.config import LmModelSection
from cellwright.tasks.lm.model import LanguageNetwork
from cellwright.tasks.lm.sampling import Sampler
from cellwright.tasks.lm.stepping import TokenSteps
from cellwright.tasks.storage.atomic import REPAIR
from cellwright.tasks.storage.model_folder import StoredModel, read_model
from cellwright.tasks.text.known_words import known_words
from cellwright.tasks.text.vocabulary import END, FILE, UNKNOWN, TextVocabulary

__all__ = ["LmModel"]

MAX_TOKENS = 1_000_000
WIDE = "\u2e80"  # Chinese, Japanese and Korean from here on: no space between


class LmModel:
    """A trained language model. Make it with `load` or `cellwright.load`.

    >>> model = cellwright.load("runs/lm")
    >>> model.complete("Sea is").words[0]
    'blue'
    """

    task = "lm"

    def __init__(self, stored: StoredModel) -> None:
        info = stored.info
        self.unit, self.tokenize = info.get("unit"), info.get("tokenize")
        if self.unit not in ("word", "char") or not isinstance(self.tokenize, bool):
            raise StorageError("Expected the unit of a language model, found none.", file=stored.place, repair=REPAIR)
        self.vocabulary = TextVocabulary.from_file(stored[FILE], stored.place)
        section = stored.section(LmModelSection)
        self.network = stored.network(lambda: LanguageNetwork(section, len(self.vocabulary), stored.cell))
        self.cell = stored.cell
        self.metrics, self.data = stored.metrics, stored.data

    @classmethod
    def load(cls, folder: str | Path) -> LmModel:
        """Read a model's folder. Raises StorageError."""
        return cls(read_model(folder, "lm"))

    def tokens(self, text: str | Sequence[str]) -> list[str]:
        """The text, or a list of words, as the model reads it. Raises DataError: more than a million tokens."""
        if not isinstance(text, str):
            found = given_words(text)
        elif self.unit == "char":
            found = list(check_text(text))
        elif self.tokenize:
            found = [token for token, _, _ in tokenize(check_text(text))]
        else:
            found = known_words(check_text(text), self.vocabulary)
        if len(found) > MAX_TOKENS:
            raise DataError(f"Expected at most {MAX_TOKENS:,} {self.unit}s, found {len(found):,}.")
        return found

    def predict(self, text: str | Sequence[str]) -> Completion:
        """The ten likeliest next tokens; `complete` gives more."""
        return self.complete(text)

    def complete(self, text: str | Sequence[str], most: int = 10) -> Completion:
        """The likeliest next tokens with their probabilities.

        Args:
            most: how many to name.

        Raises DataError: a text the model cannot read.
        """
        text = text if isinstance(text, str) else given_words(text)
        tokens = self.tokens(text)
        p_V = self.next_probabilities(tokens)
        order = np.argsort(-p_V, kind="stable")
        order = order[p_V[order] > 0]
        top = order[:most]
        return Completion(
            text if isinstance(text, str) else " ".join(text),
            tuple(tokens),
            tuple(self.vocabulary.tokens[row] for row in top),
            tuple(float(p_V[row]) for row in top),
            len(order) - len(top),
            max(0.0, 1.0 - float(p_V[top].sum())),
            self.unknown(tokens),
        )

    def unknown(self, tokens: Sequence[str]) -> tuple[str, ...]:
        """Those of `tokens` that training never had."""
        return tuple(token for token in tokens if self.vocabulary.row(token) == UNKNOWN)

    def next_probabilities(self, tokens: Sequence[str]) -> NDArray[np.float64]:
        """P of every row of the vocabulary after `tokens`, which begin a line of a text, (V,)."""
        rows = self._primed(tokens)
        with torch.no_grad():
            found = self.network(torch.tensor([rows]))
            log_p: NDArray[Any] = self.network.log_probabilities(found.raw_BTF[:, -1])[0].double().numpy()
        p_V: NDArray[np.float64] = np.exp(log_p)
        p_V /= p_V.sum()
        return p_V

    def log_probability(self, tokens: Sequence[str]) -> NDArray[np.float64]:
        """ln P of each token given those before it, which begin a line of a text, (N,); unknown ones as `<unk>`.

        Raises DataError: no tokens.
        """
        if not tokens:
            raise DataError("Expected at least one token, found none.")
        rows = [*self._primed([]), *self.vocabulary.encode(tokens)]
        with torch.no_grad():
            found = self.network(torch.tensor([rows[:-1]]))
            log_p_NV = self.network.log_probabilities(found.raw_BTF[0])
            chosen = log_p_NV.gather(1, torch.tensor(rows[1:])[:, None])[:, 0]
        values: NDArray[np.float64] = chosen.double().numpy()
        return values

    def generate(
        self,
        start: str = "",
        tokens: int = 200,
        *,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int = 0,
    ) -> Iterator[str]:
        """Text after `start`, piece by piece; the pieces joined are the text.

        Args:
            tokens: how many to draw.
            temperature, top_k, top_p, seed: as in `Sampler`.

        Raises:
            ConfigError: a value outside its range.
            DataError: a text the model cannot read.
        """
        sampler = Sampler(temperature, top_k, top_p, seed)
        given = self.tokens(start)
        return self._drawn(given, tokens, sampler, TokenSteps(self.network))

    def _drawn(self, given: Sequence[str], count: int, sampler: Sampler, steps: TokenSteps) -> Iterator[str]:
        scores_V = None
        for row in self._primed(given):
            scores_V = steps(row)
        last = given[-1] if given else "\n"
        for _ in range(count):
            assert scores_V is not None
            scores_V[UNKNOWN] = -np.inf
            row = sampler.choose(scores_V)
            token = "\n" if row == END else self.vocabulary.tokens[row]
            yield token if self.unit == "char" else _spaced(last, token)
            last = token
            scores_V = steps(row)

    def _primed(self, tokens: Sequence[str]) -> list[int]:
        """Rows to read first: a line end, then the tokens."""
        start = END if self.unit == "word" else self.vocabulary.row("\n")
        return [start, *self.vocabulary.encode(tokens)]

    def __repr__(self) -> str:
        cell = "PerToken" if self.cell is None else self.cell.name
        return f"LmModel({cell}, {len(self.vocabulary):,} {self.unit}s)"


def _spaced(before: str, token: str) -> str:
    """The token with the space that parts it from the one before, where there is one."""
    if token == "\n" or before == "\n" or (token[0] >= WIDE and before[-1] >= WIDE):
        return token
    return f" {token}"
