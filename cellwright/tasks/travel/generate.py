"""Travel utterances made from tables, the same for the same seed: what a city is, is told only by its context.

Ambiguous cities come in pairs of sentences that differ in nothing but the cue ("leave" / "arrive"), so whoever does
not see the cue is right in exactly one of the two.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, TypeVar

import numpy as np

from cellwright.errors import ConfigError
from cellwright.tasks.data.jsonl import labelled_text
from cellwright.tasks.data.schemes import to_bio
from cellwright.tasks.data.utterance import Corpus, Utterance
from cellwright.tasks.travel import frames_en, frames_zh, lexicon_en, lexicon_zh
from cellwright.tasks.travel.places import CITIES_EN, CITIES_ZH

__all__ = ["FAR", "LANGUAGES", "Case", "TravelCorpus", "generate"]

_NOWHERE = Path("generated")
LANGUAGES = ("en", "zh")
FAR = 10  # words between cue and city from which the cue counts as far away
MAX_DISTANCE = 30
ROLES = ("departure", "destination")
CITY_SLOTS = {"city", "departure", "destination", "stopover", "place"}

# Of 100 frames and of 100 cities: kept for validation alone, kept for test alone; the rest is for all splits.
HELD_OUT = {"frames": (10, 25), "cities": (10, 35)}
# Share of a held-out split's draws that come from what is kept for it.
KEPT_DRAWS = 0.3
# Share of English sentences without any capital: more in training, as a new city shows least of itself there.
LOWER = {"train": 0.3, "valid": 0.1, "test": 0.1}


Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Case:
    """One ambiguous city of a split.

    Attributes:
        utterance: index in the split.
        word: index of the city's first word.
        cue: side on which the deciding words stand.
        distance: words from the cue's nearest word to the city's nearest word; 1 is next to it.
        seen_frame, seen_city: whether training has the sentence frame, the city.
    """

    utterance: int
    word: int
    cue: Literal["left", "right"]
    distance: int
    seen_frame: bool
    seen_city: bool

    @property
    def far(self) -> bool:
        return self.distance >= FAR


@dataclass
class TravelCorpus(Corpus[Utterance]):
    """A corpus that also knows, split by split, which cities only the context decides."""

    cases: dict[str, list[Case]] = field(default_factory=dict)


def generate(
    language: str = "en", seed: int = 0, train: int = 6000, valid: int = 1000, test: int = 8000
) -> TravelCorpus:
    """Utterances with 18 slots and 9 intents; `train`, `valid`, `test` are numbers of utterances.

    Half of them are pairs with an ambiguous city, cue left or right of it, 1 to 30 words away. Some frames and cities
    are kept for valid, others for test.

    Raises ConfigError: another language than "en" and "zh".
    """
    if language not in LANGUAGES:
        raise ConfigError(f"Expected a language {' or '.join(LANGUAGES)}, found {language!r}.")
    writer = _Writer(language, _stream(seed, language, 0))
    corpus = TravelCorpus(name=f"travel-{language}")
    for number, (split, size) in enumerate((("train", train), ("valid", valid), ("test", test)), start=1):
        writer.rng = _stream(seed, language, number)  # so that the size of one split changes no other
        utterances, cases = writer.split(split, size)
        setattr(corpus, split, utterances)
        corpus.cases[split] = cases
    return corpus


@dataclass(frozen=True, slots=True)
class _Frame:
    intent: str
    text: str
    cue: Literal["left", "right", ""] = ""


@dataclass(slots=True)
class _Part:
    """A piece of a sentence; `slot` names what it is, `cue` marks the words that decide."""

    text: str
    slot: str = ""
    cue: bool = False


class _Writer:
    def __init__(self, language: str, rng: np.random.Generator) -> None:
        self.rng = rng
        self.language = language
        frames: ModuleType = {"en": frames_en, "zh": frames_zh}[language]
        self.words: ModuleType = {"en": lexicon_en, "zh": lexicon_zh}[language]
        cities = {"en": CITIES_EN, "zh": CITIES_ZH}[language]
        self.cities = self._parted(cities, HELD_OUT["cities"])
        self.frames = {
            kind: self._parted(rows, HELD_OUT["frames"])
            for kind, rows in _distinct(
                ("left", _rows(frames.CUE_LEFT, "left")),
                ("right", _rows(frames.CUE_RIGHT, "right")),
                ("ordinary", _rows(frames.ORDINARY)),
                ("left composed", _composed(frames.LEADS, frames.CLAUSES_LEFT, "left", language)),
                ("right composed", _composed(frames.LEADS, frames.CLAUSES_RIGHT, "right", language)),
                ("both ends", _both_ends(frames.BOTH_ENDS, language)),
            ).items()
        }

    def split(self, split: str, size: int) -> tuple[list[Utterance], list[Case]]:
        """`size` utterances in random order, and the cases among them."""
        made: list[tuple[Utterance, Case | None]] = []
        while len(made) < size // 2 // 2 * 2:  # whole pairs
            made += self._pair(split, "left" if len(made) % 4 == 0 else "right")
        while len(made) < size:
            kind = "both ends" if self.rng.random() < 0.2 else "ordinary"
            made.append((self._ordinary(split, kind), None))
        utterances, cases = [], []
        for k, old in enumerate(self.rng.permutation(size)):
            utterance, case = made[old]
            utterances.append(utterance)
            if case is not None:
                cases.append(Case(k, case.word, case.cue, case.distance, case.seen_frame, case.seen_city))
        return utterances, cases

    def _parted(self, rows: Sequence[Row], shares: tuple[int, int]) -> dict[str, list[Row]]:
        """{"train": for all, "valid": for validation alone, "test": for test alone}, by a random order."""
        order = [rows[i] for i in self.rng.permutation(len(rows))]
        valid = max(1, len(rows) * shares[0] // 100)
        test = valid + max(1, len(rows) * shares[1] // 100)
        return {"valid": order[:valid], "test": order[valid:test], "train": order[test:]}

    def _draw(self, parted: dict[str, list[Row]], split: str) -> tuple[Row, bool]:
        """(row, whether training has it)."""
        kept = split != "train" and self.rng.random() < KEPT_DRAWS
        rows = parted[split if kept else "train"]
        return rows[int(self.rng.integers(len(rows)))], not kept

    def _choice(self, rows: Sequence[str]) -> str:
        return rows[int(self.rng.integers(len(rows)))]

    def _ordinary(self, split: str, kind: str) -> Utterance:
        frame, _ = self._draw(self.frames[kind], split)
        parts = self._parts(frame, split, {}, fillers=1)
        return self._utterance(self._dressed(parts, split), frame.intent)[0]

    def _pair(self, split: str, side: Literal["left", "right"]) -> list[tuple[Utterance, Case | None]]:
        """The same sentence twice, once with each wording of the cue."""
        while True:
            kind = side if self.rng.random() < 0.6 else f"{side} composed"
            frame, seen_frame = self._draw(self.frames[kind], split)
            city, seen_city = self._draw(self.cities, split)
            parts = self._dressed(self._parts(frame, split, {"city": city}, fillers=self._fillers()), split)
            pair = []
            for role, name in enumerate(ROLES):
                own = [
                    _Part(part.text.split("|")[role], cue=True)
                    if part.cue
                    else _Part(part.text, name if part.slot == "city" else part.slot)
                    for part in parts
                ]
                utterance, word, distance = self._utterance(own, frame.intent, name)
                pair.append((utterance, Case(0, word, side, distance, seen_frame, seen_city)))
            if all(case.distance <= MAX_DISTANCE for _, case in pair):
                return list(pair)

    def _fillers(self) -> int:
        """How many fillers stand between cue and city: often none, sometimes many."""
        return int(self.rng.choice([0, 1, 2, 3, 5], p=[0.4, 0.25, 0.15, 0.1, 0.1]))

    def _parts(self, frame: _Frame, split: str, given: dict[str, str], fillers: int) -> list[_Part]:
        """The frame with everything drawn; a cue holds both wordings, parted by |."""
        parts: list[_Part] = []
        used: set[str] = set(re.findall(r"{(\w+)}", frame.text))
        labels = {self.words.VALUES[name][0] for name in used if name in self.words.VALUES}
        cities = set(given.values())
        for piece in re.findall(r"{\w+}|<\w+>|~|\*|[^{<~*]+", frame.text):
            if piece[0] == "<":
                pairs = self.words.CUES[piece[1:-1]]
                parts.append(_Part("|".join(pairs[self.rng.integers(len(pairs))]), cue=True))
            elif piece == "~":
                for _ in range(fillers):
                    parts += self._optional(self._choice(self.words.FILLERS), labels)
            elif piece == "*":
                for _ in range(int(self.rng.choice([0, 1, 2, 3], p=[0.4, 0.35, 0.17, 0.08]))):
                    parts += self._optional(self._choice(self.words.MODIFIERS), labels)
            elif piece[0] == "{" and piece[1:-1] in CITY_SLOTS:
                name = piece[1:-1]
                city = given.get(name) or self._new_city(split, cities)
                cities.add(city)
                parts.append(_Part(city, name))
            elif piece[0] == "{":
                parts.append(self._value(piece[1:-1]))
            else:
                parts.append(_Part(piece))
        return parts

    def _optional(self, text: str, labels: set[str]) -> list[_Part]:
        """A modifier or filler, unless its slots are taken already."""
        own = {self.words.VALUES[name][0] for name in re.findall(r"{(\w+)}", text)}
        if own & labels:
            return []
        labels |= own
        pieces = re.findall(r"{\w+}|[^{]+", text)
        return [self._value(piece[1:-1]) if piece[0] == "{" else _Part(piece) for piece in pieces]

    def _value(self, name: str) -> _Part:
        label, values = self.words.VALUES[name]
        return _Part(self._choice(values), label)

    def _new_city(self, split: str, cities: set[str]) -> str:
        while True:
            city, _ = self._draw(self.cities, split)
            if city not in cities:
                return city

    def _dressed(self, parts: list[_Part], split: str) -> list[_Part]:
        """With a greeting before and thanks after; in English also in the ways people use capitals."""
        prefix, suffix = self._choice(self.words.PREFIXES), self._choice(self.words.SUFFIXES)
        if parts[-1].text.strip().endswith("?"):
            suffix = ""
        if any(word in prefix and parts[0].text.startswith(word) for word in ("please", "请")):
            prefix = ""
        parts = [_Part(prefix), *parts, _Part(suffix)]
        parts = [part for part in parts if part.text.strip()]
        if self.language == "zh":
            return parts
        style = self.rng.random()
        if style < LOWER[split]:
            return [_Part(part.text.lower(), part.slot, part.cue) for part in parts]
        if style < LOWER[split] + 0.5:
            return [_Part(re.sub(r"\bi\b", "I", part.text), part.slot, part.cue) for part in parts]
        return parts

    def _utterance(self, parts: list[_Part], intent: str, role: str = "") -> tuple[Utterance, int, int]:
        """The utterance, the first word of the city with this role, and the distance between it and the cue."""
        text, found = "", []
        cue, city = (0, 0), (0, 0)
        for part in parts:
            piece = part.text.strip()
            if text and self.language == "en" and piece[0] not in ",.?:":
                text += " "
            span = (len(text), len(text) + len(piece))
            text += re.sub(r" ([,.?:])", r"\1", piece) if not part.slot else piece
            span = (span[0], len(text))
            if part.slot:
                found.append((*span, part.slot))
            cue = span if part.cue else cue
            city = span if part.slot == role and not city[1] else city
        record = labelled_text(text, found, intent, _NOWHERE, 0, "word")
        offsets = record.offsets or []
        inside = {
            name: [k for k, (a, b) in enumerate(offsets) if start <= a and b <= end]
            for name, (start, end) in (("cue", cue), ("city", city))
        }
        utterance = Utterance(
            tuple(record.words), tuple(to_bio(record.tags, "bio")), intent, text=text, spans=tuple(offsets)
        )
        if not inside["cue"] or not inside["city"]:
            return utterance, 0, 0
        distance = min(abs(a - b) for a in inside["cue"] for b in inside["city"])
        return utterance, inside["city"][0], distance


def _stream(seed: int, language: str, number: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(LANGUAGES.index(language), number)))


def _rows(table: dict[str, str], cue: Literal["left", "right", ""] = "") -> list[_Frame]:
    return [
        _Frame(intent, line.strip(), cue)
        for intent, lines in table.items()
        for line in lines.splitlines()
        if line.strip()
    ]


def _composed(leads: dict[str, str], clauses: str, cue: Literal["left", "right"], language: str) -> list[_Frame]:
    space = " " if language == "en" else ""
    return [
        _Frame(row.intent, row.text + space + clause.strip(), cue)
        for row in _rows(leads)
        for clause in clauses.strip().splitlines()
    ]


def _distinct(*kinds: tuple[str, list[_Frame]]) -> dict[str, list[_Frame]]:
    """Without frames that an earlier kind has, so that what is kept from training in one kind is in no other."""
    known: set[str] = set()
    kept: dict[str, list[_Frame]] = {}
    for kind, rows in kinds:
        kept[kind] = []
        for row in rows:
            bare = re.sub(r"[ ?*]+$", "", row.text)
            if bare not in known:
                known.add(bare)
                kept[kind].append(row)
    return kept


def _both_ends(table: dict[str, Any], language: str) -> list[_Frame]:
    """Sentences whose first and last words together are the intent: book … the flight, cancel … the flight."""
    space = " " if language == "en" else ""
    return [
        _Frame(intent, space.join((opening, middle, ending)))
        for ending, intents in table["endings"].items()
        for verb, intent in intents.items()
        for opening in table["openings"]
        if verb in opening
        for middle in table["middles"]
    ]
