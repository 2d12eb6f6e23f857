"""The travel utterances: deterministic, varied, and ambiguous exactly where they claim to be."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest

from cellwright.errors import ConfigError
from cellwright.tasks.data.schemes import spans
from cellwright.tasks.data.text import tokenize
from cellwright.tasks.travel.generate import FAR, MAX_DISTANCE, TravelCorpus, _Writer, generate
from cellwright.tasks.travel.handwritten import handwritten


@pytest.fixture(scope="module", params=["en", "zh"])
def corpus(request: pytest.FixtureRequest) -> TravelCorpus:
    return generate(request.param)


def city(corpus: TravelCorpus, split: str, k: int) -> tuple[str, ...]:
    case = corpus.cases[split][k]
    u = dict(corpus.splits())[split][case.utterance]
    start, end, _ = next(span for span in spans(u.slots) if span[0] == case.word)
    return u.words[start:end]


def test_the_same_seed_gives_the_same_utterances_and_another_seed_others() -> None:
    first, again, other = (generate("en", seed, train=40, valid=10, test=10) for seed in (5, 5, 6))
    assert first.train == again.train
    assert first.cases == again.cases
    assert first.train != other.train


def test_slots_and_intents_are_as_many_as_promised(corpus: TravelCorpus) -> None:
    slots = {label for u in corpus.train for _, _, label in spans(u.slots)}
    assert len(slots) == 18
    assert len({u.intent for u in corpus.train}) == 9
    for _, utterances in corpus.splits():
        assert {label for u in utterances for _, _, label in spans(u.slots)} <= slots


def test_cases_come_in_pairs_that_differ_in_the_cue_alone(corpus: TravelCorpus) -> None:
    """Whoever does not see the cue gives both of a pair the same answer and is right once."""
    for split, utterances in corpus.splits():
        cases = corpus.cases[split]
        roles: dict[str, Counter[str]] = defaultdict(Counter)
        for k, case in enumerate(cases):
            roles[" ".join(city(corpus, split, k)).lower() + case.cue][utterances[case.utterance].slots[case.word]] += 1
        for counts in roles.values():
            assert counts["B-departure"] == counts["B-destination"]


def test_what_stands_before_a_right_cue_does_not_tell(corpus: TravelCorpus) -> None:
    prefixes: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for case in corpus.cases["test"]:
        if case.cue == "right":
            u = corpus.test[case.utterance]
            prefixes[u.words[: case.word + 1]][u.slots[case.word]] += 1
    assert all(counts["B-departure"] == counts["B-destination"] for counts in prefixes.values())


def test_distances_and_counts(corpus: TravelCorpus) -> None:
    cases = corpus.cases["test"]
    assert len(cases) >= 4_000
    distances = Counter(case.distance for case in cases)
    assert set(distances) == set(range(1, MAX_DISTANCE + 1))
    assert sum(case.far for case in cases) >= 500
    assert all(case.far == (case.distance >= FAR) for case in cases)


def test_test_has_frames_and_cities_that_training_never_shows(corpus: TravelCorpus) -> None:
    known = {" ".join(city(corpus, "train", k)).lower() for k in range(len(corpus.cases["train"]))}
    for k, case in enumerate(corpus.cases["test"]):
        if not case.seen_city:
            assert " ".join(city(corpus, "test", k)).lower() not in known
    names = {" ".join(city(corpus, "test", k)).lower(): case.seen_city for k, case in enumerate(corpus.cases["test"])}
    assert sum(not seen for seen in names.values()) >= 0.3 * len(names)
    assert sum(not case.seen_frame for case in corpus.cases["test"]) >= 0.2 * len(corpus.cases["test"])


def test_no_frame_is_in_two_splits_lists(corpus: TravelCorpus) -> None:
    """A frame kept for test must not come back in training under another kind or with a question mark."""
    language = corpus.name.removeprefix("travel-")
    writer = _Writer(language, np.random.default_rng(0))
    frames = [row.text.rstrip("?* ") for parts in writer.frames.values() for rows in parts.values() for row in rows]
    assert len(frames) == len(set(frames)) > 500


def test_tokens_of_the_text_are_the_words(corpus: TravelCorpus) -> None:
    """So that a trained model sees at prediction what it saw in training."""
    for u in corpus.train[:1000]:
        assert u.text is not None
        assert tuple(token for token, _, _ in tokenize(u.text)) == u.words


def test_handwritten_sentences_use_the_generators_labels(corpus: TravelCorpus) -> None:
    slots = {label for u in corpus.train for _, _, label in spans(u.slots)}
    intents = {u.intent for u in corpus.train}
    rows = handwritten(corpus.name.removeprefix("travel-"))
    assert len(rows) == 30
    assert all(u.intent in intents and {label for _, _, label in spans(u.slots)} <= slots for u in rows)


def test_another_language_is_refused() -> None:
    with pytest.raises(ConfigError, match="en or zh, found 'fr'"):
        generate("fr")
