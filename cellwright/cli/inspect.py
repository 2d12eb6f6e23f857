"""`cellwright inspect`: what a trained model does with a text, as tables, JSON, arrays, pictures, or one HTML file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from cellwright.cli.choices import check_able
from cellwright.errors import CellwrightError, ConfigError
from cellwright.microscope.export import check_image, draw_image, figures_json, write_npz
from cellwright.microscope.figure import Figure
from cellwright.microscope.report import (
    Absent,
    Placed,
    Seen,
    look,
    look_at_corpus,
    record_corpus,
    write_report,
)
from cellwright.microscope.tables import figure_table
from cellwright.microscope.threads import threads_for
from cellwright.microscope.watch import watched
from cellwright.tasks.api import load
from cellwright.tasks.data.text import read_lines
from cellwright.tasks.registry import kind_of_model
from cellwright.tasks.storage.atomic import write_file
from cellwright.tasks.summaries import READS_WORDS

if TYPE_CHECKING:
    from cellwright.microscope.report.asked import Asked

__all__ = ["run_inspection"]

SAID = 1_000  # characters of an answer that a terminal is given


def run_inspection(
    model: Path,
    text: str,
    *,
    other: Path | None = None,
    corpus: Path | None = None,
    html: Path | None = None,
    npz: Path | None = None,
    figures: Sequence[str] = (),
    images: Sequence[str] = (),
    phrase: str | None = None,
    level: float | None = None,
    words: bool = False,
    json: bool = False,
) -> None:
    """Look at one text, with one model or two, and write what is asked for; tables where nothing else is."""
    if phrase is None and level is not None:
        raise ConfigError("Expected --level with --phrase, found it alone.", repair='--phrase "words of the text"')
    wanted = [_image(item) for item in images]
    asked = _asked([*figures, *(name for name, _ in wanted)])
    inputs = text.split() if words else text
    texts = [] if corpus is None else read_lines(corpus)
    for path, _ in _named(model, other):
        kind, place = kind_of_model(path)
        check_able(kind.name, place, "--words", words, READS_WORDS)
    seen: list[Seen] = []
    with threads_for(text):
        for path, name in _named(model, other):
            with _naming(path if other else None):
                seen.append(_look(load(path), inputs, name, asked, texts, phrase, level))
        for name in figures:
            _figure(seen[0], name)  # a mistake leaves nothing written
        drawn = [(file, name, draw_image(file.name, _figure(seen[0], name).figure)) for name, file in wanted]
    for file, name, data in drawn:
        write_file(file, data)
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
        for one in seen:
            _print_figures(one, figures, Console(), headed=len(seen) > 1)
    elif html is None and npz is None and not images:
        for one in seen:
            _print(one, Console())


def _asked(names: Sequence[str]) -> list[Asked]:
    """What these names ask for. Raises ConfigError. The measures that a report has not are imported with the first."""
    if not names:
        return []
    from cellwright.microscope.report.asked import asked_of

    return [asked_of(name) for name in names]


def _look(
    model: Any, inputs: Any, name: str, asked: Sequence[Asked], texts: Sequence[str], phrase: str | None,
    level: float | None,
) -> Seen:  # fmt: skip
    """One model on the text, on the phrase of it, and on the corpus where there is one."""
    seen = look(model, inputs, name=name)
    recorded = record_corpus(model, texts) if texts else ([], [])
    if phrase is not None or asked:
        from cellwright.microscope.report.asked import LEVEL, at_phrase, take_asked

        if phrase is not None:
            seen = at_phrase(model, inputs, seen, phrase, LEVEL if level is None else level, recorded[1])
        seen = take_asked(model, inputs, seen, asked, recorded[0])
    if not texts:
        return seen
    figures, absent = look_at_corpus(model, texts, recorded)
    return replace(seen, figures=(*seen.figures, *figures), absent=(*seen.absent, *absent))


@contextmanager
def _naming(model: Path | None) -> Iterator[None]:
    """What goes wrong inside the block names this model: of two, one does not know which is meant."""
    try:
        yield
    except CellwrightError as reason:
        if model is not None and reason.file is None:
            reason.file = str(model)
        raise


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
    check_image(file)
    return name, Path(file)


def _figure(seen: Seen, key: str) -> Placed:
    """A figure by name, "ring", or with its layer and direction, "ring.2.backward".

    Raises ConfigError: this model has none, and why.
    """
    keys = _keys(seen)
    for placed, name in zip(seen.figures, keys, strict=True):
        if key in (name, placed.figure.name):
            return placed
    for absent in seen.absent:
        if key in (absent.name, _key(absent.name, absent.layer, absent.direction)):
            raise ConfigError(f"Expected a figure of {seen.name}, found none of {key}: {absent.why}")
    from cellwright.microscope.report.asked import OPTIONS, asked_of

    name = asked_of(key).name
    raise ConfigError(
        f"Expected a figure of {seen.name}, found none of {key}.",
        repair=f"It comes with {OPTIONS[name]}."
        if name in OPTIONS
        else f"{seen.name} has: {', '.join(known for known in keys if known.startswith(name + '.')) or name}.",
    )


def _keys(seen: Seen) -> list[str]:
    """Of each figure: its name, and of which layer and direction it is, counted from 1."""
    return [_key(placed.figure.name, placed.layer, placed.direction) for placed in seen.figures]


def _key(name: str, layer: int | None, direction: int | None) -> str:
    return name if layer is None else f"{name}.{layer + 1}.{_direction(direction)}"


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
        said = seen.answer["said"]
        console.print(_shortened(said, SAID), highlight=False, markup=False)
        if len(said) > SAID:
            console.print(f"note: the answer has {len(said):,} characters; --json holds all of it", style="dim")
    console.print(f"gradients are of {seen.record.target}", style="dim", highlight=False, markup=False)
    if (brings := seen.named("integrated_gradients")) is not None:
        console.print(figure_table(_words_only(brings)))
    for placed in seen.figures:
        if placed.layer is None and placed.figure is not brings:
            console.print(f"{placed.figure.name}: {placed.figure.verdict}", highlight=False, markup=False)
    for absent in seen.absent:
        if absent.layer is None:
            console.print(f"no {absent.name}: {absent.why}", style="dim", highlight=False, markup=False)
    for run in seen.record.runs:
        table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left")
        table.title = (
            f"layer {run.layer + 1}, {_direction(run.direction)}: {run.cell.name}, {len(run.y_TBO[0, 0])} outputs"
        )
        if run.words:
            table.title += f", reads {_shortened(' '.join(run.words[0]))}"
        for column in ("figure", "what it says", "adds up"):
            table.add_column(column, overflow="fold")
        for placed in seen.figures:
            if (placed.layer, placed.direction) == (run.layer, run.direction):
                check = placed.figure.check
                said = "" if check is None else f"error {check.error:.0e}" if check.holds else f"NO: {check}"
                table.add_row(placed.figure.name, placed.figure.verdict, said)
        for absent in seen.absent:
            if (absent.layer, absent.direction) == (run.layer, run.direction):
                table.add_row(absent.name, absent.why, "")
        console.print(table)


def _shortened(text: str, most: int = 60) -> str:
    return text if len(text) <= most else f"{text[:most]} …"


def _print_figures(seen: Seen, names: Sequence[str], console: Console, *, headed: bool) -> None:
    """These figures; of a second model that has none of them, why."""
    if headed:
        console.print(f"[bold]{seen.name}[/bold]", highlight=False)
    for name in names:
        try:
            console.print(figure_table(_figure(seen, name).figure))
        except ConfigError as reason:
            console.print(reason.message, style="dim", highlight=False, markup=False)


def _words_only(figure: Figure) -> Figure:
    """The figure without its tables of two axes."""
    flat = {name: array for name, array in figure.arrays.items() if len(figure.axes[name]) < 2}
    axes = {name: figure.axes[name] for name in flat}
    return replace(figure, arrays=flat, axes=axes)
