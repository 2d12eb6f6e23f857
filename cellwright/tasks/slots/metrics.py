"""How good answers are: slots as the CoNLL script counts them, intents, whole sentences, confusions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from cellwright.tasks.data.schemes import spans
from cellwright.tasks.data.span_counts import Counts, SpanCounts

__all__ = ["Scores", "score"]


@dataclass(slots=True)
class Scores:
    """Shares from 0 to 1. A span is right if its first word, last word and label are.

    Attributes:
        sentences: utterances compared.
        slots: over all labels (micro average, as the CoNLL-2000 script prints).
        per_slot: each label's own.
        intent_accuracy: None where the data has no intents.
        sentence_accuracy: utterances with all tags and the intent right.
        token_accuracy: words with the right tag.
        confusions: (given, found) and how often, "O" for no span on those words; most frequent first.
        intent_confusions: the same for intents.
    """

    sentences: int
    slots: Counts
    per_slot: dict[str, Counts]
    intent_accuracy: float | None
    sentence_accuracy: float
    token_accuracy: float
    confusions: list[tuple[str, str, int]] = field(default_factory=list)
    intent_confusions: list[tuple[str, str, int]] = field(default_factory=list)

    def figures(self) -> dict[str, float | None]:
        """The headline figures by name."""
        return {
            "slot_precision": self.slots.precision,
            "slot_recall": self.slots.recall,
            "slot_f1": self.slots.f1,
            "intent_accuracy": self.intent_accuracy,
            "sentence_accuracy": self.sentence_accuracy,
            "token_accuracy": self.token_accuracy,
        }


def score(
    given: Sequence[Sequence[str]],
    found: Sequence[Sequence[str]],
    given_intents: Sequence[str] | None = None,
    found_intents: Sequence[str] | None = None,
) -> Scores:
    """Compare BIO tags (and intents) utterance by utterance; both must be equally long."""
    counts = SpanCounts()
    confusions: Counter[tuple[str, str]] = Counter()
    intent_confusions: Counter[tuple[str, str]] = Counter()
    sentences = tokens = right_tokens = right_intents = 0
    for k, (gold, answer) in enumerate(zip(given, found, strict=True)):
        gold_spans, answer_spans = spans(gold), spans(answer)
        both = counts.add(gold_spans, answer_spans)
        _confuse(gold_spans, answer_spans, confusions)
        tokens += len(gold)
        right_tokens += sum(a == b for a, b in zip(gold, answer, strict=True))
        intent_right = True
        if given_intents is not None and found_intents is not None:
            intent_right = given_intents[k] == found_intents[k]
            right_intents += intent_right
            if not intent_right:
                intent_confusions[given_intents[k], found_intents[k]] += 1
        sentences += intent_right and both == len(gold_spans) == len(answer_spans)
    count = max(1, len(given))
    return Scores(
        sentences=len(given),
        slots=counts.total,
        per_slot=counts.by_label,
        intent_accuracy=None if given_intents is None else right_intents / count,
        sentence_accuracy=sentences / count,
        token_accuracy=right_tokens / max(1, tokens),
        confusions=[(a, b, n) for (a, b), n in confusions.most_common()],
        intent_confusions=[(a, b, n) for (a, b), n in intent_confusions.most_common()],
    )


def _confuse(
    gold: list[tuple[int, int, str]], answer: list[tuple[int, int, str]], into: Counter[tuple[str, str]]
) -> None:
    """Each wrong span with the label of the span that overlaps it most; "O" if none does."""
    for ours, others, order in ((gold, answer, 1), (answer, gold, -1)):
        for start, end, label in ours:
            overlaps = [(min(end, b) - max(start, a), other) for a, b, other in others if a < end and start < b]
            if (start, end, label) in others or (overlaps and order < 0):
                continue
            partner = max(overlaps)[1] if overlaps else "O"
            into[(label, partner) if order > 0 else (partner, label)] += 1
