"""Tables of an evaluation and of a comparison for a terminal; plain text where the output is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from cellwright.tasks.slots.metrics import Scores

if TYPE_CHECKING:
    from cellwright.tasks.slots.compare import Comparison
    from cellwright.tasks.slots.evaluate import Evaluation

__all__ = ["CASE_KINDS", "CONFUSIONS", "comparison_table", "percent", "print_comparison", "print_evaluation"]

CONFUSIONS = 10  # pairs shown
CASE_KINDS = ("left", "right", "far left", "far right", "new left", "new right")


def percent(share: float | None, digits: int = 2) -> str:
    """93.61 for 0.93612; – where there is none."""
    return "–" if share is None else f"{100 * share:.{digits}f}"


def print_evaluation(evaluation: Evaluation, console: Console) -> None:
    """Headline figures beside the baselines, a table a slot, the most confused pairs."""
    console.print(
        f"{evaluation.name} {evaluation.split}".rstrip() + f": {evaluation.model.sentences:,} utterances",
        highlight=False,
    )
    head = _table("", "slot P", "slot R", "slot F1", "intent", "sentence")
    for name, scores in (
        ("model", evaluation.model),
        ("per-token table", evaluation.per_token),
        ("majority", evaluation.majority),
    ):
        head.add_row(name, *_headline(scores))
    console.print(head)
    slots = _table("slot", "precision", "recall", "F1", "count")
    for label, counts in evaluation.model.per_slot.items():
        figures = (percent(counts.precision), percent(counts.recall), percent(counts.f1))
        slots.add_row(label, *figures, f"{counts.given:,}")
    console.print(slots)
    for title, rows in (
        ("slot", evaluation.model.confusions),
        ("intent", evaluation.model.intent_confusions),
    ):
        if rows:
            confused = _table(f"{title} given", "found", "times")
            for given, found, times in rows[:CONFUSIONS]:
                confused.add_row(given, found, f"{times:,}")
            console.print(confused)
    for note in evaluation.notes:
        console.print(f"note: {note}", highlight=False, markup=False)


def print_comparison(comparison: Comparison, console: Console) -> None:
    """One row a network."""
    console.print(comparison_table(comparison))
    for note in comparison.notes:
        console.print(note, highlight=False, markup=False)


def comparison_table(comparison: Comparison) -> Table:
    """Slots and intents of each network; on the travel data also the cities that only the context decides."""
    cases = bool(comparison.rows and comparison.rows[0].cases)
    titles = ["slot F1", "intent", "sent."]
    table = _table("network", *titles, *(CASE_KINDS if cases else ()), "s")
    for row in comparison.rows:
        figures = [percent(row.scores.slots.f1), *_headline(row.scores)[3:]]
        figures += [percent(row.cases[kind].accuracy, 1) for kind in CASE_KINDS] if cases else []
        table.add_row(row.name, *figures, f"{row.seconds:.0f}")
    return table


def _headline(scores: Scores) -> list[str]:
    slots = scores.slots
    shares = (slots.precision, slots.recall, slots.f1, scores.intent_accuracy, scores.sentence_accuracy)
    return [percent(share) for share in shares]


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(first, no_wrap=True)
    for title in others:
        table.add_column(title, justify="left" if title == "found" else "right")
    return table
