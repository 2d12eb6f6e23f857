"""A transcriber beside an answer that needs no network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from cellwright.errors import DataError
from cellwright.tasks.report import Figure, Line, Report, Section
from cellwright.tasks.transcribe.ctc import edit_distance
from cellwright.tasks.transcribe.predict import Transcriber
from cellwright.tasks.transcribe.recording import Recording

__all__ = ["evaluate_model"]

PERCENT = ("accuracy", "error_rate", "exact")
SAMPLES = 6


def evaluate_model(model: Transcriber, recordings: Sequence[Recording], name: str, split: str) -> Report:
    """Prefix beam search, the likeliest symbol of each step, and always the same text. Raises DataError: none."""
    if not recordings:
        raise DataError(f"Expected recordings in the split {split}, found none.", repair="Choose --split.")
    frames = [recording.frames for recording in recordings]
    right = [recording.text for recording in recordings]
    best = [transcript.answer for transcript in model.predict_frames(frames)]
    lines = [
        Line("model", figures(best, right)),
        Line("model, step by step", figures(model.greedy(frames), right)),
        Line("always the same", figures([constant(right)] * len(right), right)),
    ]
    notes = [f"{text} → {said}" for text, said in zip(right, best, strict=True) if text != said][:SAMPLES]
    new = Counter(symbol for text in right for symbol in text if symbol not in model.symbols)
    if new:
        counts = ", ".join(f"{symbol} ({count:,})" for symbol, count in sorted(new.items()))
        notes.insert(0, f"{len(new):,} symbol(s) that the model never saw, counted as errors: {counts}")
    return Report(
        "transcribe", name, split, len(recordings), lines, "recordings", PERCENT, _by_kind(recordings, best), notes
    )


def figures(found: Sequence[str], right: Sequence[str]) -> dict[str, Figure]:
    """Edits to the right text a symbol of it (error_rate), 1 - that (accuracy), and recordings without one (exact)."""
    errors = [edit_distance(a, b) for a, b in zip(found, right, strict=True)]
    rate = sum(errors) / sum(map(len, right))
    return {"accuracy": 1 - rate, "error_rate": rate, "exact": sum(error == 0 for error in errors) / len(errors)}


def constant(texts: Sequence[str]) -> str:
    """The most frequent symbol, as often as a text has symbols on average: the best that knows no recording."""
    counts = Counter(symbol for text in texts for symbol in text)
    return counts.most_common(1)[0][0] * round(sum(counts.values()) / len(texts))


def _by_kind(recordings: Sequence[Recording], found: Sequence[str]) -> list[Section]:
    rows: dict[str, list[int]] = {}
    for k, recording in enumerate(recordings):
        rows.setdefault(recording.kind, []).append(k)
    lines = [
        Line(kind, figures([found[k] for k in chosen], [recordings[k].text for k in chosen]))
        for kind, chosen in sorted(rows.items())
        if kind
    ]
    return [Section("kind", lines)] if lines else []
