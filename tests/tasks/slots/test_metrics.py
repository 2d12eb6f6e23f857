"""Figures equal those of the CoNLL script (through seqeval, its Python form)."""

from __future__ import annotations

import numpy as np
import pytest
from seqeval.metrics import f1_score, precision_score, recall_score

from cellwright.tasks.slots.metrics import score

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")


def random_tags(rng: np.random.Generator) -> list[list[str]]:
    names = ["O", "B-a", "I-a", "B-b", "I-b", "B-c", "I-c"]
    chances = [0.4, *[0.1] * 6]
    return [rng.choice(names, size=rng.integers(1, 9), p=chances).tolist() for _ in range(rng.integers(1, 9))]


def test_precision_recall_and_f1_equal_the_conll_scripts_on_600_random_corpora() -> None:
    rng = np.random.default_rng(0)
    for _ in range(600):
        given = random_tags(rng)
        found = [[str(rng.choice(tags)) if rng.random() < 0.3 else tag for tag in tags] for tags in given]
        ours = score(given, found).slots
        assert ours.precision == pytest.approx(precision_score(given, found, zero_division=0), abs=1e-12)
        assert ours.recall == pytest.approx(recall_score(given, found, zero_division=0), abs=1e-12)
        assert ours.f1 == pytest.approx(f1_score(given, found, zero_division=0), abs=1e-12)


def test_a_worked_example() -> None:
    """The boundary of one span is wrong, one is missed, one is made up."""
    given = [["B-city", "I-city", "O", "B-date"], ["O", "B-city"], ["O", "O"]]
    found = [["B-city", "O", "O", "B-date"], ["O", "O"], ["O", "B-time"]]
    scores = score(given, found, ["a", "b", "a"], ["a", "b", "b"])
    assert (scores.slots.right, scores.slots.found, scores.slots.given) == (1, 3, 3)
    assert scores.slots.f1 == pytest.approx(1 / 3)
    assert scores.intent_accuracy == pytest.approx(2 / 3)
    assert scores.sentence_accuracy == 0.0
    assert scores.token_accuracy == pytest.approx(5 / 8)
    assert scores.confusions == [("city", "city", 1), ("city", "O", 1), ("O", "time", 1)]
    assert scores.intent_confusions == [("a", "b", 1)]
    assert scores.per_slot["date"].f1 == 1.0


def test_a_sentence_is_right_only_with_its_intent() -> None:
    tags = [["B-a"], ["O"]]
    assert score(tags, tags, ["x", "y"], ["x", "x"]).sentence_accuracy == 0.5
    assert score(tags, tags).sentence_accuracy == 1.0
    assert score(tags, tags).intent_accuracy is None
