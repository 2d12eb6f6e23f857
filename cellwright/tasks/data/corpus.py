"""A corpus from a folder or a file in any of the formats, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from cellwright.errors import DataError
from cellwright.tasks.data.conll import conll_text, read_conll
from cellwright.tasks.data.csv_cells import check_no_table
from cellwright.tasks.data.jsonl import jsonl_text, read_jsonl
from cellwright.tasks.data.labelled import checked
from cellwright.tasks.data.labels import intent_labels, slot_labels, unseen_labels
from cellwright.tasks.data.rasa import rasa_text, read_rasa
from cellwright.tasks.data.schemes import Scheme
from cellwright.tasks.data.seq_files import read_seq, seq_files
from cellwright.tasks.data.splits import split_places
from cellwright.tasks.data.text import Unit, first_line
from cellwright.tasks.data.utterance import Corpus, Utterance
from cellwright.tasks.storage.atomic import make_folder, write_file

__all__ = [
    "FORMATS",
    "SEQ_FILES",
    "Format",
    "corpus_texts",
    "read_corpus",
    "read_utterances",
    "write_corpus",
    "write_texts",
]

Format = Literal["seq", "conll", "jsonl", "rasa"]
FORMATS: tuple[Format, ...] = ("seq", "conll", "jsonl", "rasa")
REPAIR = (
    "Texts with a class each, without slots: cellwright train classify. With slots, as JSON lines: "
    '{"text": "to Rome", "spans": [{"start": 3, "end": 7, "label": "city"}], "intent": "fly"}'
)
SEQ_FILES = ("seq.in", "seq.out", "label")
SUFFIX = {"conll": "conll", "jsonl": "jsonl", "rasa": "yml"}


def read_corpus(
    path: str | Path, *, scheme: Scheme | Literal["auto"] = "auto", unit: Unit = "word"
) -> Corpus[Utterance]:
    """Read a folder with splits, or one file (which becomes `train`).

    Args:
        path: a folder holding train, valid (or dev) and test, each as a folder of seq.in, seq.out and label or as one
            file; or a single such file or folder.
        scheme: of the tags; "auto" finds it, each split by itself.
        unit: "char" cuts every token into characters.

    Raises:
        DataError: missing, empty or inconsistent, with file, line, what was expected and found, and a repair.
    """
    root = Path(path)
    if not root.exists():
        raise DataError("Expected a folder or file with utterances, found none.", file=root, repair="Check the name.")
    corpus: Corpus[Utterance] = Corpus(name=root.name)
    if root.is_file() or (root / "seq.in").exists():
        corpus.train = read_utterances(root, scheme=scheme, unit=unit)
        return corpus
    places = split_places(root, SEQ_FILES)
    if not places:
        raise DataError(
            "Expected train, valid (or dev) and test, found none of them.",
            file=root,
            repair="Name the files train.jsonl, valid.jsonl, test.jsonl (or .conll, .yml), or folders with seq.in.",
        )
    for split, place in places.items():
        setattr(corpus, split, read_utterances(place, scheme=scheme, unit=unit))
    corpus.notes += _unseen_labels(corpus)
    return corpus


def read_utterances(
    path: str | Path, *, scheme: Scheme | Literal["auto"] = "auto", unit: Unit = "word"
) -> list[Utterance]:
    """Read one file, or one folder with seq.in; the format is found from its name, else from its content."""
    place = Path(path)
    if place.is_dir():
        records = read_seq(place)
    elif place.suffix in (".yml", ".yaml"):
        records = read_rasa(place, unit)
    elif place.suffix in (".json", ".jsonl") or _looks_like_json(place):
        records = read_jsonl(place, unit)
    else:
        check_no_table(place, first_line(place), "words with their slots", REPAIR)
        records = read_conll(place)
    if not records:
        raise DataError(
            "Expected utterances, found none.", file=place, repair="The file holds only blank lines or comments."
        )
    return checked(records, scheme, unit)


def write_corpus(
    corpus: Corpus[Utterance], out: str | Path, format: Format = "seq", scheme: Scheme = "bio"
) -> list[Path]:
    """Write every split that is not empty; returns the files. Rasa's form has no tag scheme.

    Raises:
        StorageError: the folder cannot be written.
        DataError: an utterance that the format cannot hold.
    """
    return write_texts(corpus_texts(corpus, format, scheme), out)


def corpus_texts(corpus: Corpus[Utterance], format: Format = "seq", scheme: Scheme = "bio") -> dict[str, str]:
    """What `write_corpus` writes: name of a file → its text. Raises DataError, as it does."""
    files: dict[str, str] = {}
    for split, utterances in corpus.splits():
        if not utterances:
            continue
        _check_holds(format, utterances)
        if format == "seq":
            files |= {f"{split}/{name}": text for name, text in seq_files(utterances, scheme).items()}
        else:
            files[f"{split}.{SUFFIX[format]}"] = (
                rasa_text(utterances)
                if format == "rasa"
                else (conll_text if format == "conll" else jsonl_text)(utterances, scheme)
            )
    return files


def write_texts(texts: Mapping[str, str], out: str | Path) -> list[Path]:
    """Each of these files, below `out`. Raises StorageError: the folder cannot be written."""
    written = []
    for name, text in texts.items():
        file = Path(out) / name
        make_folder(file.parent)
        write_file(file, text.encode())
        written.append(file)
    return written


def _check_holds(format: Format, utterances: Sequence[Utterance]) -> None:
    """Raises DataError for an utterance that would be read back otherwise: a format of lines cannot hold a line end."""
    if format == "jsonl":
        return
    some = any(u.intent for u in utterances)
    for u in utterances:
        reason = ""
        if format in ("seq", "conll") and any(len(word.split()) != 1 for word in u.words):
            reason = "a word with white space"
        elif format == "conll" and u.words[0] == "-DOCSTART-":
            reason = "the word -DOCSTART- at its start"
        elif u.intent != " ".join(u.intent.split()):
            reason = f"the intent {u.intent!r}, with white space other than single spaces inside"
        elif format == "seq" and some and not u.intent:
            reason = "no intent, where others have one"
        elif format == "rasa" and u.text is not None and len(u.text.splitlines()) > 1:
            reason = "a line end in its text"
        if reason:
            raise DataError(
                f"Expected an utterance that {format} can hold, found {reason}: {' '.join(u.words)[:80]!r}.",
                repair="Write jsonl instead.",
            )


def _looks_like_json(path: Path) -> bool:
    return first_line(path).startswith("{")


def _unseen_labels(corpus: Corpus[Utterance]) -> list[str]:
    """One note a split and kind: labels that training never shows, so that no model can give them."""
    notes = []
    for kind, labels in (("slot", slot_labels), ("intent", intent_labels)):
        known = labels(corpus.train)
        for split, utterances in (("valid", corpus.valid), ("test", corpus.test)):
            count, shown = unseen_labels(labels(utterances), known)
            if count and corpus.train:
                notes.append(f"{count} {kind} label{'s' * (count > 1)} only in {split}, counted as errors: {shown}")
    return notes
