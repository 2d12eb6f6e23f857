"""Generated sentences: who agrees with whom is what they say, what the test asks was not in training."""

from __future__ import annotations

from collections import Counter

import pytest

from cellwright.tasks.agreement.grammar import NUMBERS, SIZES, Sentence, generate
from cellwright.tasks.agreement.lexicon import LANGUAGES
from cellwright.tasks.agreement.predict import number_of


def numbers_of_nouns(sentence: Sentence, language: str) -> list[str]:
    """Of every noun and name in the text, left to right, read off its form alone."""
    spoken = LANGUAGES[language]
    words = sentence.words if language == "en" else sentence.text.split()
    nouns = {noun for split in spoken.nouns.values() for noun in split}
    found = []
    for k, word in enumerate(words):
        bare = word.removesuffix("s") if language == "en" else word.removeprefix("那位")
        if word in spoken.names or (language == "en" and word in nouns):
            found.append("singular")
        elif language == "en" and bare in nouns:
            found.append("plural")
        elif language == "zh" and bare in nouns:
            found.append("plural" if words[k + 1 : k + 2] == ["们"] else "singular")
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_attractors_are_the_nouns_of_the_other_number_after_the_subject(language: str) -> None:
    for split in ("train", "test"):
        for sentence in generate([language], 1, split, 400):
            numbers = numbers_of_nouns(sentence, language)[int(sentence.second) :]
            assert numbers[0] == sentence.number == number_of(sentence.label), sentence.text
            assert sum(n != sentence.number for n in numbers[1:]) == sentence.attractors, sentence.text
            assert numbers[-1] == sentence.nearest, sentence.text


def test_forms_and_attractors_are_evenly_often() -> None:
    made = generate(["en", "zh"], 0, "test")
    counts = Counter((s.label, s.attractors) for s in made)
    assert len(made) == SIZES["test"]
    assert len(counts) == 6 * 5
    assert max(counts.values()) - min(counts.values()) <= 1
    assert Counter(s.number for s in made)["plural"] == len(made) // 2
    assert 0.2 < sum(s.second for s in made) / len(made) < 0.3


def test_tense_is_told_by_the_beginning() -> None:
    present = {word for split in LANGUAGES["en"].openers["present"].values() for text in split for word in text.split()}
    past = {word for split in LANGUAGES["en"].openers["past"].values() for text in split for word in text.split()}
    for sentence in generate(["en"], 2, "train", 300):
        first = sentence.words[0]
        assert (first in past - present) == (sentence.label in ("was", "were"))


def test_new_nouns_and_phrases_of_the_test_are_never_in_train() -> None:
    for language, spoken in LANGUAGES.items():
        train = generate([language], 0, "train")
        test = generate([language], 0, "test")
        text = "\n".join(f" {s.text} " for s in train)
        for noun in spoken.nouns["test"]:
            assert noun not in text, noun
        for kind in ("known words", "new nouns", "new phrases", "new nouns, new phrases"):
            assert sum(s.kind == kind for s in test) > 0.2 * len(test)
        assert len({s.text for s in train} & {s.text for s in test}) < 0.05 * len(test)  # the shortest of known words
        assert {s.kind for s in train} == {"known words"}
        for split, other in (("train", "test"), ("train", "valid"), ("valid", "test")):
            assert not set(spoken.phrases[split]) & set(spoken.phrases[other])
            assert not set(spoken.nouns[split]) & set(spoken.nouns[other])


def test_sentences_are_those_of_their_seed_and_grammar() -> None:
    assert generate(["en"], 5, "train", 60) == generate(["en"], 5, "train", 60)
    assert generate(["en"], 5, "train", 60) != generate(["en"], 6, "train", 60)
    made = generate(["en", "zh"], 0, "train", 500)
    assert not any("{" in s.text for s in made)
    assert any("likes" in s.words for s in made)
    assert any("like" in s.words for s in made)
    assert {s.number for s in made} == set(NUMBERS)
    chinese = next(s for s in made if s.label in ("独自", "一起"))
    assert all(len(word) == 1 for word in chinese.words)  # as a user's text is read
