"""The two-sided n-gram line against its formula, and on sentences where it must be exact."""

from __future__ import annotations

import numpy as np

from cellwright.tasks.cloze.corpora import Example
from cellwright.tasks.cloze.ngrams import TwoSided
from cellwright.tasks.text.vocabulary import END, TextVocabulary

SENTENCES = [("a", "x", "c"), ("a", "y", "d"), ("b", "x", "d"), ("b", "y", "e")] * 10


def two_sided(order: int = 2) -> TwoSided:
    vocabulary = TextVocabulary.learn(SENTENCES)
    return TwoSided([Example(words, words) for words in SENTENCES], vocabulary, order)


def test_both_sides_tell_what_one_does_not() -> None:
    counted = two_sided()
    rows = counted.vocabulary.rows
    for words, word in [(("a", "?", "c"), "x"), (("b", "?", "e"), "y")]:
        (both,) = counted.distributions([words], [[1]], 2)
        (left,) = counted.distributions([words], [[1]], 1)
        assert both.argmax() == rows[word]
        assert both[rows[word]] > 0.9
        np.testing.assert_allclose(left[rows["x"]], left[rows["y"]])


def test_probabilities_are_the_product_of_the_sides_over_how_often_the_word_is() -> None:
    counted = two_sided()
    a, d = counted.vocabulary.encode(["a", "d"])
    (found,) = counted.distributions([("a", "?", "d")], [[1]], 2)
    product = counted.left.distribution([END, a]) * counted.right.distribution([END, d])
    product[4:] /= counted.alone[4:]
    product[[0, 2, 3]] = 0
    product[1] /= counted.alone[1]
    np.testing.assert_allclose(found, product / product.sum(), rtol=1e-12)


def test_they_sum_to_one_at_every_place_also_of_unknown_words() -> None:
    counted = two_sided(3)
    for sides in (0, 1, 2):
        for p_V in counted.distributions([("a", "zebra", "c", "d")], [range(4)], sides):
            np.testing.assert_allclose(p_V.sum(), 1)
            assert (p_V >= 0).all()
            assert p_V[[0, 2, 3]].max() == 0
