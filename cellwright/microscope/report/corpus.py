"""What many texts tell of a model: which words move which units, and what a linear probe reads off its states."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import Any

from cellwright.errors import CellwrightError, DataError
from cellwright.microscope.co_clusters import unit_word_clusters
from cellwright.microscope.figure import Figure
from cellwright.microscope.probes import probe, states_at
from cellwright.microscope.record import inspect
from cellwright.microscope.report.overview import Absent, Placed
from cellwright.microscope.runs import Record, Run

__all__ = ["TEXTS", "look_at_corpus", "record_corpus"]

TEXTS = 300  # that are read
GROUPS = 5  # of words and units
LEAST = 2  # times that a word must occur to be in a group


def record_corpus(model: Any, texts: Sequence[str]) -> tuple[list[str], list[Record]]:
    """The first 300 texts with a word in them, and what was recorded of each, without gradients.

    Raises: as `cellwright.inspect`; DataError: no text.
    """
    read = [text for text in texts if text.strip()][:TEXTS]
    if not read:
        raise DataError("Expected texts, one a line, found none.")
    return read, [inspect(model, text, gradients=False) for text in read]


def look_at_corpus(
    model: Any, texts: Sequence[str], recorded: tuple[list[str], list[Record]] | None = None
) -> tuple[list[Placed], list[Absent]]:
    """Groups of words and units, and a probe, for each layer and direction.

    The probe asks what the model itself says: of each word its tag, where it gives different ones; else of each text,
    after the step that a direction reads last, the class, the intent or the likeliest answer.

    Args:
        model: a trained model that reads texts.
        texts: read are the first 300; a note says so where there are more.
        recorded: what `record_corpus` made of them, where it is there already.

    Returns: the figures, and those that could not be made, with the reason.

    Raises: as `cellwright.inspect`; DataError: no text.
    """
    read, records = record_corpus(model, texts) if recorded is None else recorded
    answers = [model.predict(text) for text in read]
    note = (f"Of {len(texts):,} texts the first {TEXTS} are read.",) if len(texts) > TEXTS else ()
    figures, absent = [], []
    for run in records[0].runs:
        takes: tuple[tuple[str, Callable[[], Figure]], ...] = (
            ("unit_word_clusters", lambda run=run: _groups(records, run)),  # type: ignore[misc]
            ("probe", lambda run=run: _probe(records, answers, run)),  # type: ignore[misc]
        )
        for name, take in takes:
            try:
                figure = take()
            except CellwrightError as reason:  # too few words, one class alone, scikit-learn missing: it is shown
                absent.append(Absent(name, run.layer, run.direction, reason.message))
                continue
            noted = replace(figure, notes=(*figure.notes, *note))
            figures.append(Placed(noted, run.layer, run.direction))
    return figures, absent


def _groups(records: Sequence[Record], run: Run) -> Figure:
    texts = (text for record in records for text in record.words_of(record.run(run.layer, run.direction)))
    counts = Counter(word for text in texts for word in text)
    often = sum(count >= LEAST for count in counts.values())
    units = run.values[run.state_names[0]].shape[-1]
    clusters = max(2, min(GROUPS, often, units))
    return unit_word_clusters(records, clusters=clusters, least=LEAST, layer=run.layer, direction=run.direction)


def _probe(records: Sequence[Record], answers: Sequence[Any], run: Run) -> Figure:
    state = run.state_names[0]
    states_NS, places, words = states_at(records, state, run.layer, run.direction)
    tags = [getattr(answer, "tags", None) for answer in answers]
    if all(tag is not None for tag in tags) and len({tag for text in tags for tag in text or ()}) > 1:
        labels: list[Hashable] = [tags[text][at] for text, at in places]  # type: ignore[index]
        made = probe(states_NS, labels, types=words, groups=[text for text, _ in places])
        return replace(made, title=f"Is the model's tag of a word in {state} there? {made.title}")
    said = [_said(answer) for answer in answers]
    last = {text: n for n, (text, at) in enumerate(places) if at == (0 if run.direction else _last(places, text))}
    made = probe(states_NS[list(last.values())], [said[text] for text in last])
    return replace(made, title=f"Is the model's answer to a text in {state} at the end? {made.title}")


def _last(places: Sequence[tuple[int, int]], text: int) -> int:
    return max(at for other, at in places if other == text)


def _said(answer: Any) -> Hashable:
    """The class, the intent or the likeliest answer. Raises DataError where there is none."""
    for name in ("label", "intent"):
        if isinstance(found := getattr(answer, name, None), str) and found:
            return found
    ranked = getattr(answer, "words", None) if hasattr(answer, "probabilities") else None  # of a language model
    if found := getattr(answer, "answers", None) or ranked:
        return str(found[0])
    raise DataError("Expected an answer of classes, found another: a probe has nothing to tell apart.")
