"""Words, characters, affixes, tags and intents as numbers, learnt from the training split."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from cellwright.errors import StorageError
from cellwright.tasks.data.utterance import Utterance
from cellwright.tasks.text.words import WordCounts, WordTable, check_rows

__all__ = ["Vocabulary"]

TAG = re.compile(r"O|[BI]-.+", re.DOTALL)


class Vocabulary(WordTable):
    """Everything a model knows by name.

    Attributes:
        tags: slot tags by row; "O" is row 0, and every label has its B- and I-.
        intents: intents by row; [""] where the data has none.
    """

    def __init__(
        self, words: Tokenizer, characters: Sequence[str], tags: Sequence[str], intents: Sequence[str]
    ) -> None:
        super().__init__(words, characters)
        self.tags, self.intents = list(tags), list(intents)
        self.tag_rows = {tag: k for k, tag in enumerate(self.tags)}
        self.intent_rows = {intent: k for k, intent in enumerate(self.intents)}

    @classmethod
    def learn(cls, utterances: Iterable[Utterance], min_count: int = 1) -> Vocabulary:
        """Of the training split, gone through once; rows by falling frequency, ties in order of first use."""
        counted = WordCounts(Counter(), Counter())
        labels: set[str] = set()
        intents: set[str] = set()
        for u in utterances:
            counted.add(u.words)
            labels.update(tag[2:] for tag in u.slots if tag != "O")
            intents.add(u.intent)
        vocabulary = cls(
            *cls.rows_of(counted, min_count),
            tags=["O", *(f"{prefix}-{label}" for label in sorted(labels) for prefix in "BI")],
            intents=sorted(intents),
        )
        vocabulary.keep_counts(counted)
        return vocabulary

    @property
    def has_intents(self) -> bool:
        return len(self.intents) > 1

    def allowed_pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """(K, K) and (K,) bool: I-x follows only B-x or I-x, and begins nothing."""
        follows = np.array([[b[0] != "I" or a[2:] == b[2:] != "" for b in self.tags] for a in self.tags])
        return follows, np.array([tag[0] != "I" for tag in self.tags])

    def to_files(self) -> dict[str, bytes]:
        """The files of a model's folder."""
        names = {"characters": self.characters, "tags": self.tags, "intents": self.intents}
        return {
            "words.json": self.words.to_str(pretty=False).encode(),
            "vocabulary.json": json.dumps(names, ensure_ascii=False).encode(),
        }

    @classmethod
    def from_files(cls, files: Mapping[str, bytes], place: object) -> Vocabulary:
        """Raises StorageError: the files hold no vocabulary."""
        try:
            names: dict[str, Any] = json.loads(files["vocabulary.json"])
            lists = [names[key] for key in ("characters", "tags", "intents")]
            if not all(isinstance(names, list) and all(isinstance(name, str) for name in names) for names in lists):
                raise ValueError("lists of names expected")
            if not lists[2] or len({*lists[1]}) < len(lists[1]) or not all(TAG.fullmatch(tag) for tag in lists[1]):
                raise ValueError("tags O, B-label, I-label and at least one intent expected")
            words = Tokenizer.from_str(files["words.json"].decode())
            check_rows(words)
            if lists[1][:1] != ["O"]:
                raise ValueError("O does not have its row")
        except Exception as error:  # tokenizers raises nothing more special
            raise StorageError(
                f"Expected the vocabulary of a model, found: {error}.",
                file=str(place),
                repair="Copy the model's folder again from its origin, or train it again.",
            ) from None
        return cls(words, *lists)
