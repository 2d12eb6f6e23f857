"""A translator beside translations that need no network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cellwright.errors import DataError
from cellwright.tasks.data.text import Unit
from cellwright.tasks.data.utterance import Corpus
from cellwright.tasks.report import Figure, Line, Report, Section
from cellwright.tasks.share import Share
from cellwright.tasks.text.vocabulary import UNKNOWN
from cellwright.tasks.translate import bleu
from cellwright.tasks.translate.baselines import most_frequent, nearest
from cellwright.tasks.translate.pairs import Pair, joined
from cellwright.tasks.translate.predict import Translator

__all__ = ["evaluate_model"]

SAMPLES = 8


@dataclass(frozen=True, slots=True)
class Texts:
    """Different sources, each with all its right translations: as given, and as their tokens joined."""

    sources: Sequence[Pair]
    given: Sequence[Sequence[str]]
    right: Sequence[Sequence[str]]
    tokenizer: str | None

    @classmethod
    def of(cls, pairs: Sequence[Pair], unit: Unit) -> Texts:
        by_source: dict[str, list[Pair]] = {}
        for pair in pairs:
            by_source.setdefault(pair.source, []).append(pair)
        given = [list(dict.fromkeys(pair.target for pair in same)) for same in by_source.values()]
        right = [[joined(pair.target_tokens, unit) for pair in same] for same in by_source.values()]
        return cls(
            [same[0] for same in by_source.values()], given, right, bleu.tokenizer_for([pair.target for pair in pairs])
        )

    def figures(self, found: Sequence[str]) -> dict[str, Figure]:
        """Translations that are one of the right ones, and BLEU where it says something."""
        figures: dict[str, Figure] = {"exact": sum(self.hits(found)) / len(self.right)}
        if self.tokenizer is not None and bleu.available():
            figures["BLEU"] = bleu.corpus_bleu(found, self.given, self.tokenizer)
        return figures

    def hits(self, found: Sequence[str]) -> list[bool]:
        """Which texts are one of their right translations, token by token."""
        return [text in right for text, right in zip(found, self.right, strict=True)]


def evaluate_model(model: Translator, corpus: Corpus[Pair], pairs: Sequence[Pair], split: str) -> Report:
    """Beam search and greedy, then the most alike and the most frequent translation of the training split.

    Raises DataError: no pairs.
    """
    if not pairs:
        raise DataError(f"Expected pairs in the split {split or 'given'}, found none.", repair="Choose --split.")
    unit = model.target_unit
    texts = Texts.of(pairs, unit)
    best = _answers(model, texts.sources, model.settings.beam)
    lines = [Line("model", texts.figures(best))]
    if model.settings.beam > 1:
        lines.append(Line("model, greedy", texts.figures(_answers(model, texts.sources, 1))))
    if split in ("valid", "test") and corpus.train:
        alike = nearest(corpus.train, [pair.source for pair in texts.sources])
        lines.append(Line("most alike in training", texts.figures([joined(tokens, unit) for tokens in alike])))
        always = joined(most_frequent(corpus.train), unit)
        lines.append(Line("most frequent", texts.figures([always] * len(texts.sources))))
    return Report(
        "translate", corpus.name, split, len(texts.sources), lines, "texts", ("exact",),
        _by_kind(texts, best), [*_notes(model, texts, pairs), *_samples(texts, best)],
    )  # fmt: skip


def _answers(model: Translator, sources: Sequence[Pair], beam: int) -> list[str]:
    found = model.candidates([pair.source_tokens for pair in sources], beam)
    return [joined(candidates[0].tokens, model.target_unit) for candidates in found]


def _by_kind(texts: Texts, found: Sequence[str]) -> list[Section]:
    """Exact ones by kind, where a generator names kinds."""
    counts: dict[str, list[bool]] = {}
    for pair, hit in zip(texts.sources, texts.hits(found), strict=True):
        counts.setdefault(pair.kind, []).append(hit)
    rows = [Line(kind, {"exact": Share(sum(hits), len(hits))}) for kind, hits in sorted(counts.items()) if kind]
    return [Section("kind", rows)] if rows else []


def _notes(model: Translator, texts: Texts, pairs: Sequence[Pair]) -> list[str]:
    """How much of both sides the vocabularies cover, and how BLEU was computed."""
    read = [token for pair in texts.sources for token in pair.source_tokens]
    unread = sum(len(model.vocabularies.unknown(pair.source_tokens)) for pair in texts.sources)
    written = [token for pair in pairs for token in pair.target_tokens]
    unwritten = sum(model.vocabularies.target.row(token) == UNKNOWN for token in written)
    notes = [
        f"unknown tokens: {unread:,} of {len(read):,} of the sources ({unread / len(read):.2%}), "
        f"{unwritten:,} of {len(written):,} of the right translations ({unwritten / len(written):.2%})"
    ]
    if texts.tokenizer is not None:
        notes.append(f"BLEU: sacrebleu, {bleu.signature(texts.tokenizer)}" if bleu.available() else bleu.MISSING)
    return notes


def _samples(texts: Texts, found: Sequence[str]) -> list[str]:
    """A few texts, evenly spread, and what became of them."""
    rows = list(zip(texts.sources, found, texts.hits(found), texts.given, strict=True))
    return [
        f"{pair.source} → {text}{'' if hit else f'   (right: {given[0]})'}"
        for pair, text, hit, given in rows[:: max(1, len(rows) // SAMPLES)][:SAMPLES]
    ]
