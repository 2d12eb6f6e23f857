"""Sentences in which one word has a right and a wrong form, such as is and are: Linzen's test of agreement.

`NAME.text` holds a sentence a line, words parted by spaces; `NAME.gold` for each of them the word's place (from 0), the
right form, the wrong form, and how many attractors stand before it: nouns of the other number after the subject.

Source: Linzen, Dupoux & Goldberg 2016, doi:10.1162/tacl_a_00115; files as in Gulordava et al. 2018, arXiv:1803.11138.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cellwright.errors import DataError
from cellwright.tasks.data.text import read_lines

__all__ = ["VerbForms", "gold_file", "read_verb_forms"]

COLUMNS = "place (from 0), right form, wrong form, attractors, parted by tabs"


@dataclass(frozen=True, slots=True)
class VerbForms:
    """What stands before a word, and its two forms.

    Attributes:
        place: where it was read, "x.gold:17".
    """

    words: tuple[str, ...]
    right: str
    wrong: str
    attractors: int
    place: str

    @property
    def number(self) -> str | None:
        """Whether the right form is "singular" or "plural"; None where the forms do not tell.

        The singular form ends in s, and is the longer one where both do (passes, pass).
        """
        one, other = ((form.endswith("s"), len(form)) for form in (self.right, self.wrong))
        if one == other or not (one[0] or other[0]):
            return None
        return "singular" if one > other else "plural"


def gold_file(path: str | Path) -> Path | None:
    """The file with forms that `path` is, or that its folder holds alone; None where there is none.

    Raises DataError: several in the folder.
    """
    root = Path(path)
    if root.is_file():
        return root if root.suffix == ".gold" else None
    found = sorted(root.glob("*.gold"))
    if len(found) > 1:
        raise DataError(
            f"Expected one .gold file, found {', '.join(file.name for file in found)}.",
            file=root,
            repair=f"Name the file: --data {found[0]}",
        )
    return found[0] if found else None


def read_verb_forms(gold: Path) -> tuple[list[VerbForms], int]:
    """The sentences of a .gold file and the .text file beside it, and how many were left out for having one form twice.

    Raises DataError: a missing or empty file, another number of lines, a line that is not as above.
    """
    text = gold.with_suffix(".text")
    rows = [(number, line) for number, line in enumerate(read_lines(gold), start=1) if line.strip()]
    sentences = [line for line in read_lines(text) if line.strip()]
    if len(rows) != len(sentences):
        raise DataError(
            f"Expected a sentence for each of the {len(rows):,} lines of {gold.name}, found {len(sentences):,}.",
            file=text,
            repair="The two files go line by line.",
        )
    pairs = zip(rows, sentences, strict=True)
    read = [_read(row, words.split(), gold, line) for (line, row), words in pairs]
    kept = [forms for forms in read if forms.right != forms.wrong]
    if not kept:
        raise DataError("Expected two forms a line, found the same one twice.", file=gold, repair=f"A line: {COLUMNS}.")
    return kept, len(read) - len(kept)


def _read(row: str, words: list[str], gold: Path, line: int) -> VerbForms:
    columns = row.split("\t")
    if len(columns) != 4 or not columns[0].isdecimal() or not columns[3].strip().isdecimal():
        raise DataError(f"Expected {COLUMNS}; found {row!r}.", file=gold, line=line, repair="As in: 11\tis\tare\t2")
    place, (right, wrong) = int(columns[0]), columns[1:3]
    if not 0 < place < len(words) or words[place].lower() != right.lower():
        found = f"{words[place]!r}" if place < len(words) else f"{len(words)} words"
        raise DataError(
            f"Expected {right!r} after the first {place} words of the sentence, found {found}.",
            file=gold,
            line=line,
            repair="Places count from 0, and something stands before the word.",
        )
    if words[place] != right:  # the text was made lower case, its gold was not
        right, wrong = words[place], wrong.lower()
    return VerbForms(tuple(words[:place]), right, wrong, int(columns[3]), f"{gold.name}:{line}")
