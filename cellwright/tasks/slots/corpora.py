"""The corpus that `data.path` names: an embedded set, or the user's folder or file."""

from __future__ import annotations

from cellwright.tasks.data.corpus import SEQ_FILES, read_corpus, read_utterances
from cellwright.tasks.data.splits import check_path
from cellwright.tasks.data.streamed_data import streamed_corpus
from cellwright.tasks.data.streamed_sentences import stream_labelled, stream_sentences
from cellwright.tasks.data.utterance import Corpus, Utterance
from cellwright.tasks.slots.config import SlotsData
from cellwright.tasks.travel.generate import LANGUAGES, generate

__all__ = ["EMBEDDED", "open_corpus"]

EMBEDDED = {f"travel-{language}": language for language in LANGUAGES}


def open_corpus(data: SlotsData) -> Corpus[Utterance]:
    """Read or generate the corpus; `data.size` cuts its training split.

    Raises DataError: nothing of that name (names the nearest embedded set), or a file that cannot be read as it must.
    """
    if data.path in EMBEDDED:
        sizes = {"train": data.size} if data.size else {}
        return generate(EMBEDDED[data.path], data.seed, **sizes)
    root = check_path(data.path, EMBEDDED, "utterances")
    if data.stream and root.is_dir():
        return streamed_corpus(
            root,
            lambda place: read_utterances(place, scheme=data.scheme, unit=data.unit),
            lambda place: stream_sentences(
                stream_labelled(place, unit=data.unit, size=data.size), data.scheme, data.unit
            ),
            SEQ_FILES,
        )
    corpus = read_corpus(root, scheme=data.scheme, unit=data.unit)
    if data.size:
        corpus.train = corpus.train[: data.size]
    return corpus
