"""What a model is asked: texts, words, and what is neither."""

from __future__ import annotations

from typing import Any

import pytest

from cellwright.errors import DataError
from cellwright.tasks.data.given_text import given_text, given_words
from cellwright.tasks.lm.shipped import shipped_model

WRONG: list[tuple[Any, str]] = [
    (None, "found NoneType"),
    (3, "found int"),
    (b"leave", "found bytes"),  # would be read as the numbers of its bytes
    ({"text": "leave"}, "found dict"),  # its keys
    ({"leave"}, "found set"),  # in any order; one word here, or the name of the case would change from run to run
    (["leave", 3], "found int at place 2: 3"),
    ([["leave", "Taipei"]], "found list at place 1"),
    (["leave Taipei", "what time is it?"], "found a list with the text 'leave Taipei'"),
    (["half \ud800"], "half a character"),
]


@pytest.mark.parametrize(("given", "message"), WRONG, ids=lambda value: repr(value)[:30])
def test_what_is_neither_a_text_nor_words_is_refused(given: Any, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        given_text(given, "word")
    assert caught.value.repair
    model = shipped_model()
    for ask in (model.predict, model.complete):
        with pytest.raises(DataError, match=message):
            ask(given)


def test_words_may_come_from_anything_that_gives_one_after_the_other() -> None:
    for words in (["10 000", "euros", "a", "day"], ("leave", "Taipei"), iter(["leave", "Taipei"])):
        assert len(given_words(words)) in (2, 4)
    assert shipped_model().complete(word for word in ["the", "sky"]).text == "the sky"  # type: ignore[arg-type]
