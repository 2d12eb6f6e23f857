"""`cellwright inspect`: what a trained model does with a text, as tables, JSON, arrays, pictures, or one HTML file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from cellwright.cli.choices import check_able
from cellwright.errors import ConfigError
from cellwright.microscope.export import figures_json, write_image, write_npz
from cellwright.microscope.figure import Figure
from cellwright.microscope.report import Absent, Placed, Seen, look, look_at_corpus, write_report
from cellwright.microscope.tables import figure_table
from cellwright.microscope.threads import threads_for
from cellwright.microscope.watch import watched
from cellwright.tasks.api import load
from cellwright.tasks.data.text import read_lines
from cellwright.tasks.registry import kind_of_model
from cellwright.tasks.summaries import READS_WORDS

__all__ = ["run_inspection"]


def run_inspection(
    model: Path,
    text: str,
    other: Path | None,
    corpus: Path | None,
    html: Path | None,
    npz: Path | None,
    figures: Sequence[str],
    images: Sequence[str],
    words: bool,
    json: bool,
) -> None:
    """Look at one text, with one model or two, and write what is asked for; tables where nothing else is."""
    wanted = [_image(item) for item in images]
    inputs = text.split() if words else text
    texts = [] if corpus is None else read_lines(corpus)
    for path, _ in _named(model, other):
        kind, place = kind_of_model(path)
        check_able(kind.name, place, "--words", words, READS_WORDS)
    with threads_for(text):
        seen = [_look(load(path), inputs, name, texts) for path, name in _named(model, other)]
    for name, file in wanted:
        write_image(file, _figure(seen[0], name).figure)
        print(f"{file}: {name}")
    if npz is not None:
        write_npz(npz, [placed.figure for placed in seen[0].figures], _arrays(seen[0]), _keys(seen[0]))
        print(f"{npz}: every array, by layer and direction")
    if html is not None:
        size = write_report(html, seen, _while_trained(model))
        print(f"{html}: {size:,} bytes, opens without a network")
    if json:
        print(_json(seen))
    elif figures:
        for name in figures:
            Console().print(figure_table(_figure(seen[0], name).figure))
    elif html is None and npz is None and not images:
        for one in seen:
            _print(one, Console())


def _look(model: Any, inputs: Any, name: str, texts: Sequence[str]) -> Seen:
    """One model on the text, and on the corpus where there is one."""
    seen = look(model, inputs, name=name)
    if not texts:
        return seen
    figures, absent = look_at_corpus(model, texts)
    return replace(seen, figures=(*seen.figures, *figures), absent=(*seen.absent, *absent))


def _while_trained(model: Path) -> list[dict[str, Any]]:
    """Records of `train --watch` in the model's run; none of a run that was not watched."""
    return watched(model) or (watched(model.parent) if model.name == "best" else [])


def _named(model: Path, other: Path | None) -> list[tuple[Path, str]]:
    """Models with names that tell them apart."""
    if other is None:
        return [(model, model.name if model.name != "best" else model.parent.name)]
    return [(model, str(model)), (other, str(other))]


def _image(item: str) -> tuple[str, Path]:
    name, sign, file = item.partition("=")
    if not sign or not name or not file:
        raise ConfigError(f"Expected --image FIGURE=FILE, found {item!r}.", repair="--image gradient_by_lag=lag.png")
    return name, Path(file)


def _figure(seen: Seen, key: str) -> Placed:
    """A figure by name, "ring", or with its layer and direction, "ring.2.backward"."""
    keys = _keys(seen)
    for placed, name in zip(seen.figures, keys, strict=True):
        if key in (name, placed.figure.name):
            return placed
    for absent in seen.absent:
        if key == absent.name:
            raise ConfigError(f"Expected a figure of this model, found none of {key}: {absent.why}")
    raise ConfigError(f"Expected a figure, found {key!r}.", repair=f"This model has: {', '.join(dict.fromkeys(keys))}.")


def _keys(seen: Seen) -> list[str]:
    """Of each figure: its name, and of which layer and direction it is, counted from 1."""
    return [
        placed.figure.name
        if placed.layer is None
        else f"{placed.figure.name}.{placed.layer + 1}.{_direction(placed.direction)}"
        for placed in seen.figures
    ]


def _direction(direction: int | None) -> str:
    return "backward" if direction else "forward"


def _arrays(seen: Seen) -> dict[str, Any]:
    """Every recorded value and gradient, (T, n), under "layer.direction.values.name"."""
    found: dict[str, Any] = {}
    for run in seen.record.runs:
        place = f"{run.layer + 1}.{_direction(run.direction)}"
        found |= {f"{place}.values.{name}": values[:, 0] for name, values in run.values.items()}
        found |= {f"{place}.gradients.{name}": values[:, 0] for name, values in run.gradients.items()}
    return found


def _json(seen: Sequence[Seen]) -> str:
    made = [
        {
            "name": one.name,
            "answer": one.answer,
            "target": one.record.target,
            "words": list(one.record.words[0]) if one.record.words else [],
            "figures": [
                {"layer": p.layer, "direction": p.direction, **p.figure.to_data()} for p in one.figures
            ],
            "absent": [_absent(a) for a in one.absent],
        }
        for one in seen
    ]  # fmt: skip
    return figures_json([], models=made)


def _absent(absent: Absent) -> dict[str, Any]:
    return {"name": absent.name, "layer": absent.layer, "direction": absent.direction, "why": absent.why}


def _print(seen: Seen, console: Console) -> None:
    """The answer, what each word brings, then a line a figure."""
    console.print(f"[bold]{seen.name}[/bold]", highlight=False)
    if seen.answer is not None:
        console.print(seen.answer["said"], highlight=False, markup=False)
    console.print(f"gradients are of {seen.record.target}", style="dim", highlight=False, markup=False)
    if (brings := seen.named("integrated_gradients")) is not None:
        console.print(figure_table(_words_only(brings)))
    for run in seen.record.runs:
        table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left")
        table.title = (
            f"layer {run.layer + 1}, {_direction(run.direction)}: {run.cell.name}, {len(run.y_TBO[0, 0])} outputs"
        )
        for column in ("figure", "what it says", "adds up"):
            table.add_column(column)
        for placed in seen.figures:
            if (placed.layer, placed.direction) == (run.layer, run.direction):
                check = placed.figure.check
                said = "" if check is None else f"error {check.error:.0e}" if check.holds else f"NO: {check}"
                table.add_row(placed.figure.name, placed.figure.verdict, said)
        for absent in seen.absent:
            if (absent.layer, absent.direction) == (run.layer, run.direction):
                table.add_row(absent.name, absent.why, "")
        console.print(table)


def _words_only(figure: Figure) -> Figure:
    """The figure without its tables of two axes."""
    flat = {name: array for name, array in figure.arrays.items() if len(figure.axes[name]) < 2}
    axes = {name: figure.axes[name] for name in flat}
    return replace(figure, arrays=flat, axes=axes)
