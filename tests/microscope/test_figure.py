"""Figures refuse arrays that do not fit their axes; a check says how far its two sides are apart."""

from __future__ import annotations

import numpy as np
import pytest

from cellwright.errors import ShapeError
from cellwright.microscope.figure import Check, Figure


def test_a_check_holds_within_its_tolerance_and_not_beyond() -> None:
    left = np.array([1.0, 2.0])
    assert Check("a = b", left, left + 1e-13, 1e-12).holds
    broken = Check("a = b", left + [0, 1e-6], left, 1e-12)
    assert not broken.holds
    assert str(broken) == "a = b: error 1.0e-06 (does NOT hold)"


def test_what_is_no_number_never_holds_but_the_same_infinity_does() -> None:
    inf = np.array([-np.inf, 1.0])
    assert Check("a = b", inf, inf, 0.0).holds
    assert Check("a = b", inf, np.array([np.inf, 1.0]), 1e9).error == np.inf
    assert Check("a = b", np.array([np.nan]), np.array([np.nan]), 1e9).error == np.inf


def test_sides_of_two_shapes_are_refused() -> None:
    with pytest.raises(ShapeError, match="one side is"):
        Check("a = b", np.zeros(2), np.zeros(3), 0.0)


def figure(arrays: dict[str, np.ndarray], axes: dict[str, tuple[str, ...]], **more: object) -> Figure:
    return Figure("name", "title", "formula", "1", "[0, 1]", "cellwright", arrays, axes, **more)  # type: ignore[arg-type]


def test_arrays_must_fit_their_axes_and_labels() -> None:
    assert figure({"a": np.zeros((2, 3)), "b": np.zeros(3)}, {"a": ("t", "unit"), "b": ("unit",)})
    with pytest.raises(ShapeError, match="its axes are"):
        figure({"a": np.zeros((2, 3)), "b": np.zeros(2)}, {"a": ("t", "unit"), "b": ("unit",)})
    with pytest.raises(ShapeError, match="its axes are"):
        figure({"a": np.zeros(2)}, {"a": ("t",)}, labels={"t": ("leave", "Taipei", "on")})
    with pytest.raises(ShapeError, match="but axes of"):
        figure({"a": np.zeros(2)}, {})
