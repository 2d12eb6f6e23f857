"""Figures that are taken where they are named: parsed, taken in the right place, the same as from their functions."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cellwright.errors import ConfigError
from cellwright.microscope.itemised import itemised_gradient
from cellwright.microscope.report import asked, look, overview, report_html
from cellwright.microscope.report.asked import Asked, asked_of, at_phrase, take_asked
from cellwright.microscope.subject import subject
from cellwright.nn import LSTM, RNN
from cellwright.tasks.lm.predict import LmModel
from cellwright.tasks.lm.shipped import shipped_model

torch.set_num_threads(1)
TEXT = "the sea is"


@pytest.fixture(scope="module")
def model() -> LmModel:
    return shipped_model()


def test_a_name_says_measure_weight_layer_and_direction() -> None:
    assert asked_of("ablation") == Asked("ablation")
    assert asked_of("influence.2.backward") == Asked("influence", "", 1, 1)
    assert asked_of("itemised_norms.p_o") == Asked("itemised_norms", "p_o")
    assert asked_of("itemised_gradient.R.f.1.backward") == Asked("itemised_gradient", "R.f", 0, 1)
    with pytest.raises(ConfigError, match="Did you mean itemised_gradient"):
        asked_of("itemized_gradient.R.f")


def test_the_triangle_is_that_of_its_function_at_the_place_that_is_named() -> None:
    layer, x = LSTM(3, 4, num_layers=2, bidirectional=True, dtype=torch.float64), torch.randn(6, 1, 3)
    seen = take_asked(layer, x, look(layer, x), [asked_of("itemised_gradient.R.f.2.backward")])
    (made,) = (placed for placed in seen.figures if placed.figure.name == "itemised_gradient.R.f")
    assert (made.layer, made.direction) == (1, 1)
    again = itemised_gradient(seen.record, "R.f", 1, 1)
    np.testing.assert_array_equal(made.figure.arrays["addend"], again.arrays["addend"])
    assert made.figure.check is not None
    assert made.figure.check.holds
    assert "itemised_gradient.R.f" in report_html([seen])


@pytest.mark.parametrize("name", ["gate_kinds", "carry_gradient", "notebook", "itemised_norms.R.f"])
def test_of_a_cell_that_has_no_such_thing_the_reason_is_kept(name: str) -> None:
    layer, x = RNN(3, 4), torch.randn(5, 1, 3)
    seen = take_asked(layer, x, look(layer, x), [asked_of(name)])
    (absent,) = (a for a in seen.absent if a.name == name)
    assert "no carry path" in absent.why or "Expected a weight of" in absent.why


def test_what_is_too_large_for_a_report_is_taken_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, x = LSTM(3, 4), torch.randn(6, 1, 3)
    monkeypatch.setattr(overview, "JACOBIANS", 10)
    seen = look(layer, x)
    assert "--figure state_jacobian" in next(a.why for a in seen.absent if a.name == "state_jacobian")
    seen = take_asked(layer, x, seen, [asked_of("state_jacobian")])
    assert seen.named("state_jacobian") is not None
    assert "state_jacobian" not in {a.name for a in seen.absent}


def test_what_would_not_end_or_not_fit_is_refused_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, x = LSTM(1, 2), torch.randn(401, 1, 1)
    monkeypatch.setattr(asked, "ENTRIES", 401 * 16 - 1)
    seen = take_asked(layer, x, look(layer, x), [asked_of("influence"), asked_of("transition_norms")])
    assert "transition_norms" not in {a.name for a in seen.absent}  # the report has it: nothing is taken anew
    assert "up to 400 steps, found 401" in next(a.why for a in seen.absent if a.name == "influence")
    monkeypatch.setattr(overview, "JACOBIANS", 10)
    seen = take_asked(layer, x, look(layer, x), [asked_of("transition_norms")])
    assert "up to 6,415 entries, found 6,416" in next(a.why for a in seen.absent if a.name == "transition_norms")


def test_a_unit_is_worth_what_the_models_own_answers_lose(model: LmModel) -> None:
    texts = ["sky is", "grass is"]
    seen = take_asked(model, TEXT, look(model, TEXT), [asked_of("ablation")], texts)
    figure = seen.named("ablation")
    assert figure is not None
    assert figure.check is not None
    assert figure.check.holds
    with torch.no_grad():
        mean = np.mean([float(subject(model, text).value()) for text in (TEXT, *texts)])
    np.testing.assert_allclose(figure.check.right, mean, rtol=1e-12)
    assert figure.title.startswith("What the mean of log p(answer) over 3 texts loses")
    assert np.abs(figure.arrays["drop"]).max() > 1e-3


def test_of_a_layer_no_answer_says_what_a_unit_is_worth() -> None:
    layer, x = LSTM(3, 4), torch.randn(5, 1, 3)
    seen = take_asked(layer, x, look(layer, x), [asked_of("ablation"), asked_of("deletion")])
    assert "Expected a trained model, found a LSTM" in next(a.why for a in seen.absent if a.name == "ablation")
    assert seen.named("deletion") is not None


def test_a_phrase_is_split_and_its_units_are_looked_for(model: LmModel) -> None:
    seen = at_phrase(model, TEXT, look(model, TEXT), "sea is", level=0.0)
    split, found = seen.named("contextual_decomposition"), seen.named("find_by_range", 0, 0)
    assert split is not None
    assert found is not None
    assert (found.arrays["start"][0], found.arrays["stop"][0]) == (2, 4)  # behind ⏎ and "the"
    seen = at_phrase(model, TEXT, look(model, TEXT), "sea is", level=9.0)
    assert "Take a lower level" in next(a.why for a in seen.absent if a.name == "find_by_range")
