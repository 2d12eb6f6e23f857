"""The sentences that `data.path` names: generated, or the user's with the right and the wrong form of a verb."""

from __future__ import annotations

from pathlib import Path

from cellwright.errors import ConfigError, DataError
from cellwright.tasks.agreement.config import AgreementData
from cellwright.tasks.agreement.grammar import Sentence, generate
from cellwright.tasks.agreement.lexicon import LANGUAGES, SPLITS
from cellwright.tasks.data.splits import check_path
from cellwright.tasks.data.utterance import Corpus
from cellwright.tasks.data.verb_forms import VerbForms, gold_file, read_verb_forms
from cellwright.tasks.set_files import SetFiles, lines_text

__all__ = ["EMBEDDED", "embedded_files", "open_corpus"]

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


def embedded_files(data: AgreementData) -> SetFiles:
    """Generated sentences as pairs of .text and .gold files.

    Raises ConfigError: a language whose forms do not show their number, as these files need.
    """
    pairs = [forms for language in EMBEDDED[data.path] for forms in LANGUAGES[language].forms.values()]
    if any(VerbForms((), *forms, 0, "").number != "singular" for forms in pairs):
        raise ConfigError(
            f"Expected forms like is and are, which .gold files hold, found {data.path}, whose forms "
            f"{' and '.join(pairs[-1])} do not show their number.",
            repair="cellwright data agreement-en --out DIR",
        )
    other = {form: pair[1 - k] for pair in pairs for k, form in enumerate(pair)}
    splits = dict(open_corpus(data).splits())
    texts = {}
    for split, sentences in splits.items():
        texts[f"{split}.text"] = lines_text(" ".join([*s.words, s.label]) for s in sentences)
        texts[f"{split}.gold"] = lines_text(
            f"{len(s.words)}\t{s.label}\t{other[s.label]}\t{s.attractors}" for s in sentences
        )
    notes = ["read back, the answer is singular or plural, not the form"]
    return SetFiles(texts, {split: len(found) for split, found in splits.items()}, "sentences", notes=notes)


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
