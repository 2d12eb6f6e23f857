"""Tag schemes are one meaning in three spellings, and wrong tags are named with their line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities

from cellwright.errors import DataError
from cellwright.tasks.data.schemes import convert, find_scheme, from_spans, spans, to_bio

LABELS = st.sampled_from(["a", "b-c", "PER.NAM"])


@st.composite
def bio_tags(draw: st.DrawFn) -> list[str]:
    tags: list[str] = []
    for _ in range(draw(st.integers(1, 6))):
        if draw(st.booleans()):
            tags += ["O"] * draw(st.integers(1, 2))
        else:
            label = draw(LABELS)
            tags += [f"B-{label}"] + [f"I-{label}"] * draw(st.integers(0, 3))
    return tags


@given(bio_tags(), st.sampled_from(["bio", "bioes", "iob1"]))
def test_converting_there_and_back_changes_nothing(tags: list[str], scheme: str) -> None:
    assert to_bio(convert(tags, scheme), scheme) == tags  # type: ignore[arg-type]


@given(bio_tags())
def test_spans_and_tags_say_the_same(tags: list[str]) -> None:
    assert from_spans(spans(tags), len(tags)) == tags


@given(st.lists(st.sampled_from(["O", "B-a", "I-a", "B-b", "I-b"]), max_size=12))
def test_spans_equal_seqevals_also_where_tags_are_loose(tags: list[str]) -> None:
    assert spans(tags) == [(start, end + 1, label) for label, start, end in get_entities(tags)]


def test_the_scheme_is_found() -> None:
    assert find_scheme([["B-a", "I-a", "O"]]) == "bio"
    assert find_scheme([["S-a", "O"], ["B-a", "E-a"]]) == "bioes"
    assert find_scheme([["I-a", "I-a", "B-a"], ["O", "I-b"]]) == "iob1"
    assert find_scheme([["O", "O"]]) == "bio"


def test_bmes_is_bioes_with_another_letter() -> None:
    tags = ["B-a", "M-a", "E-a", "S-b", "O"]
    assert find_scheme([tags]) == "bioes"
    assert to_bio(tags, "bioes") == ["B-a", "I-a", "I-a", "B-b", "O"]


@pytest.mark.parametrize(
    ("tags", "scheme", "message"),
    [
        (["O", "I-a"], "bio", "Expected B-a to begin a span, found I-a after O"),
        (["I-a"], "bio", "at the start of a sentence"),
        (["B-a", "I-b"], "bio", "after B-a"),
        (["O", "X-a"], "bio", "found 'X-a'"),
        (["O", "B-"], "bio", "found 'B-'"),
        (["O", ""], "bio", "found ''"),
        (["S-a"], "bio", "scheme bio"),
        (["B-a", "O"], "bioes", "Expected I-a or E-a after B-a, found O"),
        (["O", "B-a"], "bioes", "at the end of a sentence"),
        (["E-a"], "bioes", "Expected B-a to begin a span"),
    ],
)
def test_a_wrong_tag_is_named_with_file_line_and_repair(tags: list[str], scheme: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        to_bio(tags, scheme, [("x.conll", 10 + k) for k in range(len(tags))])  # type: ignore[arg-type]
    assert message in caught.value.message
    assert caught.value.file == "x.conll"
    assert caught.value.line is not None
    assert caught.value.line >= 10
    assert caught.value.repair
