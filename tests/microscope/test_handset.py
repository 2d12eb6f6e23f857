"""Hand-set models do exactly what their lines say: in float64 a gate of σ(40) is 1."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cellwright.errors import DataError
from cellwright.microscope import handset
from cellwright.microscope.events import KINDS, forgetting_events, gate_kinds
from cellwright.microscope.gates import half_life
from cellwright.microscope.record import inspect


def values(model: handset.HandSet, name: str, *sentence: str) -> list[list[float]]:
    record = model.inspect(*([sentence] if sentence else []))
    found: list[list[float]] = record.run().values[name][:, 0].tolist()
    return found


def test_a_new_subject_replaces_the_number() -> None:
    model = handset.agreement()
    words = model.sentence
    c, f = values(model, "c"), values(model, "f")
    first, second = words.index("小明"), words.index("同学们")
    assert {row[0] for row in c[first:second]} == {-1.0}
    assert {row[0] for row in c[second:]} == {1.0}
    assert f[second][0] <= 0.01
    assert all(row[0] == 1 for k, row in enumerate(f) if k not in (first, second))


def test_the_verb_sees_the_number_and_not_the_gender() -> None:
    model = handset.agreement()
    for subject, number, gender in (("小明", -1, 1), ("小红", -1, -1)):
        record = model.inspect((subject, "昨天", "在", "学校", "唱歌"))
        c, h, o = (record.run().values[name][-1, 0] for name in "cho")
        assert c.tolist() == [number, gender]
        assert h[0] == pytest.approx(math.tanh(number), rel=1e-15)
        assert abs(h[1]) <= 1e-8
        assert o[1] <= 1e-8


def test_exactly_the_planted_events_are_found() -> None:
    model = handset.agreement()
    figure = forgetting_events(model.inspect())
    found = {
        (model.sentence[step], model.units[unit], KINDS[kind])
        for step, unit, kind in zip(*(figure.arrays[name] for name in ("step", "unit", "kind")), strict=True)
    }
    assert found == {("同学们", "number", "replace"), ("同学们", "gender", "clear")}
    assert len(figure.arrays["step"]) == 2
    np.testing.assert_array_equal(figure.arrays["erased_amount"], [1, 1])
    np.testing.assert_array_equal(figure.arrays["written_amount"], [1, 0])
    assert figure.labels["event"] == ("同学们: c 0, replace", "同学们: c 1, clear")
    assert "2 events in 1 of 9 steps, most at 同学们" in figure.verdict


def test_the_gate_table() -> None:
    model = handset.gate_table()
    for start in (0.0, 0.5, -2.0):
        for word, expected in {"keep": start, "blend": start + 1, "clear": 0.0, "replace": 1.0}.items():
            record = inspect(model.layer, model.encode([word]), state=(np.zeros((1, 1, 1)), np.full((1, 1, 1), start)))
            assert abs(record.run().values["c"][0, 0, 0] - expected) < 1e-16
            assert KINDS[gate_kinds(record).arrays["kind"][0, 0]] == word


def test_the_gate_table_with_an_old_value_and_a_candidate() -> None:
    model = handset.gate_table(-0.4)
    for word, expected in {"keep": 0.7, "blend": 0.3, "clear": 0.0, "replace": -0.4}.items():
        record = inspect(model.layer, model.encode([word]), state=(np.zeros((1, 1, 1)), np.full((1, 1, 1), 0.7)))
        assert record.run().values["c"][0, 0, 0] == pytest.approx(expected, rel=1e-15, abs=1.3e-18)


def test_a_forget_gate_far_shut_or_open_forgets_or_keeps_whole() -> None:
    model = handset.half_lives((-40.0, 40.0))
    c = model.inspect(("pulse", "wait")).run().values["c"][:, 0]
    assert c[0].tolist() == [1, 1]
    np.testing.assert_allclose(c[1], [4.2e-18, 1], rtol=0.02)
    assert c[1, 1] == 1


def test_the_counter_counts() -> None:
    assert values(handset.counter(), "c")[-1] == [50.0]
    assert [row[0] for row in values(handset.counter(), "c")] == list(range(1, 51))


def test_the_latch_holds_for_fifty_steps_and_lets_go() -> None:
    c, h = (values(handset.latch(), name) for name in "ch")
    assert {row[0] for row in c[:52]} == {1.0}
    assert h[51] == [pytest.approx(math.tanh(1), rel=1e-15)]
    assert c[52][0] < 1e-16
    assert h[53][0] < 1e-16


def test_half_lives_by_forget_bias() -> None:
    figure = half_life(handset.half_lives().inspect())
    found = figure.arrays["half_life"]
    assert [f"{n:.4g}" for n in found] == ["1", "2.213", "5.461", "14.27", "103.2"]
    f = 1 / (1 + np.exp(-np.array([0.0, 1, 2, 3, 5])))
    np.testing.assert_allclose(figure.arrays["mean"], f, rtol=1e-14)
    np.testing.assert_allclose(figure.arrays["time_scale"], 1 / (1 - f), rtol=1e-12)
    held = handset.half_lives((5.663,)).inspect(("pulse", *("wait",) * 200))
    np.testing.assert_allclose(held.run().values["c"][-1, 0, 0], 0.5, rtol=1e-3)


def test_words_travel_with_the_record_and_unknown_ones_are_named() -> None:
    model = handset.latch()
    record = model.inspect(("set", "wait"), ("set",))
    assert record.words == (("set", "wait"), ("set",))
    assert record.lengths_B.tolist() == [2, 1]
    with pytest.raises(DataError, match=r"(?s)words of the model latch, found 'go'.*It knows set, reset, wait, read"):
        model.inspect(("go",))
