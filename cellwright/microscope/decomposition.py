"""Contextual decomposition: which part of a number a phrase gave, together with what its own words do to each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cellwright.errors import ConfigError, DataError
from cellwright.microscope.figure import Array, Check, Figure
from cellwright.microscope.split_layers import SplitRun, split_run
from cellwright.microscope.splits import share
from cellwright.microscope.subject import Subject, subject

__all__ = ["contextual_decomposition", "find_phrase"]

Phrase = str | tuple[int, int] | Sequence[int]


def contextual_decomposition(
    model_or_layer: Any,
    inputs: Any,
    phrases: Sequence[Phrase] = (),
    *,
    target: Callable[[Any], Tensor] | None = None,
    whole: Sequence[str] = (),
    state: Sequence[Any] | None = None,
) -> Figure:
    """What each word and each phrase gave to a number that a network says of one sequence.

    Every value of every step is split into what the phrase gave, what the rest gave, and what weights alone gave, by a
    rule an op (see `cellwright.microscope.splits`): any cell, several layers, both directions. The head behind the
    recurrent layers is one more function and is shared out by the same rule.

    Args:
        model_or_layer, inputs, target, state: as `cellwright.inspect`, of one sequence.
        phrases: each a text of neighbouring words, or (start, stop), the steps start to stop − 1.
        whole: names of values of `step` that are held, not split. ("o",) gives Murdoch's formulas of LSTM.

    Formula     F = β + γ + F(no words said anything); β of the phrase, γ of the rest
    Unit        that of the target    Range any; signed
    Source      Murdoch, Liu & Yu 2018 (LSTM), arXiv:1801.05453v2; here a rule an op
    Adds up     β + γ + F₀ of parts run through the step's ops = F by the compiled kernels, of every phrase. Each of T
                steps rounds within a few eps: 64 T eps of the largest part.

    A phrase's interaction is its score less the sum of its words' scores. Products of phrase and rest go to the rest:
    single words' scores do not add up to F, what is missing is what the words did to each other.

    Raises:
        ConfigError: phrases that are not in the text; a layer that reads something between two others.
        DataError, ShapeError, TrainingError: as `inspect`.
    """
    asked = subject(model_or_layer, inputs, target, state)
    length = len(asked.words)
    spans = [find_phrase(asked.words, phrase) for phrase in phrases]
    singles = [(t, t + 1) for t in range(length)]
    inside_TP = torch.zeros(length, len(singles) + len(spans), dtype=torch.bool)
    for column, (start, stop) in enumerate([*singles, *spans]):
        inside_TP[start:stop, column] = True
    run = split_run(asked, inside_TP, whole)
    parts_KP, none = _shares(asked, run)
    with torch.no_grad():
        said = float(asked.value())
    largest = max(1.0, float(np.abs(parts_KP).max()), abs(none))
    words, named = parts_KP[0, :length], parts_KP[0, length:]
    arrays: dict[str, Array] = {"word": words, "word_rest": parts_KP[1, :length]}
    axes: dict[str, tuple[str, ...]] = {"word": ("t",), "word_rest": ("t",)}
    labels = {"t": asked.words}
    if spans:
        alone = np.array([words[start:stop].sum() for start, stop in spans])
        arrays |= {"phrase": named, "phrase_rest": parts_KP[1, length:], "interaction": named - alone}
        axes |= dict.fromkeys(("phrase", "phrase_rest", "interaction"), ("phrase",))
        labels["phrase"] = tuple(" ".join(asked.words[start:stop]) for start, stop in spans)
    return Figure(
        name="contextual_decomposition",
        title=f"What each {asked.unit} gave to {asked.name}",
        formula="F = β + γ + F₀: β of the phrase, γ of the rest, F₀ where no layer says anything",
        unit=f"of {asked.name}",
        range="any, signed",
        source="Murdoch, Liu & Yu 2018, arXiv:1801.05453v2; a rule an op",
        arrays=arrays,
        axes=axes,
        labels=labels,
        check=_check(arrays, none, said, words, spans, 64 * length * float(np.finfo(np.float64).eps) * largest),
        notes=(
            f"F = {said:.6g}, F₀ = {none:.6g}.",
            f"Held, not split: {', '.join(whole)}."
            if whole
            else "All gates are split; denominators, √ and log are held.",
            "What words did to each other is in no single score; `interaction` is that of a phrase's own words.",
        ),
        verdict=_verdict(asked, words, named, labels.get("phrase", ())),
    )


def _check(
    arrays: dict[str, Array], none: float, said: float, words: Array, spans: Sequence[tuple[int, int]], tolerance: float
) -> Check:
    left = [arrays["word"] + arrays["word_rest"] + none]
    right = [np.full(len(words), said)]
    if spans:
        left += [arrays["phrase"] + arrays["phrase_rest"] + none]
        left += [
            arrays["interaction"] + [words[start:stop].sum() for start, stop in spans] + arrays["phrase_rest"] + none
        ]
        right += [np.full(2 * len(spans), said)]
    return Check("β + γ + F₀ = F", np.concatenate(left), np.concatenate(right), tolerance)


def _shares(asked: Subject, run: SplitRun) -> tuple[Array, float]:
    """(2, P): what phrase and rest gave to the number; and what it is where no layer says anything."""

    def value(phrase: int, *parts: int) -> Tensor:
        return asked.value(run.only(phrase, parts))

    with torch.no_grad():
        none = value(0)
        found = [share(value(p, 0, 1), value(p, 0), value(p, 1), none) for p in range(run.inside_TP.shape[1])]
    return torch.stack(found, 1)[:2].numpy(), float(none)


def find_phrase(words: Sequence[str], phrase: Phrase) -> tuple[int, int]:
    """(start, stop) of a phrase: its first place in the words, or the steps it names.

    Raises:
        ConfigError: not in the words; not within them.
        DataError: a phrase without a word.
    """
    if isinstance(phrase, str):
        sought = "".join(phrase.split())
        if not sought:
            raise DataError("Expected a phrase, found no word in it.")
        bare = ["".join(word.split()) for word in words]  # white space can be a token of its own
        for start in (start for start in range(len(words)) if bare[start]):
            for stop in range(start + 1, len(words) + 1):
                joined = "".join(bare[start:stop])
                if joined == sought:
                    return start, stop
                if not sought.startswith(joined):
                    break
        raise ConfigError(
            f"Expected a phrase of the text, found {phrase!r}.", repair=f"The words are {' '.join(words[:20])}."
        )
    start, stop = phrase
    if not 0 <= start < stop <= len(words):
        raise ConfigError(
            f"Expected a phrase (start, stop) within {len(words)} steps, found ({start}, {stop}).",
            repair="stop is the step behind the last one.",
        )
    return start, stop


def _verdict(asked: Subject, words: Array, named: Array, phrases: Sequence[str]) -> str:
    order = np.argsort(-words)
    best = ", ".join(f"{asked.words[t]} {words[t]:+.3g}" for t in order[:3])
    text = f"Most for {asked.name}: {best}"
    if words[order[-1]] < 0:
        text += f"; most against it: {asked.words[order[-1]]} {words[order[-1]]:+.3g}"
    told = "; ".join(f"{phrase!r} as one {score:+.3g}" for phrase, score in zip(phrases, named, strict=True))
    return f"{text}. {told}." if told else f"{text}."
