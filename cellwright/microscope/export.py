"""Figures as files: JSON, NPZ, and pictures in PNG or SVG. A file is written whole or not at all."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cellwright.errors import ConfigError
from cellwright.microscope.charts import chart
from cellwright.microscope.figure import Figure
from cellwright.tasks.storage.atomic import write_file

__all__ = ["check_image", "draw_image", "figures_json", "to_data", "write_image", "write_json", "write_npz"]

ENDINGS = (".png", ".svg", ".vl.json")


def to_data(figure: Figure) -> dict[str, Any]:
    """Everything of a figure as JSON can hold it; what is no finite number becomes "inf", "-inf" or "nan"."""
    check = figure.check
    return {
        "name": figure.name,
        "title": figure.title,
        "formula": figure.formula,
        "unit": figure.unit,
        "range": figure.range,
        "source": figure.source,
        "arrays": {name: _plain(np.asarray(array).tolist()) for name, array in figure.arrays.items()},
        "axes": {name: list(axes) for name, axes in figure.axes.items()},
        "labels": {axis: list(labels) for axis, labels in figure.labels.items()},
        "check": None
        if check is None
        else {
            "identity": check.identity,
            "error": _plain(check.error),
            "tolerance": _plain(float(check.tolerance)),
            "holds": check.holds,
        },
        "notes": list(figure.notes),
        "verdict": figure.verdict,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def figures_json(figures: Sequence[Figure], **about: Any) -> str:
    """One JSON object: `about`, and the figures."""
    made = {**about, "figures": [to_data(figure) for figure in figures]}
    return json.dumps(made, ensure_ascii=False, allow_nan=False)


def write_json(path: Path, figures: Sequence[Figure], **about: Any) -> None:
    """Raises StorageError."""
    write_file(path, figures_json(figures, **about).encode())


def write_npz(path: Path, figures: Sequence[Figure], arrays: dict[str, Any], keys: Sequence[str] | None = None) -> None:
    """Every array under "figure.array", `arrays` under their own names, and "about", the figures' JSON without arrays.

    Args:
        keys: what stands for each figure's name; two figures need two.

    Raises StorageError.
    """
    names = list(keys) if keys is not None else [figure.name for figure in figures]
    held = {
        f"{key}.{name}": np.asarray(a)
        for key, one in zip(names, figures, strict=True)
        for name, a in one.arrays.items()
    }
    about = [{k: v for k, v in to_data(figure).items() if k != "arrays"} for figure in figures]
    buffer = io.BytesIO()
    np.savez_compressed(buffer, about=np.array(json.dumps(about, ensure_ascii=False)), **held, **arrays)  # type: ignore[arg-type]
    write_file(path, buffer.getvalue())


def write_image(path: Path, figure: Figure, array: str | None = None, scale: float = 2.0) -> None:
    """A picture of a figure, as `draw_image` makes it. Raises what that does; StorageError: it cannot be written."""
    write_file(path, draw_image(path.name, figure, array, scale))


def draw_image(name: str, figure: Figure, array: str | None = None, scale: float = 2.0) -> bytes:
    """A picture of a figure; the ending of the file's name says which kind: .png, .svg, or .vl.json, the Vega-Lite
    text itself.

    Raises ConfigError: another ending; too many entries; the extra that draws is not installed.
    """
    check_image(name)
    spec = chart(figure, array)
    text = json.dumps(spec, ensure_ascii=False)
    if name.endswith(".vl.json"):
        return text.encode()
    try:
        import vl_convert
    except ImportError:
        raise ConfigError(
            "Expected vl-convert-python, which draws PNG and SVG without a browser, found it not installed.",
            repair="pip install 'cellwright[microscope]'",
        ) from None
    if name.endswith(".svg"):
        return str(vl_convert.vegalite_to_svg(text, vl_version="6.4")).encode()
    return bytes(vl_convert.vegalite_to_png(text, vl_version="6.4", scale=scale))


def check_image(name: str) -> None:
    """Raises ConfigError for a name whose ending says of no picture that can be drawn."""
    if not name.endswith(ENDINGS):
        raise ConfigError(f"Expected a file that ends in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}, found {name}.")
