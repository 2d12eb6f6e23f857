"""Generated sentences: what decides a word stands on one side of it, and what the test asks was not in training."""

from __future__ import annotations

from collections import Counter

import pytest

from cellwright.tasks.sentences.facts import FRAMES
from cellwright.tasks.sentences.generate import generate
from cellwright.tasks.sentences.senses import SENSES, generate_senses

LANGUAGES = ("en", "zh")


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_before_a_word_tells_its_sense(language: str) -> None:
    sentences = generate_senses([language], 0, "test")
    openers: dict[tuple[str, ...], Counter[str]] = {}
    for sentence in sentences:
        before, answer = sentence.words[: sentence.place], sentence.words[sentence.place]
        assert not any("/" in word for word in before)
        openers.setdefault((*before, answer.partition("/")[0]), Counter())[answer] += 1
    assert len(openers) == len(SENSES[language].openers) * len(SENSES[language].words)
    for counts in openers.values():
        assert len(counts) == 2
        assert min(counts.values()) / counts.total() > 0.15
    answers = Counter(s.words[s.place] for s in sentences)
    assert max(answers.values()) == min(answers.values()) == 120


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_cue_after_a_word_tells_its_sense(language: str) -> None:
    for senses in SENSES[language].words.values():
        one, other = senses.values()
        assert not set(one) & set(other)
    for sentence in generate_senses([language], 3, "train", 500):
        word, _, sense = sentence.words[sentence.place].partition("/")
        assert set(SENSES[language].words[word][sense]) & set(sentence.words[sentence.place + 1 :])


def test_fillers_between_word_and_cue_are_new_in_the_test() -> None:
    def pairs(split: str) -> set[tuple[str, ...]]:
        found = set()
        for sentence in generate_senses(["en"], 0, split):
            rest = sentence.words[sentence.place + 1 :]
            aside = rest[: rest.index("thought") - 1]
            found.add((sentence.words[sentence.place].partition("/")[0], *aside))
        return {pair for pair in found if len(pair) > 2}

    assert len(pairs("test")) > 100
    assert not pairs("train") & pairs("test")
    assert not pairs("valid") & pairs("test")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_subject_is_told_by_the_answer_to_its_right_alone(language: str) -> None:
    answers = {answer: subject for frame in FRAMES[language] for subject, answer in frame.answers.items()}
    found: dict[tuple[str, ...], set[str]] = {}
    choices: dict[tuple[str, ...], set[int]] = {}
    for sentence in generate([language], 0, "train", 6000, decided="subject"):
        subject = sentence.words[sentence.place]
        assert any(answers.get(word) == subject for word in sentence.words[sentence.place + 1 :])
        before = sentence.words[: sentence.place]
        found.setdefault(before, set()).add(subject)
        choices.setdefault(before, set()).add(sentence.choices)
    for before, subjects in found.items():
        assert choices[before] == {len(subjects)}


def test_sentences_are_those_of_their_seed() -> None:
    for make in (generate, generate_senses):
        assert make(["en"], 5, "train", 50) == make(["en"], 5, "train", 50)
        assert make(["en"], 5, "train", 50) != make(["en"], 6, "train", 50)
