"""How good tags are: words with the right tag, labelled spans, or the words of a text without spaces."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from cellwright.tasks.data.schemes import Span, spans
from cellwright.tasks.data.span_counts import SpanCounts
from cellwright.tasks.data.utterance import Utterance
from cellwright.tasks.tag.config import Target
from cellwright.tasks.tag.segments import to_spans

__all__ = ["METRIC", "figures", "per_label"]

METRIC: Mapping[Target, str] = {"tags": "accuracy", "spans": "f1", "words": "f1"}
Tags = Sequence[Sequence[str]]


def spans_of(target: Target) -> Callable[[Sequence[str]], list[Span]]:
    """How tags stand for spans: a tag a word is a span of one word."""
    if target == "words":
        return to_spans
    return spans if target == "spans" else lambda tags: [(k, k + 1, tag) for k, tag in enumerate(tags)]


def figures(
    target: Target, sentences: Sequence[Utterance], found: Tags, knows: Callable[[Sequence[str]], bool]
) -> dict[str, float | None]:
    """Shares of 0 to 1, the task's metric first.

    Tags: accuracy, also of words that training never had. Spans: F1, precision, recall as the CoNLL script counts
    them. Words: the same as SIGHAN counts them, and the recall of words that training never had.
    """
    gold = [u.slots for u in sentences]
    right = sum(a == b for tags, answer in zip(gold, found, strict=True) for a, b in zip(tags, answer, strict=True))
    accuracy = right / max(1, sum(map(len, gold)))
    new = new_right = 0
    if target != "spans":
        of = spans_of(target)
        for u, answer in zip(sentences, found, strict=True):
            said = {*of(answer)}
            for span in of(u.slots):
                if not knows(u.words[span[0] : span[1]]):
                    new += 1
                    new_right += span in said
    new_share = new_right / new if new else None
    if target == "tags":
        return {"accuracy": accuracy, "new_words": new_share}
    total = count(target, gold, found).total
    scores: dict[str, float | None] = {"f1": total.f1, "precision": total.precision, "recall": total.recall}
    return scores | ({"new_words": new_share} if target == "words" else {"token_accuracy": accuracy})


def per_label(target: Target, gold: Tags, found: Tags) -> dict[str, dict[str, float | None]]:
    """Precision, recall, F1 and count of each tag, or label."""
    labels = count(target, gold, found).by_label
    return {
        name: {"precision": c.precision, "recall": c.recall, "f1": c.f1, "count": c.given} for name, c in labels.items()
    }


def count(target: Target, gold: Tags, found: Tags) -> SpanCounts:
    of, counts = spans_of(target), SpanCounts()
    for tags, answer in zip(gold, found, strict=True):
        counts.add(of(tags), of(answer))
    return counts
