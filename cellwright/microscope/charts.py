"""A Vega-Lite picture of any figure: bars or a line of a row of numbers, a heat map of a table of them.

Colours are of scales that colour-blind readers tell apart: cividis for sizes, blue to orange around 0 for signs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cellwright.errors import ConfigError
from cellwright.microscope.figure import Array, Figure

__all__ = ["DECADES", "SCHEMA", "chart", "labels_of", "shown_array"]

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"  # a name, never fetched
DECADES = 3  # positive numbers that span more are shown on a log scale
BARS, CELLS = 80, 40_000  # more names than BARS make a line; more entries than CELLS make no picture
FONT = 'system-ui, "Noto Sans", "Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC", sans-serif'


def chart(figure: Figure, array: str | None = None, width: int = 560) -> dict[str, Any]:
    """The Vega-Lite specification of one array of a figure, data included.

    Args:
        array: its name; the first one if not given.

    Raises ConfigError: no such array, or more entries than a picture can show.
    """
    name, values, axes = shown_array(figure, array)
    if values.size > CELLS:
        raise ConfigError(
            f"Expected at most {CELLS:,} entries in a picture, found {values.size:,} in {figure.name}.",
            repair="The numbers themselves: to_data(), or --json and --npz.",
        )
    spec: dict[str, Any] = {
        "$schema": SCHEMA,
        "title": {"text": figure.title, "subtitle": subtitle(figure, name), "anchor": "start"},
        "width": width,
        "config": {"font": FONT, "view": {"stroke": None}, "axis": {"labelLimit": 120}},
    }
    if values.ndim == 0:
        text = {"value": f"{float(values):.6g}"}
        return {**spec, "data": {"values": [{}]}, "mark": {"type": "text", "fontSize": 22}, "encoding": {"text": text}}
    if values.ndim == 1:
        return spec | _row(figure, name, values, axes[0])
    return spec | _table(figure, name, values, axes)


def shown_array(figure: Figure, array: str | None = None) -> tuple[str, Array, tuple[str, ...]]:
    """(name, values, axes) of what a picture shows: more than two axes are reduced to norms over the last ones."""
    name = array or next(iter(figure.arrays))
    if name not in figure.arrays:
        raise ConfigError(f"Expected an array of {figure.name}: {', '.join(figure.arrays)}; found {name!r}.")
    values, axes = np.asarray(figure.arrays[name], np.float64), figure.axes[name]
    if values.ndim > 2:
        values, axes = np.sqrt((values**2).sum(axis=tuple(range(2, values.ndim)))), axes[:2]
    return name, values, axes


def labels_of(figure: Figure, axis: str, size: int) -> list[str]:
    """What stands at each place of an axis: "3 Taipei", or the number alone."""
    names = figure.labels.get(axis)
    if names is None:
        return [str(k) for k in range(size)]
    return list(names) if len(set(names)) == len(names) else [f"{k} {name}" for k, name in enumerate(names)]


def subtitle(figure: Figure, name: str) -> list[str]:
    lines = [f"{name}: {figure.formula}   [{figure.unit}]"]
    return [*lines, str(figure.check)] if figure.check is not None else lines


def is_log(values: Array) -> bool:
    """Whether sizes span so many decades that only a log scale shows them."""
    positive = values[np.isfinite(values) & (values > 0)]
    if not positive.size or (values[np.isfinite(values)] < 0).any():
        return False
    return bool(np.log10(positive.max()) - np.log10(positive.min()) > DECADES)


def _entries(values: Sequence[float], floor: float | None) -> list[dict[str, Any]]:
    """Numbers as Vega takes them: what is no number, or 0 on a log scale, stands at the floor and says so."""
    made = []
    for value in values:
        number = float(value)
        shown = number if np.isfinite(number) and (floor is None or number > 0) else (floor or 0.0)
        said = f"{number:.6g}"
        made.append({"value": shown, "said": said, "floor": shown != number})
    return made


def _floor(values: Array) -> float | None:
    if not is_log(values):
        return None
    return float(10.0 ** np.floor(np.log10(values[np.isfinite(values) & (values > 0)].min()) - 0.5))


def _row(figure: Figure, name: str, values: Array, axis: str) -> dict[str, Any]:
    floor = _floor(values)
    names = labels_of(figure, axis, len(values))
    data = [
        {axis: at, "label": label, **entry}
        for at, (label, entry) in enumerate(zip(names, _entries(values.tolist(), floor), strict=True))
    ]
    tooltip = [{"field": "label", "title": axis}, {"field": "said", "title": name}]
    y: dict[str, Any] = {"field": "value", "type": "quantitative", "title": f"{name} [{figure.unit}]"}
    if floor is not None:
        y["scale"] = {"type": "log", "domainMin": floor}
    if axis in figure.labels and len(values) <= BARS:
        x: dict[str, Any] = {
            "field": "label",
            "type": "nominal",
            "sort": None,
            "title": axis,
            "axis": {"labelAngle": -40},
        }
        marks: list[dict[str, Any]] = [
            {"mark": {"type": "point" if floor else "bar", "filled": True, "color": "#0072b2"}}
        ]
    else:
        x = {"field": axis, "type": "quantitative", "title": axis, "axis": {"tickMinStep": 1}}
        marks = [{"mark": {"type": "line", "color": "#0072b2"}}]
        if len(values) <= BARS:
            marks.append({"mark": {"type": "point", "filled": True, "size": 24, "color": "#0072b2"}})
    marks.append({
        "transform": [{"filter": "datum.floor"}],
        "mark": {"type": "point", "shape": "triangle-down", "size": 60, "color": "#d55e00"},
    })  # fmt: skip
    encoding = {"x": x, "y": y, "tooltip": tooltip}
    return {"height": 220, "data": {"values": data}, "layer": [{**mark, "encoding": encoding} for mark in marks]}


def _table(figure: Figure, name: str, values: Array, axes: tuple[str, ...]) -> dict[str, Any]:
    if axes[1] == "unit" and axes[0] != "unit":
        values, axes = values.T, (axes[1], axes[0])  # time runs to the right
    rows, columns = values.shape
    floor = _floor(values)
    down, right = labels_of(figure, axes[0], rows), labels_of(figure, axes[1], columns)
    entries = iter(_entries(values.ravel().tolist(), floor))
    data = [
        {"row": row, "column": column, "down": down[row], "right": right[column], **next(entries)}
        for row in range(rows)
        for column in range(columns)
    ]
    finite = values[np.isfinite(values)]
    signed = bool((finite < 0).any())
    reach = float(np.abs(finite).max()) if finite.size else 1.0
    scale: dict[str, Any] = {"scheme": "cividis"}
    if signed:
        scale = {"scheme": "blueorange", "domain": [-reach, reach]}
    elif floor is not None:
        scale = {"scheme": "cividis", "type": "log", "domainMin": floor}
    axis = {"labelOverlap": True, "labelAngle": 0}
    encoding = {
        "x": {"field": "right", "type": "nominal", "sort": None, "title": axes[1], "axis": {**axis, "labelAngle": -40}},
        "y": {"field": "down", "type": "nominal", "sort": None, "title": axes[0], "axis": axis},
        "color": {"field": "value", "type": "quantitative", "scale": scale, "title": f"{name} [{figure.unit}]"},
        "tooltip": [
            {"field": "down", "title": axes[0]}, {"field": "right", "title": axes[1]}, {"field": "said", "title": name},
        ],
    }  # fmt: skip
    height = min(520, max(60, 14 * rows))
    return {"height": height, "data": {"values": data}, "mark": {"type": "rect"}, "encoding": encoding}
