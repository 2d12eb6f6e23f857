"""The corpus that `data.path` names: an embedded set, or the user's folder or file; and what in it is to be found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from cellwright.errors import DataError
from cellwright.tasks.data.labelled import Labelled, checked
from cellwright.tasks.data.schemes import split_tag
from cellwright.tasks.data.splits import check_path, split_places
from cellwright.tasks.data.streamed_data import stream_note
from cellwright.tasks.data.streamed_sentences import placed, stream_labelled, stream_sentences
from cellwright.tasks.data.text import MAX_TOKENS
from cellwright.tasks.data.utterance import Corpus, Utterance
from cellwright.tasks.set_files import SetFiles, lines_text
from cellwright.tasks.tag.config import TagData, Target
from cellwright.tasks.tag.formats import format_of, read_tagged
from cellwright.tasks.tag.generated.names import tagged_names
from cellwright.tasks.tag.generated.parts_of_speech import tagged_speech
from cellwright.tasks.tag.generated.words_zh import segmented
from cellwright.tasks.tag.segments import from_words, sentences

__all__ = ["EMBEDDED", "TagCorpus", "embedded_files", "open_corpus"]

Made = dict[str, list[tuple[list[str], list[str]]]]  # split: (words, tags)
EMBEDDED: dict[str, tuple[Target, Callable[[int, int], Made]]] = {
    "pos-en": ("tags", tagged_speech),
    "names-en": ("spans", tagged_names),
    "words-zh": ("words", segmented),
}


class TagCorpus(Corpus[Utterance]):
    """Sentences whose `slots` are the tags, and what these stand for."""

    target: Target = "tags"


def open_corpus(data: TagData) -> TagCorpus:
    """Read or generate the corpus; `data.size` cuts its training split.

    Raises DataError: nothing of that name (names the nearest embedded set), or a file that cannot be read as it must.
    """
    if data.path in EMBEDDED:
        target, make = EMBEDDED[data.path]
        corpus = TagCorpus(data.path)
        corpus.target = target
        for split, found in make(data.seed, data.size).items():
            records = [Labelled(words, tags, "", Path(data.path), k) for k, (words, tags) in enumerate(found, start=1)]
            setattr(corpus, split, _utterances(records, target, data))
        return corpus
    root = check_path(data.path, EMBEDDED, "tagged sentences")
    places = {"train": root} if root.is_file() else split_places(root)
    if not places:
        raise DataError(
            "Expected train, valid (or dev) and test, found none of them.",
            file=root,
            repair="Name the files train.conllu, dev.conllu, test.conllu (or .conll, .jsonl, .txt), or give one file.",
        )
    corpus = TagCorpus(root.name)
    streamed = places.pop("train", None) if data.stream and root.is_dir() else None
    if streamed is not None:
        _stream(corpus, streamed, data)
    for split, place in places.items():
        form = format_of(place)
        records = read_tagged(place, form, data.column, data.unit)
        if not records:
            raise DataError("Expected sentences, found none.", file=place, repair="The file holds only comments.")
        if streamed is None and split == next(iter(places)):
            corpus.target = _target(records, form, data)
        if form == "words" and corpus.target != "words":
            raise DataError(
                f"Expected {corpus.target}, found words without any.", file=place, repair="--set data.target=words"
            )
        setattr(corpus, split, _utterances(records, corpus.target, data))
    if data.size and streamed is None:
        corpus.train = corpus.train[: data.size]
    return corpus


def _stream(corpus: TagCorpus, place: Path, data: TagData) -> None:
    """The training split on the disk. Raises DataError: no JSON lines, or words to be found, which cut its texts."""
    if data.target == "words":
        raise DataError(
            "Expected tags or spans for data.stream, found words to be found.",
            file=place,
            repair="--set data.stream=false: a text of words is cut into sentences when it is read.",
        )
    corpus.target = "spans" if data.target == "auto" else data.target
    records = stream_labelled(place, unit=data.unit, size=data.size)
    if corpus.target == "spans":
        corpus.train = stream_sentences(records, data.scheme, data.unit)
    else:
        corpus.train = records.then(lambda record: placed(_utterances([record], "tags", data)[0]))
    corpus.notes.append(stream_note(corpus.train))


def embedded_files(data: TagData) -> SetFiles:
    """An embedded set: a word and its tag a line, or lines of words parted by spaces."""
    target, make = EMBEDDED[data.path]
    splits = make(data.seed, data.size)
    counts = {split: len(found) for split, found in splits.items()}
    if target == "words":
        texts = {f"{split}.txt": lines_text(" ".join(words) for words, _ in found) for split, found in splits.items()}
        return SetFiles(texts, counts, "sentences")
    texts = {f"{split}.conll": lines_text(_in_columns(*one) for one in found) for split, found in splits.items()}
    return SetFiles(texts, counts, "sentences")


def _in_columns(words: Sequence[str], tags: Sequence[str]) -> str:
    return lines_text(f"{word}\t{tag}" for word, tag in zip(words, tags, strict=True))


def _target(records: Sequence[Labelled], form: str, data: TagData) -> Target:
    if data.target != "auto":
        return data.target
    if form == "words":
        return "words"
    return "spans" if form == "jsonl" or _all_spans(records) else "tags"


def _all_spans(records: Sequence[Labelled]) -> bool:
    """Whether every tag is O, B-label, I-label …, and not all are O."""
    try:
        return any(label for record in records for _, label in map(split_tag, record.tags))
    except ValueError:
        return False


def _utterances(records: Sequence[Labelled], target: Target, data: TagData) -> list[Utterance]:
    if target == "spans":
        return checked(records, data.scheme, data.unit)
    made = []
    for record in records:
        pieces: list[tuple[Sequence[str], Sequence[str]]] = [(record.words, record.tags)]
        if target == "words":
            pieces = [from_words(piece) for piece in sentences(record.words)]
        for words, tags in pieces:
            if len(words) > MAX_TOKENS:
                raise DataError(
                    f"Expected at most {MAX_TOKENS:,} tokens in a sentence, found {len(words):,}.",
                    file=record.file,
                    line=record.line,
                    repair="Break it into sentences.",
                )
            made.append(Utterance(tuple(words), tuple(tags), "", place=f"{record.file}:{record.line}"))
    return made
