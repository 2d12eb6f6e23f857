"""English sentences with parts of speech, many words of which may be a noun or a verb: "they watch the play"."""

from __future__ import annotations

import numpy as np

from cellwright.tasks.data.held_out import Split, choose, split_stream

__all__ = ["tagged_speech"]

SIZES: dict[Split, int] = {"train": 3000, "valid": 400, "test": 800}

BOTH = (
    "watch", "play", "walk", "dance", "plan", "order", "trade", "call", "visit", "look", "answer", "answers", "calls",
    "plans", "walks", "visits", "orders", "plays", "drink", "dream", "hope", "guard", "watches", "drinks", "dreams",
    "hopes", "guards", "love", "fear", "help",
)  # fmt: skip
NOUNS = (
    "dog", "teacher", "garden", "letter", "child", "window", "river", "doctor", "house", "song", "farmer", "picture",
    "bread", "city", "horse", "table", "ship", "story", "friend", "book",
)  # fmt: skip
VERBS = (
    "see", "saw", "bring", "brought", "find", "found", "write", "wrote", "carry", "keep", "kept", "sell", "hear",
    "heard",
)  # fmt: skip
ADJECTIVES = ("old", "small", "red", "quiet", "happy", "strange", "cold", "young", "long", "green", "loud", "tall")
DETERMINERS = ("the", "a", "this", "every", "that", "some")
PRONOUNS = ("they", "we", "you", "I")
OWNERS = ("his", "her", "our", "their", "my")
ADVERBS = ("often", "never", "slowly", "always", "gladly", "rarely")
PREPOSITIONS = ("near", "with", "behind", "for", "without", "under")
MODALS = ("can", "must", "will", "should", "may")
# A symbol a word of the sentence; N and V are drawn from the words that are both as often as not.
FRAMES = (
    "DT N V DT N .", "PR V DT AJ N .", "PR MD V OW N IN DT N .", "DT AJ N MD RB V DT N .", "PR V TO V DT N .",
    "OW N RB V IN DT AJ N .", "DT N IN OW N V DT N .", "PR RB V OW AJ N .", "MD PR V DT N ?", "DT N TO V IN OW N V .",
    "PR V OW N TO V .", "IN DT N PR V DT N .", "OW AJ N MD V TO V .", "MD DT N V OW N ?", "PR MD RB V IN DT N .",
    "DT AJ AJ N V TO V OW N .",
)  # fmt: skip
TAGS = {
    "DT": "DET", "N": "NOUN", "V": "VERB", "PR": "PRON", "AJ": "ADJ", "OW": "PRON", "IN": "ADP", "MD": "AUX",
    "RB": "ADV", "TO": "PART", ".": "PUNCT", "?": "PUNCT",
}  # fmt: skip
OPEN = ("N", "V", "AJ")  # new words come of these alone
CHOICES = {
    "N": NOUNS, "V": VERBS, "DT": DETERMINERS, "PR": PRONOUNS, "AJ": ADJECTIVES, "OW": OWNERS, "IN": PREPOSITIONS,
    "MD": MODALS,
    "RB": ADVERBS, "TO": ("to",), ".": (".",), "?": ("?",),
}  # fmt: skip


def tagged_speech(seed: int = 0, train: int = 0) -> dict[str, list[tuple[list[str], list[str]]]]:
    """(words, universal parts of speech) by split; `train` sentences in train, 0 = 3,000."""
    found = {}
    for split, size in {**SIZES, "train": train or SIZES["train"]}.items():
        rng = split_stream(seed, "pos-en", split)
        found[str(split)] = [_sentence(rng, split) for _ in range(size)]
    return found


def _sentence(rng: np.random.Generator, split: Split) -> tuple[list[str], list[str]]:
    symbols = choose(rng, FRAMES, split).split()
    words = []
    for symbol in symbols:
        plain = CHOICES[symbol]
        choices = BOTH if symbol in "NV" and rng.random() < 0.5 else plain
        words.append(choose(rng, choices, split if symbol in OPEN else "train"))
    return words, [TAGS[symbol] for symbol in symbols]
