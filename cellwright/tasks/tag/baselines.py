"""What needs no network: the tag a word has most often, the most frequent tag, and the longest word of a dictionary."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from cellwright.errors import StorageError
from cellwright.tasks.data.utterance import Utterance
from cellwright.tasks.storage.atomic import REPAIR
from cellwright.tasks.tag.config import Target
from cellwright.tasks.tag.segments import as_read, from_words, to_spans
from cellwright.tasks.text.tag_table import TagTable

__all__ = ["Baselines"]

FILE = "baselines.json"


class Baselines:
    """Learnt from the training split, saved with the model, printed beside it.

    Args:
        table: of words (of characters, where words are to be found).
        dictionary: the words of training, where words are to be found; as the network reads them.
    """

    def __init__(self, table: TagTable, dictionary: Iterable[str] = ()) -> None:
        self.table, self.dictionary = table, frozenset(dictionary)
        self.longest = max(map(len, self.dictionary), default=1)

    @classmethod
    def learn(cls, sentences: Sequence[Utterance], target: Target) -> Baselines:
        table = TagTable.learn((u.words, u.slots) for u in sentences)
        if target != "words":
            return cls(table)
        words = {_read(u.words[a:b]) for u in sentences for a, b, _ in to_spans(u.slots)}
        return cls(table, words)

    def lines(self, sentences: Sequence[Utterance]) -> dict[str, list[list[str]]]:
        """Name of each baseline and its tags of each sentence."""
        texts = [u.words for u in sentences]
        found = {"most frequent tag of each word": [self.table.answer(words) for words in texts]}
        if self.dictionary:
            found = {
                "longest word of training's": [self._longest(words) for words in texts],
                "most frequent tag of each character": found["most frequent tag of each word"],
            }
        return found | {"majority": [[self.table.usual] * len(words) for words in texts]}

    def knows(self, word: Sequence[str]) -> bool:
        """Whether training had the word: its characters, where words are to be found; else a list of one word."""
        return _read(word) in self.dictionary if self.dictionary else word[0].lower() in self.table.tags

    def _longest(self, characters: Sequence[str]) -> list[str]:
        """From left to right the longest word of the dictionary, else one character."""
        read, words, begin = _read(characters), [], 0
        while begin < len(read):
            sizes = range(min(self.longest, len(read) - begin), 0, -1)
            size = next((n for n in sizes if read[begin : begin + n] in self.dictionary), 1)
            words.append(read[begin : begin + size])
            begin += size
        return from_words(words)[1]

    def to_file(self) -> bytes:
        table = {"tags": dict(self.table.tags), "rare": self.table.rare, "usual": self.table.usual}
        return json.dumps(table | {"dictionary": sorted(self.dictionary)}, ensure_ascii=False).encode()

    @classmethod
    def from_files(cls, files: Mapping[str, bytes], place: Path) -> Baselines:
        """Raises StorageError: the files hold no such baselines."""
        try:
            data = json.loads(files[FILE])
            tags = {str(word): str(tag) for word, tag in data["tags"].items()}
            return cls(TagTable(tags, str(data["rare"]), str(data["usual"])), map(str, data["dictionary"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StorageError(
                f"Expected the baselines of a model, found: {error!r}.", file=place, repair=REPAIR
            ) from None


def _read(characters: Sequence[str]) -> str:
    return "".join(map(as_read, characters))
