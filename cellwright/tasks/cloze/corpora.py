"""The sentences that `data.path` names: embedded ones, or lines of the user's.

A sentence is what the network reads and what it is asked: they differ where a word has senses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cellwright.errors import DataError
from cellwright.tasks.cloze.config import ClozeData
from cellwright.tasks.data.splits import check_path
from cellwright.tasks.data.utterance import Corpus
from cellwright.tasks.sentences.facts import LANGUAGES
from cellwright.tasks.sentences.generate import generate
from cellwright.tasks.sentences.senses import generate_senses
from cellwright.tasks.set_files import SetFiles, lines_text
from cellwright.tasks.text.plain import Text, read_text

__all__ = ["EMBEDDED", "Example", "embedded_files", "open_corpus", "surface"]

KINDS = ("cues", "senses")
EMBEDDED = {
    name: (kind, languages)
    for kind in KINDS
    for name, languages in [(kind, LANGUAGES), *((f"{kind}-{language}", (language,)) for language in LANGUAGES)]
}


@dataclass(frozen=True, slots=True)
class Example:
    """A sentence.

    Attributes:
        words: as read.
        answers: what each place is asked for; word/sense where the word has senses.
        place: of generated sentences, the word that another one decides; −1 for none.
        choices: how many could stand there for who does not see that other one.
    """

    words: tuple[str, ...]
    answers: tuple[str, ...]
    place: int = -1
    choices: int = 0

    @property
    def decided(self) -> set[int]:
        """Places that something else in the sentence decides: of words with senses, and `place`."""
        senses = {place for place, answer in enumerate(self.answers) if answer != self.words[place]}
        return senses | ({self.place} if self.place >= 0 else set())


def surface(answer: str) -> str:
    """apple/fruit as it is read: apple."""
    word, slash, sense = answer.partition("/")
    return word if word and slash and sense else answer


def open_corpus(data: ClozeData) -> Corpus[Example]:
    """Read or generate the sentences.

    Raises DataError: nothing of that name, or files that cannot be read.
    """
    if data.unit == "char":
        raise DataError("Expected words, found data.unit = char.", repair="--set data.unit=word")
    if data.path in EMBEDDED:
        return _embedded(data)
    text = read_text(check_path(data.path, EMBEDDED, "text"), data)
    train, valid, test = (_examples(part, data) for part in (text.train, text.valid, text.test))
    return Corpus(text.name, train, valid, test, text.notes)


def embedded_files(data: ClozeData) -> SetFiles:
    """An embedded set, a line a sentence; words with senses are written word/sense."""
    senses = EMBEDDED[data.path][0] == "senses"
    splits = dict(_embedded(data).splits())
    return SetFiles(
        {f"{split}.txt": lines_text(" ".join(one.answers) for one in found) for split, found in splits.items()},
        {split: len(found) for split, found in splits.items()},
        "sentences",
        settings=["data.senses=true"] if senses else [],
        notes=[] if senses else ["the files do not say which word another one decides, so evaluate has no table of it"],
    )


def _embedded(data: ClozeData) -> Corpus[Example]:
    kind, languages = EMBEDDED[data.path]

    def split(name: str) -> list[Example]:
        size = data.size if name == "train" else 0
        sentences = (
            generate(languages, data.seed, name, size, decided="subject")
            if kind == "cues"
            else generate_senses(languages, data.seed, name, size)
        )
        return [_example(s.words, kind == "senses", s.place, s.choices) for s in sentences]

    return Corpus(data.path, split("train"), split("valid"), split("test"))


def _examples(text: Text, data: ClozeData) -> list[Example]:
    return [
        _example(words[start : start + data.longest], data.senses)
        for words in text.tokens()
        for start in range(0, len(words), data.longest)
    ]


def _example(answers: Sequence[str], senses: bool, place: int = -1, choices: int = 0) -> Example:
    words = tuple(map(surface, answers)) if senses else tuple(answers)
    return Example(words, tuple(answers), place, choices)
