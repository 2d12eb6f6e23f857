"""Figures of a language model beside n-grams that were learnt from the same training text."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from cellwright.tasks.lm.config import LmData
from cellwright.tasks.lm.corpora import open_corpus, stream_of
from cellwright.tasks.lm.heads import NEVER
from cellwright.tasks.lm.predict import LmModel
from cellwright.tasks.lm.score import dynamic, static
from cellwright.tasks.report import Line, Report, Section
from cellwright.tasks.text.ngram import NGram

__all__ = ["evaluate_model"]

NGRAM_TOKENS = 5_000_000  # of a training text that stays on the disk
ORDERS = {"word": 5, "char": 8}


def evaluate_model(model: LmModel, data: LmData, split: str) -> Report:
    """Perplexity on a split, in one stream; of dynamic evaluation too, where data.dynamic is set.

    Raises DataError: no such split, or a text of fewer than two tokens.
    """
    corpus = open_corpus(data)
    stream = stream_of(corpus.split(split), model.vocabulary)
    rows, target = stream.rows, stream.rows[1:]
    losses: dict[str, NDArray[np.float64]] = {}
    found = static(model.network, rows)
    losses["model"] = found.losses
    notes = list(corpus.notes)
    if data.dynamic:
        moved = dynamic(model.network, rows, rate=data.dynamic, decay=data.dynamic_decay, steps=data.dynamic_steps)
        losses["model, dynamic evaluation"] = moved.losses
        notes.append(
            "dynamic evaluation: the weights take a gradient step after every "
            f"{data.dynamic_steps} tokens of the {split} text, which they have foretold before"
        )
    train = stream_of(corpus.train, model.vocabulary, most=NGRAM_TOKENS if data.stream else 0).rows
    if data.stream:
        notes.append(f"the n-grams have read the first {len(train):,} tokens of train")
    order = data.ngram or ORDERS[data.unit]
    counted = {n: NGram(train, len(model.vocabulary), n, NEVER) for n in sorted({1, 2, order}, reverse=True)}
    for n, ngram in counted.items():
        losses[name_of(n, data.unit)] = -np.log(ngram.probabilities(rows)[1:])
    unknown = int((target == model.vocabulary.row("<unk>")).sum())
    if unknown:
        notes.append(f"{unknown:,} of {len(target):,} tokens are unknown words, foretold as one")
    sections = []
    if stream.choices is not None and stream.choices.any():
        firsts = {"model": found.first} | {
            name_of(n, data.unit): best_rows(ngram, rows, stream.choices) == target for n, ngram in counted.items()
        }
        sections.append(decided(losses, firsts, stream.choices[1:]))
    return Report(
        "lm",
        corpus.name,
        split,
        len(target),
        [Line(name, figures(loss, data.unit)) for name, loss in losses.items()],
        unit="words" if data.unit == "word" else "characters",
        percent=("right",),
        sections=sections,
        notes=notes,
    )


def name_of(order: int, unit: str) -> str:
    """A baseline by its order."""
    if order == 1:
        return "unigram: how often each is"
    return f"{order}-gram, Kneser-Ney" + (f": sees the last {unit} only" if order == 2 else "")


def figures(losses: NDArray[np.float64], unit: str) -> dict[str, float]:
    """Perplexity for words, bits and nats a character for characters."""
    loss = float(losses.mean())
    if unit == "char":
        return {"bits a character": loss / math.log(2), "nats a character": loss, "perplexity": math.exp(loss)}
    return {"perplexity": math.exp(min(700.0, loss)), "nats a word": loss}


def best_rows(ngram: NGram, rows: NDArray[np.int64], choices: NDArray[np.int64]) -> NDArray[np.int64]:
    """The likeliest row of an n-gram model at each decided word, 0 elsewhere, (N − 1,)."""
    found = np.zeros(len(rows), np.int64)
    remembered: dict[tuple[int, ...], int] = {}
    for place in np.flatnonzero(choices):
        history = tuple(int(row) for row in rows[max(0, place - ngram.order + 1) : place])
        if history not in remembered:
            remembered[history] = int(ngram.distribution(history).argmax())
        found[place] = remembered[history]
    return found[1:]


def decided(
    losses: Mapping[str, NDArray[np.float64]], firsts: Mapping[str, NDArray[np.bool_]], choices: NDArray[np.int64]
) -> Section:
    """A table of the words that only the subject of the sentence decides."""
    at = choices > 0
    lines = [
        Line(name, {"right": float(first[at].mean()), "mean p": float(np.exp(-losses[name][at]).mean())})
        for name, first in firsts.items()
    ]
    chance = float((1 / choices[at]).mean())
    return Section("words the subject decides", [*lines, Line("chance", {"right": chance, "mean p": chance})])
