"""What the problems draw: the right answer by their definition, the gap exactly, nothing of the test in training."""

from __future__ import annotations

import numpy as np
import pytest

from cellwright.errors import DataError
from cellwright.tasks.memory.config import MemoryData
from cellwright.tasks.memory.digits import SIDE, picture
from cellwright.tasks.memory.problem import Problem
from cellwright.tasks.memory.problems import fixed_examples, make_batch, problem_of, table_of, training_examples
from cellwright.tasks.memory.recall import Recall, TwoFacts
from cellwright.tasks.memory.signals import Adding, Copy, Latch
from cellwright.tasks.text.vocabulary import UNKNOWN, TextVocabulary

PROBLEMS = ["recall", "two-facts", "adding", "copy", "latch", "digits"]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def text_of(problem: Problem, inputs: np.ndarray, joint: str = "") -> str:
    return joint.join("□" if problem.tokens[row] == "<unk>" else problem.tokens[row] for row in inputs)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_recall_names_one_country_and_its_language_is_the_answer(language: str) -> None:
    problem = Recall(language)
    spoken = dict(problem.story.homes)
    for seed in range(200):
        example = problem.draw(rng(seed), 30, "test")
        text = text_of(problem, example.inputs, "" if language == "zh" else " ")
        named = [place for place in spoken if place in text]
        assert len(named) == 1
        assert problem.classes[example.answers[0]] == spoken[named[0]]


@pytest.mark.parametrize("gap", [1, 13, 300])
def test_the_gap_is_exact(gap: int) -> None:
    problem = Recall("zh")
    example = problem.draw(rng(5), gap, "valid")
    text = text_of(problem, example.inputs)
    fact = next(text.index(place) + len(place) for place in problem.places if place in text)
    after = text[fact:]
    question = next(q for q in problem.story.questions if after.endswith(q))
    between = after[: -len(question)]
    ends = {fact.partition("{place}")[2] + "，" for fact in problem.story.facts}
    assert gap in {len(between) - len(end) for end in ends if between.startswith(end)}


def test_two_facts_ask_for_either_and_the_other_is_the_rival() -> None:
    problem = TwoFacts("zh")
    spoken = dict(problem.story.homes)
    asked_second = 0
    for seed in range(100):
        example = problem.draw(rng(seed), 20, "test")
        text = text_of(problem, example.inputs)
        first, second = sorted((text.index(place), place) for place in spoken if place in text)
        late = any(text.endswith(question) for question in problem.story.second_question)
        asked_second += late
        right, rival = (second, first) if late else (first, second)
        assert problem.classes[example.answers[0]] == spoken[right[1]]
        assert example.rivals is not None
        assert problem.classes[example.rivals[0]] == spoken[rival[1]]
    assert 30 < asked_second < 70


def test_a_fifth_of_the_combinations_and_part_of_the_small_talk_stand_in_the_test_alone() -> None:
    problem = Recall("zh")
    frames: dict[str, set[str]] = {}
    for split in ("train", "test"):
        said = set()
        for seed in range(3000):
            story = problem.story
            said.add("|".join(problem._combination(rng(seed), split, story.openings, story.facts, story.questions)))
        frames[split] = said
    new = frames["test"] - frames["train"]
    assert 0.18 < len(new) / len(frames["test"]) < 0.22
    assert frames["train"] < frames["test"]
    known = {"<unk>", *problem.training_tokens}
    talk = [problem.tokens[row] for clause in problem._talk["test"] for row in clause]
    assert 0.05 < np.mean([token not in known for token in talk]) < 0.5
    for seed in range(50):
        assert {problem.tokens[row] for row in problem.draw(rng(seed), 40, "valid").inputs} <= known


