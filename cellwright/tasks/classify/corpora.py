"""The corpus that `data.path` names: an embedded set, or the user's folder or file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from cellwright.errors import DataError
from cellwright.tasks.classify.config import ClassifyData
from cellwright.tasks.classify.examples import Example
from cellwright.tasks.classify.formats import Columns, Row, read_rows
from cellwright.tasks.classify.generated.questions import english_questions
from cellwright.tasks.classify.generated.reviews import chinese_reviews, english_reviews
from cellwright.tasks.classify.streamed import stream_examples
from cellwright.tasks.data.given_text import given_text
from cellwright.tasks.data.hash_split import split_by_hash
from cellwright.tasks.data.labels import unseen_labels
from cellwright.tasks.data.splits import check_path, split_places
from cellwright.tasks.data.streamed_data import stream_note
from cellwright.tasks.data.text import Unit
from cellwright.tasks.data.utterance import Corpus
from cellwright.tasks.set_files import SetFiles, lines_text

__all__ = ["EMBEDDED", "embedded_files", "hash_split", "made_example", "open_corpus"]

EMBEDDED: dict[str, Callable[[int, int], dict[str, list[tuple[str, str]]]]] = {  # (seed, training texts) -> splits
    "reviews-en": english_reviews,
    "reviews-zh": chinese_reviews,
    "questions-en": english_questions,
}


def open_corpus(data: ClassifyData) -> Corpus[Example]:
    """Read or generate the corpus; `data.size` cuts its training split.

    Raises DataError: nothing of that name (names the nearest embedded set), or a file that cannot be read as it must.
    """
    corpus: Corpus[Example]
    if data.path in EMBEDDED:
        corpus = Corpus(data.path)
        for split, pairs in EMBEDDED[data.path](data.seed, data.size).items():
            setattr(corpus, split, [made_example(text, label, data.unit, data.reverse) for text, label in pairs])
        return corpus
    root = check_path(data.path, EMBEDDED)
    corpus = Corpus(root.name)
    if root.is_file():
        rows = _rows(root, data, corpus.notes)
        splits = hash_split(rows) if data.hash_split else {"train": rows}
        places = dict.fromkeys(splits, root)
    else:
        places = split_places(root)
        streamed = places.pop("train", None) if data.stream else None
        splits = {split: _rows(place, data, corpus.notes) for split, place in places.items()}
        if streamed is not None:
            return _streamed(corpus, streamed, splits, places, data)
    if not splits:
        raise DataError(
            "Expected train, valid (or dev) and test, found none of them.",
            file=root,
            repair="Name the files train.tsv, dev.tsv, test.tsv (or .csv, .jsonl), or give one file.",
        )
    for split, rows in splits.items():
        setattr(corpus, split, [_example(row, places[split], data) for row in rows])
    if data.size:
        corpus.train = corpus.train[: data.size]
    corpus.notes += _notes(corpus)
    return corpus


def embedded_files(data: ClassifyData) -> SetFiles:
    """An embedded set as TSV, a file a split."""
    splits = EMBEDDED[data.path](data.seed, data.size)
    texts = {
        f"{split}.tsv": lines_text(["text\tlabel", *(f"{text}\t{label}" for text, label in pairs)])
        for split, pairs in splits.items()
    }
    return SetFiles(texts, {split: len(pairs) for split, pairs in splits.items()}, "texts")


def _streamed(
    corpus: Corpus[Example], train: Path, splits: dict[str, list[Row]], places: dict[str, Path], data: ClassifyData
) -> Corpus[Example]:
    """Valid and test in memory, train on the disk."""
    for split, rows in splits.items():
        setattr(corpus, split, [_example(row, places[split], data) for row in rows])
    corpus.train = stream_examples(train, data)
    corpus.notes.append(stream_note(corpus.train))
    return corpus


def hash_split(rows: list[Row]) -> dict[str, list[Row]]:
    """Train, valid and test by the text alone, as `split_by_hash` says."""
    splits: dict[str, list[Row]] = {"train": [], "valid": [], "test": []}
    for row in rows:
        splits[split_by_hash(row.text)].append(row)
    return {split: found for split, found in splits.items() if found}


def made_example(text: str, label: str, unit: Unit, reverse: bool = False, place: str = "") -> Example:
    """The example of a text. Raises DataError: no word in it, or more than 10,000."""
    words = given_text(text, unit).words
    return Example(words[::-1] if reverse else words, label, text, place)


def _rows(place: Path, data: ClassifyData, notes: list[str]) -> list[Row]:
    return read_rows(place, Columns(data.text_column, data.label_column), data.encoding, notes)


def _example(row: Row, path: Path, data: ClassifyData) -> Example:
    try:
        return made_example(row.text, row.label, data.unit, data.reverse, f"{path}:{row.line}")
    except DataError as error:
        raise DataError(error.message, file=path, line=row.line, source=row.text[:200], repair=error.repair) from None


def _notes(corpus: Corpus[Example]) -> list[str]:
    """One note a split with classes that training never shows."""
    known = {example.label for example in corpus.train}
    notes = []
    for split, examples in (("valid", corpus.valid), ("test", corpus.test)):
        count, shown = unseen_labels(Counter(e.label for e in examples), known)
        if count and corpus.train:
            notes.append(f"{count} class{'es' * (count > 1)} only in {split}, counted as errors: {shown}")
    return notes
