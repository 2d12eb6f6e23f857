"""`__all__` of every package says exactly what is public, sorted, and each name exists."""

from __future__ import annotations

import importlib

import pytest

PACKAGES = ["cellwright", "cellwright.errors", "cellwright.ops", "cellwright.cells", "cellwright.nn"]


@pytest.mark.parametrize("name", PACKAGES)
def test_all_names_exist_without_repeats(name: str) -> None:
    module = importlib.import_module(name)
    assert len(set(module.__all__)) == len(module.__all__)
    for public in module.__all__:
        assert getattr(module, public) is not None


@pytest.mark.parametrize("name", ["cellwright.errors", "cellwright.nn"])
def test_no_public_name_is_left_out(name: str) -> None:
    module = importlib.import_module(name)
    own = {
        key
        for key, value in vars(module).items()
        if not key.startswith("_") and getattr(value, "__module__", "").startswith(name)
    }
    assert own <= set(module.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    import cellwright

    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = cellwright.nonsense
