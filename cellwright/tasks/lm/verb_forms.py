"""Agreement as a language model sees it: is the right form of the verb likelier than the wrong one?

Legend: N sentences, T words, F features, V rows of the vocabulary.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from cellwright.errors import DataError
from cellwright.tasks.data.verb_forms import VerbForms, read_verb_forms
from cellwright.tasks.lm.config import LmData
from cellwright.tasks.lm.corpora import open_corpus, stream_of
from cellwright.tasks.lm.heads import NEVER
from cellwright.tasks.lm.predict import LmModel
from cellwright.tasks.report import Line, Report, Section
from cellwright.tasks.share import Share
from cellwright.tasks.text.ngram import NGram
from cellwright.tasks.text.vocabulary import END, UNKNOWN, TextVocabulary

__all__ = ["evaluate_forms"]

BATCH = 64
ORDER = 5


def evaluate_forms(model: LmModel, data: LmData, gold: Path) -> Report:
    """How often the right form is the likelier, by attractors, beside n-grams of `data.text` and the majority.

    Sentences with a form that the model does not know are left out, with a note. A tie is half right.

    Raises DataError: files that cannot be read, a model of characters, no sentence of which both forms are known.
    """
    if model.unit == "char":
        raise DataError("Expected a model of words, found one of characters.", repair="--set data.unit=word")
    forms, twice = read_verb_forms(gold)
    vocabulary = model.vocabulary
    known = [f for f in forms if UNKNOWN not in vocabulary.encode([f.right, f.wrong])]
    if not known:
        raise DataError(
            "Expected sentences of which the model knows both forms, found none.",
            file=gold,
            repair="Train on a text with these verbs.",
        )
    answers = {"model": right_forms(model, known)}
    notes = []
    order = data.ngram or ORDER
    if data.text:
        text = open_corpus(data.model_copy(update={"path": data.text, "stream": False})).train
        rows = stream_of(text, vocabulary).rows
        for n in (order, 1):
            name = f"{n}-gram, Kneser-Ney" if n > 1 else "unigram: the more frequent form"
            answers[name] = _of_ngram(NGram(rows, len(vocabulary), n, NEVER), known, vocabulary)
    else:
        notes.append("n-gram lines need the training text: --set data.text=FOLDER")
    numbers = Counter(f.number for f in known)
    majority = max(("singular", "plural"), key=numbers.__getitem__)
    answers[f"always {majority}"] = np.array([f.number == majority for f in known], float)
    unknown = sum(word not in vocabulary.rows for f in known for word in f.words)
    words = sum(len(f.words) for f in known)
    notes.append(f"{unknown / words:.0%} of the words before the verbs are unknown to the model")
    if len(forms) > len(known):
        notes.append(f"{len(forms) - len(known):,} of {len(forms):,} left out: the model does not know both forms")
    if twice:
        notes.append(f"{twice} left out: the same form twice")
    return _report(gold.stem, known, answers, notes)


def right_forms(model: LmModel, forms: Sequence[VerbForms]) -> NDArray[np.float64]:
    """1 where the model finds the right form likelier, ½ where both are as likely, (N,); each text by itself."""
    order = sorted(range(len(forms)), key=lambda k: len(forms[k].words))
    found = np.zeros(len(forms))
    for start in range(0, len(order), BATCH):
        chosen = order[start : start + BATCH]
        rows = [[END, *model.vocabulary.encode(forms[k].words)] for k in chosen]
        x_NT = torch.full((len(rows), max(map(len, rows))), END)
        for k, own in enumerate(rows):
            x_NT[k, : len(own)] = torch.tensor(own)
        pairs = torch.tensor([model.vocabulary.encode([forms[k].right, forms[k].wrong]) for k in chosen])
        with torch.no_grad():
            raw_NTF = model.network(x_NT).raw_BTF
            last_NF = raw_NTF[torch.arange(len(rows)), torch.tensor([len(own) - 1 for own in rows])]
            log_p_NV = model.network.log_probabilities(last_NF)
            right, wrong = log_p_NV.gather(1, pairs).double().unbind(1)
        found[chosen] = 0.5 * ((right > wrong).numpy().astype(float) + (right >= wrong).numpy())
    return found


def _of_ngram(ngram: NGram, forms: Sequence[VerbForms], vocabulary: TextVocabulary) -> NDArray[np.float64]:
    found = []
    for f in forms:
        history = [END, *vocabulary.encode(f.words)][1 - ngram.order :] if ngram.order > 1 else []
        p_V = ngram.distribution(history)
        right, wrong = p_V[vocabulary.encode([f.right, f.wrong])]
        found.append(0.5 * (float(right > wrong) + float(right >= wrong)))
    return np.array(found)


def _report(
    name: str, forms: Sequence[VerbForms], answers: Mapping[str, NDArray[np.float64]], notes: Sequence[str]
) -> Report:
    attractors = np.array([f.attractors for f in forms])
    counts = {str(n): int((attractors == n).sum()) for n in np.unique(attractors)}
    by_number = [
        Line(who, {n: float(right[attractors == int(n)].mean()) for n in counts}) for who, right in answers.items()
    ]
    return Report(
        "lm",
        name,
        "",
        len(forms),
        [Line(who, {"right form": _share(right)}) for who, right in answers.items()],
        unit="sentences",
        percent=tuple(counts),
        sections=[Section("right form, by attractors", by_number)],
        notes=[*notes, "sentences by attractors: " + ", ".join(f"{n}: {count:,}" for n, count in counts.items())],
    )


def _share(right: NDArray[np.float64]) -> Share:
    return Share(float(right.sum()), len(right))
