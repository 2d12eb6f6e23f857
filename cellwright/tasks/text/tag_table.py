"""The tag that each word has most often: what a tagger can know that sees one word at a time."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cellwright.tasks.text.words import normalize

__all__ = ["TagTable"]


@dataclass(frozen=True, slots=True)
class TagTable:
    """Learnt from the training split.

    Attributes:
        tags: the most frequent tag of each lower-cased word.
        rare: of a word that training never had: the most frequent tag of words seen once.
        usual: the most frequent tag of all.
    """

    tags: Mapping[str, str]
    rare: str
    usual: str

    @classmethod
    def learn(cls, sentences: Iterable[tuple[Sequence[str], Sequence[str]]]) -> TagTable:
        """Of (words, tags)."""
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for words, tags in sentences:
            for word, tag in zip(words, tags, strict=True):
                counts[normalize(word)][tag] += 1
        usual = sum(counts.values(), Counter()).most_common(1)[0][0]
        once = Counter(next(iter(found)) for found in counts.values() if found.total() == 1)
        return cls(
            {word: found.most_common(1)[0][0] for word, found in counts.items()},
            once.most_common(1)[0][0] if once else usual,
            usual,
        )

    def answer(self, words: Sequence[str]) -> list[str]:
        """A tag a word."""
        return [self.tags.get(normalize(word), self.rare) for word in words]
