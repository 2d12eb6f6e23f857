"""Words, their pairs, and classes as numbers, learnt from the training split."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from tokenizers import Tokenizer

from cellwright.errors import StorageError
from cellwright.tasks.classify.config import ClassifyModel
from cellwright.tasks.classify.examples import Example
from cellwright.tasks.networks import pairs as pair_features
from cellwright.tasks.storage.atomic import REPAIR
from cellwright.tasks.text.vocabulary import TextVocabulary
from cellwright.tasks.text.words import WordCounts, WordTable, check_rows

__all__ = ["Vocabulary"]

WORDS, NAMES = "words.json", "vocabulary.json"


class Vocabulary(WordTable):
    """Everything a classifier knows by name.

    Attributes:
        classes: by row, sorted.
        pairs: of neighbouring words; None where the network has no use for them.
    """

    def __init__(
        self, words: Tokenizer, characters: Sequence[str], classes: Sequence[str], pairs: TextVocabulary | None
    ) -> None:
        super().__init__(words, characters)
        self.classes, self.pairs = list(classes), pairs
        self.class_rows = {name: row for row, name in enumerate(self.classes)}

    @classmethod
    def learn(cls, examples: Iterable[Example], config: ClassifyModel) -> Vocabulary:
        """Of the training split; one pass over it, one more for pairs."""
        classes: set[str] = set()

        def texts() -> Iterator[Sequence[str]]:
            for example in examples:
                classes.add(example.label)
                yield example.words

        counted = WordCounts.of(texts())
        pairs = None
        if config.pair_dim and not config.layers:
            pairs = pair_features.learn_pairs((example.words for example in examples), config.pair_count)
        vocabulary = cls(*cls.rows_of(counted, config.min_count), sorted(classes), pairs)
        vocabulary.keep_counts(counted)
        return vocabulary

    def to_files(self) -> dict[str, bytes]:
        """The files of a model's folder."""
        names = {"characters": self.characters, "classes": self.classes}
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
            characters, classes = names["characters"], names["classes"]
            if not all(isinstance(f, list) and all(isinstance(name, str) for name in f) for f in (characters, classes)):
                raise ValueError("lists of names expected")
            if len({*classes}) < max(2, len(classes)):
                raise ValueError("two or more different classes expected")
            words = Tokenizer.from_str(files[WORDS].decode())
            check_rows(words)
        except Exception as error:  # tokenizers raises nothing more special
            raise StorageError(
                f"Expected the vocabulary of a model, found: {error}.", file=place, repair=REPAIR
            ) from None
        stored = files.get(pair_features.FILE)
        return cls(words, characters, classes, None if stored is None else TextVocabulary.from_file(stored, place))
