"""What each task is, in a line: for the help, which must not load what a task needs."""

from __future__ import annotations

__all__ = ["SUMMARIES"]

SUMMARIES = {
    "slots": "slots and intent of an utterance",
    "classify": "the class of a text",
    "tag": "parts of speech, labelled spans, or the words of a text without spaces",
    "lm": "the next word or character of a text",
    "cloze": "the missing word of a sentence, or the sense of a word",
    "agreement": "the number of a verb whose subject stands far before it",
    "memory": "remember across many steps: recall, two-facts, adding, copy, latch, digits",
    "series-classify": "the class of a series of numbers",
    "series-forecast": "the next steps of a series, with quantiles",
    "translate": "a text into another: languages, dates",
    "transcribe": "what a recording says: spoken digits, the strokes of a pen",
}
