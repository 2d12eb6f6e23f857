"""The sentences that `data.path` names: generated, or the user's with the right and the wrong form of a verb."""

from __future__ import annotations

from pathlib import Path

from cellwright.errors import DataError
from cellwright.tasks.agreement.config import AgreementData
from cellwright.tasks.agreement.grammar import Sentence, generate
from cellwright.tasks.agreement.lexicon import LANGUAGES, SPLITS
from cellwright.tasks.data.splits import check_path
from cellwright.tasks.data.utterance import Corpus
from cellwright.tasks.data.verb_forms import gold_file, read_verb_forms

__all__ = ["EMBEDDED", "open_corpus"]

EMBEDDED = {"agreement": tuple(LANGUAGES), **{f"agreement-{language}": (language,) for language in LANGUAGES}}


def open_corpus(data: AgreementData) -> Corpus[Sentence]:
    """Generate or read the sentences; a single file is all in `train`.

    Raises DataError: nothing of that name, no .gold file, or one that is not what it should be.
    """
    corpus: Corpus[Sentence]
    if data.path in EMBEDDED:
        corpus = Corpus(data.path)
        for split in SPLITS:
            size = data.size if split == "train" else 0
            setattr(corpus, split, generate(EMBEDDED[data.path], data.seed, split, size))
        return corpus
    root = check_path(data.path, EMBEDDED, "sentences")
    corpus = Corpus(root.name)
    places = {split: root / f"{split}.gold" for split in SPLITS if (root / f"{split}.gold").is_file()}
    if not places:
        gold = gold_file(root)
        if gold is None:
            raise DataError(
                "Expected a .gold file beside a .text file, found none.",
                file=root,
                repair="docs/agreement.md shows the two files.",
            )
        places = {"train": gold}
    for split, place in places.items():
        setattr(corpus, split, _read(place, corpus.notes))
    return corpus


def _read(gold: Path, notes: list[str]) -> list[Sentence]:
    forms, twice = read_verb_forms(gold)
    made = [
        Sentence(f.words, f.number, " ".join(f.words), f.place, number=f.number, attractors=f.attractors)
        for f in forms
        if f.number is not None
    ]
    if left_out := twice + len(forms) - len(made):
        notes.append(f"{gold.name}: {left_out} left out, whose two forms do not tell singular from plural")
    if not made:
        raise DataError(
            "Expected forms that tell singular from plural, found none.", file=gold, repair="As in: is, are"
        )
    return made
