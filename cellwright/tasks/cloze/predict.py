"""A trained cloze model as a user meets it: a text with a gap in, ranked words out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from cellwright.errors import DataError, StorageError
from cellwright.tasks.cloze.batches import make_batch
from cellwright.tasks.cloze.config import ClozeModelSection
from cellwright.tasks.cloze.filled import Filled, Gap
from cellwright.tasks.cloze.model import ClozeNetwork
from cellwright.tasks.data.given_text import given_words
from cellwright.tasks.data.text import MAX_TOKENS, check_text, tokenize
from cellwright.tasks.storage.atomic import REPAIR
from cellwright.tasks.storage.model_folder import StoredModel, read_model
from cellwright.tasks.text.known_words import known_words
from cellwright.tasks.text.vocabulary import FILE, UNKNOWN, TextVocabulary

__all__ = ["GAP", "ClozeModel"]

GAP = "___"
BATCH = 20
CHUNK = 256  # places whose probabilities are held at a time


class ClozeModel:
    """A trained cloze model. Make it with `load` or `cellwright.load`.

    >>> model = cellwright.load("runs/cloze")
    >>> model.predict("the ___ near the old bridge is blue").gaps[0].words[0]
    'sea'
    """

    task = "cloze"

    def __init__(self, stored: StoredModel) -> None:
        info = stored.info
        self.tokenize = info.get("tokenize")
        senses: Any = info.get("senses")
        self.vocabulary = TextVocabulary.from_file(stored[FILE], stored.place)
        if not isinstance(self.tokenize, bool) or not self._fit(senses):
            raise StorageError("Expected the words of a cloze model, found others.", file=stored.place, repair=REPAIR)
        self.senses: dict[str, list[str]] = senses
        section = stored.section(ClozeModelSection)
        self.network = stored.network(lambda: ClozeNetwork(section, len(self.vocabulary), stored.cell))
        self.cell = stored.cell
        self.metrics, self.data = stored.metrics, stored.data

    def _fit(self, senses: Any) -> bool:
        return isinstance(senses, dict) and all(
            isinstance(tokens, list) and tokens and all(token in self.vocabulary.rows for token in tokens)
            for tokens in senses.values()
        )

    @classmethod
    def load(cls, folder: str | Path) -> ClozeModel:
        """Read a model's folder. Raises StorageError."""
        return cls(read_model(folder, "cloze"))

    def tokens(self, text: str | Sequence[str]) -> list[str]:
        """The text, or a list of words, as the model reads it; two or more underscores are a gap."""
        if not isinstance(text, str):
            return [GAP if re.fullmatch("__+", word) else word for word in given_words(text)]
        found: list[str] = []
        for number, part in enumerate(re.split("__+", check_text(text))):
            if number:
                found.append(GAP)
            found += [token for token, _, _ in tokenize(part)] if self.tokenize else known_words(part, self.vocabulary)
        return found

    def senses_of(self, word: str) -> list[str]:
        """word/sense for each sense of the word; none where training had no more than the word."""
        return self.senses.get(word.lower() if self.vocabulary.lower else word, [])

    def asked(self, tokens: Sequence[str]) -> list[int]:
        """Where words are missing; in a text without a gap, where words with senses are.

        Raises DataError: neither, or more than 10,000 words.
        """
        if len(tokens) > MAX_TOKENS:
            raise DataError(f"Expected at most {MAX_TOKENS:,} words, found {len(tokens):,}.")
        places = [k for k, token in enumerate(tokens) if token == GAP]
        places = places or [k for k, token in enumerate(tokens) if self.senses_of(token)]
        if not places:
            wanted = "a gap, written ___" + (" or a word with senses" if self.senses else "")
            raise DataError(f"Expected {wanted}, found none.", repair='For example: "the ___ is blue"')
        return places

    def predict(self, text: str | Sequence[str]) -> Filled:
        """The likeliest words of each gap; without a gap, the sense of each word that has several.

        Raises DataError: neither a gap nor a word with senses, or more than 10,000 words.
        """
        return self.fill(text)

    def fill(self, text: str | Sequence[str], most: int = 10) -> Filled:
        """The same, with as many words as asked.

        Args:
            most: how many words to name for each gap.
        """
        text = text if isinstance(text, str) else given_words(text)
        tokens = self.tokens(text)
        places = self.asked(tokens)
        gaps = []
        for place, p_V in zip(places, self.distributions([tokens], [places]), strict=True):
            if senses := self.senses_of(tokens[place]):
                p_V = among(p_V, [self.vocabulary.rows[sense] for sense in senses])
            gaps.append(self._gap(place, p_V, most))
        strange = tuple(t for t in tokens if t != GAP and self.vocabulary.row(t) == UNKNOWN)
        return Filled(text if isinstance(text, str) else " ".join(text), tuple(tokens), tuple(gaps), strange)

    def distributions(
        self, sentences: Sequence[Sequence[str]], places: Sequence[Sequence[int]]
    ) -> Iterator[NDArray[np.float64]]:
        """P of every row at the given places of each sentence, (V,) each, in order."""
        for start in range(0, len(sentences), BATCH):
            words = sentences[start : start + BATCH]
            batch = make_batch(words, words, self.vocabulary)
            chosen_BT = torch.zeros_like(batch.valid_BT)
            for row, own in zip(chosen_BT, places[start : start + BATCH], strict=True):
                row[list(own)] = True
            with torch.no_grad():
                y_NF = self.network(batch.x_BS, batch.lengths_B)[chosen_BT]
            for first in range(0, len(y_NF), CHUNK):
                with torch.no_grad():
                    log_p_NV = self.network.log_probabilities(y_NF[first : first + CHUNK])
                p_NV: NDArray[np.float64] = np.exp(log_p_NV.double().numpy())
                yield from p_NV / p_NV.sum(1, keepdims=True)

    def _gap(self, place: int, p_V: NDArray[np.float64], most: int) -> Gap:
        order = np.argsort(-p_V, kind="stable")
        top = order[p_V[order] > 0][:most]
        words = tuple(self.vocabulary.tokens[row] for row in top)
        others = int((p_V > 0).sum()) - len(top)
        return Gap(place, words, tuple(float(p_V[row]) for row in top), others, max(0.0, 1.0 - float(p_V[top].sum())))

    def __repr__(self) -> str:
        cell = "PerToken" if self.cell is None else self.cell.name
        return f"ClozeModel({cell}, {len(self.vocabulary):,} words)"


def among(p_V: NDArray[np.float64], rows: Sequence[int]) -> NDArray[np.float64]:
    """The distribution given that it is one of `rows`."""
    found = np.zeros_like(p_V)
    chosen = p_V[list(rows)]
    total = float(chosen.sum())
    found[list(rows)] = chosen / total if total > 0 else 1 / len(rows)
    return found
