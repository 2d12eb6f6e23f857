"""A trained translator as a user meets it: a text in, its translations out, best first."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from cellwright.errors import StorageError
from cellwright.tasks.answer import Ranked, json_line
from cellwright.tasks.data.text import Unit
from cellwright.tasks.storage.atomic import REPAIR
from cellwright.tasks.storage.model_folder import StoredModel, read_model
from cellwright.tasks.text_model import TextModel
from cellwright.tasks.translate.config import TranslateData, TranslateModel
from cellwright.tasks.translate.decode import Candidate, translations
from cellwright.tasks.translate.model import TranslateNetwork
from cellwright.tasks.translate.pairs import cut, joined
from cellwright.tasks.translate.vocabularies import Vocabularies

__all__ = ["Translation", "Translator"]

LONGEST = 10_000
UNIT: TypeAdapter[Unit] = TypeAdapter(Unit)
UNITS = ("source_unit", "target_unit")


@dataclass(frozen=True, slots=True)
class Translation:
    """What a text becomes.

    Attributes:
        text: the input; words joined, if words were given.
        tokens: as the model read it.
        answer: the best translation.
        candidates: all that the beam kept, best first; the probability is that of exactly this text.
        unknown: tokens of the input that training never had.
        finished: False where the translation was cut because it did not end.
    """

    text: str
    tokens: tuple[str, ...]
    answer: str
    candidates: tuple[Ranked, ...]
    unknown: tuple[str, ...]
    finished: bool

    def to_json(self) -> str:
        """One line."""
        return json_line(asdict(self))

    def __str__(self) -> str:
        return self.answer


class Translator(TextModel[Translation]):
    """A trained network. Make it with `cellwright.load`.

    >>> translator = cellwright.load("runs/dates")
    >>> translator.predict("the 5th of March 2021").answer
    '2021-03-05'
    """

    task = "translate"

    def __init__(self, stored: StoredModel) -> None:
        self.cell, self.metrics, self.data = stored.cell, stored.metrics, stored.data
        self.vocabularies = Vocabularies.from_files(stored.folder)
        settings = stored.section(TranslateModel)
        try:
            self.settings = TranslateData.model_validate(self.data)
            self.longest = int(stored.info["longest"])
            self.source_unit, self.target_unit = (UNIT.validate_python(stored.info[key]) for key in UNITS)
            if not 1 <= self.longest <= 2 * LONGEST:
                raise ValueError(f"a longest translation of {self.longest} tokens")
        except (KeyError, TypeError, ValueError, ValidationError) as error:
            raise StorageError(
                f"Expected a translator's model, found: {error}.", file=stored.place, repair=REPAIR
            ) from None
        rows = len(self.vocabularies.source), len(self.vocabularies.target)
        self.network = stored.network(lambda: TranslateNetwork(settings, *rows, stored.cell))

    @classmethod
    def load(cls, folder: str | Path) -> Translator:
        """Raises StorageError."""
        return cls(read_model(folder, "translate"))

    def deciding(self, settings: TranslateData) -> Translator:
        """The same network, with another beam or ranking."""
        other = copy.copy(self)
        other.settings = settings
        return other

    def greedy(self) -> Translator:
        """The same network, taking the likeliest token at each step."""
        return self.deciding(self.settings.model_copy(update={"beam": 1}))

    def answers(self, texts: Sequence[str | Sequence[str]]) -> list[Translation]:
        sources = [cut(text, self.source_unit) for text in texts]
        found = self.candidates(sources, self.settings.beam)
        return [self._answer(*one) for one in zip(texts, sources, found, strict=True)]

    def candidates(self, sources: Sequence[Sequence[str]], beam: int) -> list[list[Candidate]]:
        """Translations of sources that are cut into tokens already."""
        return translations(
            self.network, self.vocabularies, sources,
            beam=beam, longest=self.longest, length_power=self.settings.length_power,
        )  # fmt: skip

    def _answer(self, given: str | Sequence[str], tokens: Sequence[str], found: Sequence[Candidate]) -> Translation:
        shown = tuple(Ranked(joined(c.tokens, self.target_unit), math.exp(c.log_probability)) for c in found)
        return Translation(
            text=given if isinstance(given, str) else " ".join(given),
            tokens=tuple(tokens),
            answer=shown[0].text,
            candidates=shown,
            unknown=self.vocabularies.unknown(tokens),
            finished=found[0].finished,
        )

    def __repr__(self) -> str:
        cell = "PerToken" if self.cell is None else self.cell.name
        return f"Translator({cell}, {self.settings.direction or self.settings.path or 'source-target'})"
