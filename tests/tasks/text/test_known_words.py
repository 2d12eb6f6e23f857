"""A text of a user's as words that a model knows."""

from __future__ import annotations

import pytest

from cellwright.tasks.text.known_words import known_words
from cellwright.tasks.text.vocabulary import TextVocabulary

VOCABULARY = TextVocabulary(["小猫", "小", "爱", "吃", "骨头", "天空", "很", "sea", "is", ",", "n't", "US"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("小猫爱吃", ["小猫", "爱", "吃"]),  # the longest first: not 小 + 猫
        ("天空 很", ["天空", "很"]),
        ("天空很", ["天空", "很"]),
        ("小狗爱吃骨头", ["小", "狗", "爱", "吃", "骨头"]),
        ("Sea is", ["sea", "is"]),
        ("US", ["US"]),
        ("is, sea", ["is", ",", "sea"]),
        ("n't", ["n't"]),  # known as it stands: not cut
        ("Zug is", ["Zug", "is"]),
        ("", []),
        (" \t\n", []),
    ],
)
def test_words_are_found(text, words):
    assert known_words(text, VOCABULARY) == words
