"""Words, their pairs and tags as numbers, learnt from the training split."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from cellwright.errors import StorageError
from cellwright.tasks.data.schemes import split_tag
from cellwright.tasks.data.utterance import Utterance
from cellwright.tasks.networks import pairs as pair_features
from cellwright.tasks.storage.atomic import REPAIR
from cellwright.tasks.tag.config import TagModel, Target
from cellwright.tasks.tag.segments import TAGS, as_read
from cellwright.tasks.text.vocabulary import TextVocabulary
from cellwright.tasks.text.words import WordCounts, WordTable, check_rows

__all__ = ["Vocabulary"]

WORDS, NAMES = "words.json", "vocabulary.json"


class Vocabulary(WordTable):
    """Everything a tagger knows by name.

    Attributes:
        target: what the tags stand for.
        tags: by row.
        pairs: of neighbouring words; None where the network has no use for them.
    """

    def __init__(
        self,
        words: Tokenizer,
        characters: Sequence[str],
        target: Target,
        tags: Sequence[str],
        pairs: TextVocabulary | None,
    ) -> None:
        super().__init__(words, characters)
        self.target, self.tags, self.pairs = target, list(tags), pairs
        self.tag_rows = {tag: row for row, tag in enumerate(self.tags)}

    @classmethod
    def learn(cls, sentences: Iterable[Utterance], target: Target, config: TagModel) -> Vocabulary:
        """Of the training split, gone through once, and once more for pairs."""
        found: set[str] = set()
        counted = WordCounts(Counter(), Counter())
        for u in sentences:
            found.update(u.slots)
            counted.add(read_as(target, u.words))
        tags = sorted(found)
        if target == "spans":
            labels = sorted({tag[2:] for tag in found if tag != "O"})
            tags = ["O", *(f"{prefix}-{label}" for label in labels for prefix in "BI")]
        elif target == "words":
            tags = list(TAGS)
        pairs = None
        if config.pair_dim:
            pairs = pair_features.learn_pairs((read_as(target, u.words) for u in sentences), config.pair_count)
        vocabulary = cls(*cls.rows_of(counted, config.min_count), target, tags, pairs)
        vocabulary.keep_counts(counted)
        return vocabulary

    def read(self, words: Sequence[str]) -> Sequence[str]:
        """The words as the network reads them."""
        return read_as(self.target, words)

    def allowed_pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """(K, K) and (K,) bool: which tag may follow which, and which may begin a sentence."""
        return (
            np.array([[follows(self.target, a, b) for b in self.tags] for a in self.tags]),
            np.array([follows(self.target, "O" if self.target == "spans" else "S", b) for b in self.tags]),
        )

    def to_files(self) -> dict[str, bytes]:
        """The files of a model's folder."""
        names = {"characters": self.characters, "target": self.target, "tags": self.tags}
        files = {
            WORDS: self.words.to_str(pretty=False).encode(),
            NAMES: json.dumps(names, ensure_ascii=False).encode(),
        }
        return files | ({} if self.pairs is None else {pair_features.FILE: self.pairs.to_file()})

    @classmethod
    def from_files(cls, files: Mapping[str, bytes], place: Path) -> Vocabulary:
        """Raises StorageError: the files hold no vocabulary."""
        try:
            names = json.loads(files[NAMES])
            characters, target, tags = names["characters"], names["target"], names["tags"]
            if not all(isinstance(f, list) and all(isinstance(name, str) for name in f) for f in (characters, tags)):
                raise ValueError("lists of names expected")
            if target not in ("tags", "spans", "words") or not tags or len({*tags}) < len(tags):
                raise ValueError("different tags of a target expected")
            if target == "spans":
                [split_tag(tag) for tag in tags]
            if target == "words" and tuple(tags) != TAGS:
                raise ValueError(f"the tags {', '.join(TAGS)} expected")
            words = Tokenizer.from_str(files[WORDS].decode())
            check_rows(words)
        except Exception as error:  # tokenizers raises nothing more special
            raise StorageError(
                f"Expected the vocabulary of a model, found: {error}.", file=place, repair=REPAIR
            ) from None
        stored = files.get(pair_features.FILE)
        return cls(words, characters, target, tags, None if stored is None else TextVocabulary.from_file(stored, place))


def read_as(target: Target, words: Sequence[str]) -> Sequence[str]:
    return [as_read(character) for character in words] if target == "words" else words


def follows(target: Target, before: str, after: str) -> bool:
    """Whether a tag may stand after another."""
    if target == "spans":
        return after[0] != "I" or before[2:] == after[2:] != ""
    if target == "words":
        return (before in "BM") == (after in "ME")
    return True
