"""Figures as tables: for a terminal through rich, for a notebook as HTML."""

from __future__ import annotations

from html import escape

import numpy as np
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from cellwright.microscope.charts import labels_of
from cellwright.microscope.figure import Array, Figure

__all__ = ["figure_html", "figure_table", "number", "print_figure"]

ROWS, COLUMNS = 12, 8  # of what is printed; the rest is in --json and --npz


def number(value: float) -> str:
    """Four significant digits."""
    return "inf" if value == np.inf else "−inf" if value == -np.inf else f"{value:.4g}".replace("-", "−")


def print_figure(figure: Figure, console: Console | None = None) -> None:
    """Print the table."""
    (console or Console()).print(figure_table(figure))


def figure_table(figure: Figure, rows: int = ROWS) -> Group:
    """Title, what is measured, the first rows of its arrays, the line that says whether it adds up, notes, verdict.

    Args:
        rows: of each array; of more, those with the largest numbers are shown, in their order.
    """
    lines: list[Text | Table] = [Text(figure.title, style="bold")]
    lines.append(Text(f"{figure.formula}   unit {figure.unit}, range {figure.range}; {figure.source}", style="dim"))
    for names in _alike(figure):
        table, left_out = _table(figure, names, rows)
        lines += [table, Text(left_out, style="dim")] if left_out else [table]
    lines += _said(figure)
    return Group(*lines)


def _said(figure: Figure) -> list[Text]:
    lines = []
    if figure.check is not None:
        lines.append(Text(f"adds up: {figure.check}", style="green" if figure.check.holds else "bold red"))
    lines += [Text(f"note: {note}", style="dim") for note in figure.notes]
    return [*lines, Text(figure.verdict)] if figure.verdict else lines


def _alike(figure: Figure) -> list[list[str]]:
    """Names of arrays with the same axes, which share a table; a table of two axes stands alone."""
    groups: dict[tuple[str, ...] | str, list[str]] = {}
    for name, axes in figure.axes.items():
        groups.setdefault(axes if len(axes) < 2 else name, []).append(name)
    return list(groups.values())


def _chosen(sizes: Array, limit: int) -> list[int]:
    """Places of the largest numbers, in order; all where there are few."""
    if len(sizes) <= limit:
        return list(range(len(sizes)))
    order = np.argsort(-np.nan_to_num(np.abs(sizes), nan=np.inf, posinf=np.inf), kind="stable")
    return sorted(order[:limit].tolist())


def _table(figure: Figure, names: list[str], limit: int) -> tuple[Table, str]:
    """The table, and what it leaves out."""
    axes = figure.axes[names[0]]
    table = Table(box=None, pad_edge=False, header_style="bold")
    if len(axes) > 1:
        return _matrix(figure, names[0], table, limit)
    if not axes:
        for name in names:
            table.add_column(name, justify="right")
        table.add_row(*(number(float(figure.arrays[name])) for name in names))
        return table, ""
    table.add_column(axes[0])
    for name in names:
        table.add_column(name, justify="right")
    first = np.asarray(figure.arrays[names[0]], np.float64)
    said = labels_of(figure, axes[0], len(first))
    chosen = _chosen(first, limit)
    for at in chosen:
        table.add_row(said[at], *(number(float(figure.arrays[name][at])) for name in names))
    return table, f"{len(chosen)} of {len(first):,}, largest {names[0]}" if len(chosen) < len(first) else ""


def _matrix(figure: Figure, name: str, table: Table, limit: int) -> tuple[Table, str]:
    values = np.asarray(figure.arrays[name], np.float64)
    axes = figure.axes[name]
    if values.ndim > 2:
        values = np.sqrt((values**2).sum(axis=tuple(range(2, values.ndim))))
    down, right = (labels_of(figure, axis, size) for axis, size in zip(axes[:2], values.shape, strict=True))
    rows = _chosen(np.abs(values).max(axis=1, initial=0.0), limit)
    columns = _chosen(np.abs(values).max(axis=0, initial=0.0), COLUMNS)
    table.add_column(f"{name}: {axes[0]} \\ {axes[1]}")
    for column in columns:
        table.add_column(right[column], justify="right")
    for row in rows:
        table.add_row(down[row], *(number(float(values[row, column])) for column in columns))
    if len(rows) == values.shape[0] and len(columns) == values.shape[1]:
        return table, ""
    return table, f"{len(rows)} × {len(columns)} of {values.shape[0]:,} × {values.shape[1]:,}, largest entries"


def figure_html(figure: Figure, rows: int = ROWS) -> str:
    """The same as a piece of HTML, for notebooks; no script, no network."""
    parts = [f"<strong>{escape(figure.title)}</strong>"]
    about = f"{figure.formula}   [{figure.unit}], range {figure.range}; {figure.source}"
    parts.append(f"<div><small>{escape(about)}</small></div>")
    for names in _alike(figure):
        table, left_out = _table(figure, names, rows)
        parts.append(_html_table(table) + (f"<small>{escape(left_out)}</small>" if left_out else ""))
    for line in _said(figure):
        red = str(line.style) == "bold red"
        style = ' style="color:#b00020;font-weight:bold"' if red else ""
        parts.append(f"<div{style}>{escape(line.plain)}</div>")
    return f'<div class="cellwright-figure">{"".join(parts)}</div>'


def _html_table(table: Table) -> str:
    head = "".join(f"<th>{escape(str(column.header))}</th>" for column in table.columns)
    body = zip(*(list(column.cells) for column in table.columns), strict=True)
    rows = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in body)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