def test_adding_copy_and_latch_by_their_definition() -> None:
    adding = Adding().draw(rng(1), 40, "test")
    marked = adding.inputs[:, 1] == 1
    assert marked.sum() == 2
    assert adding.answers[0] == pytest.approx(adding.inputs[marked, 0].sum())
    assert np.flatnonzero(marked).max() < len(adding.inputs) - 40
    problem = Copy(5)
    copied = problem.draw(rng(1), 7, "test")
    text = text_of(problem, copied.inputs)
    assert text[5:] == "_" * 7 + ":" + "_" * 4
    assert [problem.classes[k] for k in copied.answers] == list(text[:5])
    latch = Latch().draw(rng(1), 9, "test")
    assert latch.inputs.shape == (10, 1)
    assert latch.answers[0] == (latch.inputs[0, 0] == 1)


def test_the_chance_of_adding_is_that_of_always_saying_one() -> None:
    sums = rng().random((200_000, 2)).sum(1)
    assert np.mean(np.abs(sums - 1) < 0.04) == pytest.approx(Adding().chance(), abs=2e-3)
    assert np.mean((sums - 1) ** 2) == pytest.approx(Adding().trivial_error, abs=2e-3)


def test_digits_differ_from_each_other_more_than_from_themselves() -> None:
    """The nearest mean of 30 drawings is that of the same digit for nearly all others."""
    source = rng()
    means = np.stack([np.mean([picture(d, source) for _ in range(30)], 0) for d in range(10)])
    drawn = [(d, picture(d, source)) for d in range(10) for _ in range(20)]
    right = [np.argmin(((means - pixels) ** 2).sum((1, 2))) == d for d, pixels in drawn]
    assert np.mean(right) > 0.85
    assert all(pixels.shape == (SIDE, SIDE) and pixels.min() >= 0 and pixels.max() <= 1 for _, pixels in drawn)


@pytest.mark.parametrize("name", PROBLEMS)
def test_every_split_and_seed_has_its_own_sequences_and_they_repeat(name: str) -> None:
    problem = problem_of(MemoryData.model_validate({"problem": name}))

    def drawn(seed: int, split: str) -> list[list]:
        return [[e.inputs.tolist(), e.answers.tolist()] for e in fixed_examples(problem, 20, 5, seed, split)]

    assert drawn(0, "test") == drawn(0, "test")
    assert drawn(0, "test") != drawn(0, "valid")
    assert drawn(0, "test") != drawn(1, "test")
    steps = [len(e.inputs) for e in fixed_examples(problem, 100, 50, 0, "test")]
    assert max(steps) > min(steps)


def test_training_has_short_and_long_gaps_alike_often() -> None:
    problem = Latch()
    gaps = [len(training_examples(problem, 1000, 1, rng(seed))[0].inputs) - 1 for seed in range(400)]
    assert max(gaps) <= 1000
    for low, high in ((1, 10), (10, 100), (100, 1001)):
        assert 0.25 < np.mean([low <= gap < high for gap in gaps]) < 0.42


def test_a_batch_is_padded_and_hides_what_training_never_had() -> None:
    problem = Recall("zh")
    table = table_of(problem, TextVocabulary(problem.training_tokens))
    examples = fixed_examples(problem, 20, 8, 0, "test")
    batch = make_batch(examples, table)
    assert batch.lengths_B.tolist() == [len(e.inputs) for e in examples]
    assert UNKNOWN in batch.x
    assert batch.x[0, len(examples[0].inputs) :].sum() == 0
    assert batch.tokens == sum(batch.lengths_B.tolist())


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("recall", "  ", "found 0"),
        ("recall", "我" * 10_001, "found 10,001"),
        ("copy", "abz:", "found 'z'"),
        ("copy", "abc", "another end"),
        ("copy", "", "found nothing"),
        ("latch", "", "found none"),
        ("latch", "1 x", "could not convert"),
        ("latch", "1 nan", "nan or inf"),
        ("latch", "1 0,2", "1 number\\(s\\) in step 2, found 2"),
        ("adding", "0.1,1 0.2", "2 number\\(s\\) in step 2, found 1"),
        ("digits", "0 1 0", "64 pixels"),
    ],
)
def test_a_sequence_that_is_none_is_refused(name: str, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        problem_of(MemoryData.model_validate({"problem": name})).read(text)
