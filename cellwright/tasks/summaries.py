"""What each task is and can do: for the help, which must not load what a task needs."""

from __future__ import annotations

__all__ = ["EMBEDDED_SETS", "READS_WORDS", "SUMMARIES", "TELLS_WHY", "UNKNOWN_AS_ONE"]

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

EMBEDDED_SETS = {
    "slots": ("travel-en", "travel-zh"),
    "classify": ("reviews-en", "reviews-zh", "questions-en"),
    "tag": ("pos-en", "names-en", "words-zh"),
    "lm": ("sentences", "sentences-en", "sentences-zh"),
    "cloze": ("cues", "cues-en", "cues-zh", "senses", "senses-en", "senses-zh"),
    "agreement": ("agreement-en",),
    "series-classify": ("moving-dot",),
    "series-forecast": ("hourly",),
    "translate": ("dates", "dates-en", "dates-zh"),
}
"""Embedded sets that `cellwright data` can write."""

READS_WORDS = ("slots", "classify", "tag", "lm", "cloze", "agreement", "memory", "translate")
"""Tasks whose input may be a list of words: `predict --words`."""

TELLS_WHY = ("classify", "agreement")
"""Tasks whose models have `why`: `predict --why`."""

UNKNOWN_AS_ONE = ("lm", "cloze", "memory", "translate")
"""Tasks that read all words training never had as the same one; their answers name them in `unknown`."""
