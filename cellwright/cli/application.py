"""The verbs and their options. Each verb's body imports what it needs, so that `--help` loads no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cellwright.cli.loading import loading
from cellwright.tasks.summaries import EMBEDDED_SETS, READS_WORDS, SUMMARIES, TELLS_WHY

__all__ = ["application"]

application = typer.Typer(
    name="cellwright",
    help="Recurrent cells written once, as their equations; and the models made of them.",
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help: rich alone would take a third of its time
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

DataOption = Annotated[
    str | None, typer.Option("--data", help="An embedded set, a folder with train, valid and test, or a file.")
]
ConfigOption = Annotated[Path | None, typer.Option("--config", help="Settings in a TOML file.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="One setting, section.key=value; may be repeated.", metavar="KEY=VALUE"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
EvaluateSetOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="One setting of [data], data.key=value; may be repeated.", metavar="KEY=VALUE"),
]
TaskArgument = Annotated[str, typer.Argument(help="What it is to learn; the list stands below.")]
LanguageModelArgument = Annotated[
    Path | None, typer.Argument(help="A language model's folder; without it, the one in the package.")
]
LanguageModelOption = Annotated[Path | None, typer.Option("--model", help="The same, as an option.")]
# \b keeps the lines as they are
TASK_LIST = "\b\nTasks:\n" + "\n".join(f"  {name:16} {summary}" for name, summary in SUMMARIES.items())

SET_LIST = "\b\nSets:\n" + "\n".join(f"  {name:16} {', '.join(sets)}" for name, sets in EMBEDDED_SETS.items())


def version(asked: bool) -> None:
    if asked:
        from cellwright import __version__

        print(f"cellwright {__version__}")
        raise typer.Exit


@application.callback()
def common_options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=version, is_eager=True)
    ] = False,
) -> None:
    """Recurrent cells written once, as their equations; and the models made of them."""


@application.command(epilog=SET_LIST)
def data(
    name: Annotated[
        str,
        typer.Argument(help="An embedded set (the list stands below), or a folder or file of slot data to convert."),
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder to write into, new or empty.")],
    format: Annotated[
        str | None, typer.Option("--format", help="Of slot data: seq, conll, jsonl or rasa.", show_default="seq")
    ] = None,
    scheme: Annotated[
        str | None, typer.Option("--scheme", help="Tags of slot data: bio, bioes or iob1.", show_default="bio")
    ] = None,
    from_scheme: Annotated[
        str | None,
        typer.Option("--from-scheme", help="Of what is read: auto, bio, bioes or iob1.", show_default="auto"),
    ] = None,
    language: Annotated[
        str | None, typer.Option("--language", help="Of the set travel: en or zh.", show_default="en")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of an embedded set.")] = 0,
) -> None:
    """Write an embedded set as files that train reads; or slot data of yours in another of four formats."""
    from cellwright.cli.data import write_data

    write_data(name, out, format, scheme, from_scheme, language, seed)


@application.command(epilog=TASK_LIST)
def train(
    task: Annotated[
        str | None, typer.Argument(help="What it is to learn; the list stands below.", show_default="slots")
    ] = None,
    data: DataOption = None,
    out: Annotated[Path | None, typer.Option("--out", help="The run's folder, new or empty.")] = None,
    config: ConfigOption = None,
    set: SetOption = None,
    resume: Annotated[Path | None, typer.Option("--resume", help="Go on with the run in this folder.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a run that is in --out.")] = False,
    settings: Annotated[
        bool, typer.Option("--settings", help="Print every setting with its default and stop.")
    ] = False,
    watch: Annotated[
        int | None,
        typer.Option("--watch", min=1, help="Record gradient by lag, horizons and gates every N steps.", metavar="N"),
    ] = None,
    max_minutes: Annotated[
        float | None,
        typer.Option("--max-minutes", min=0, help="Stop, resumably, after so many minutes of training; 0 = never."),
    ] = None,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write the run's curves for TensorBoard into its folder.")
    ] = False,
) -> None:
    """Train a model; Ctrl-C stops with a checkpoint, --resume goes on bit for bit."""
    from cellwright.cli.train import RunOptions, run_training

    options = RunOptions(watch, max_minutes, tensorboard)
    run_training(task, data, out, config, set or [], resume, overwrite, settings, options)


@application.command(epilog=TASK_LIST)
def sweep(
    task: Annotated[
        str | None, typer.Argument(help="What it is to learn; the list stands below.", show_default="slots")
    ] = None,
    config: Annotated[Path | None, typer.Option("--config", help="Settings in TOML, with a table [search].")] = None,
    data: DataOption = None,
    out: Annotated[Path | None, typer.Option("--out", help="The sweep's folder, new or empty.")] = None,
    trials: Annotated[int | None, typer.Option("--trials", min=1, help="How many runs in all.")] = None,
    set: SetOption = None,
    resume: Annotated[Path | None, typer.Option("--resume", help="Go on with the sweep in this folder.")] = None,
    json: JsonOption = False,
) -> None:
    """Train again and again with settings that a search chooses; the best on the validation split is kept."""
    from cellwright.cli.sweep import search_settings

    search_settings(task, config, data, out, trials, set or [], resume, json)


@application.command()
def evaluate(
    model: Annotated[Path, typer.Argument(help="A model's folder, such as runs/demo/best, or its run's.")],
    data: DataOption = None,
    split: Annotated[str, typer.Option("--split", help="test, valid or train.")] = "test",
    set: EvaluateSetOption = None,
    scheme: Annotated[
        str | None, typer.Option("--scheme", help="Tags of slots or tag: auto, bio, bioes or iob1.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Of an embedded set.")] = None,
    json: JsonOption = False,
) -> None:
    """Figures of a model beside its task's baselines; on the data it was trained with, without --data."""
    from cellwright.cli.evaluate import run_evaluation

    run_evaluation(model, data, split, set or [], scheme, seed, json)


@application.command()
def predict(
    model: Annotated[Path, typer.Argument(help="A model's folder, such as runs/demo/best, or its run's.")],
    texts: Annotated[list[str] | None, typer.Argument(help="Texts; without any, lines of standard input.")] = None,
    file: Annotated[Path | None, typer.Option("--file", help="A file with one text a line.")] = None,
    words: Annotated[
        bool,
        typer.Option(
            "--words",
            help=f"Texts are words parted by spaces already, as in seq.in. For {', '.join(READS_WORDS)}.",
        ),
    ] = False,
    why: Annotated[
        bool, typer.Option("--why", help=f"Also the words that decided. For {', '.join(TELLS_WHY)}.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line, with spans and probabilities.")] = False,
) -> None:
    """The model's answer to each text; lines of standard input are answered as they come."""
    from cellwright.cli.predict import run_prediction

    run_prediction(model, texts or [], file, words, why, json)


@application.command()
def complete(
    text: Annotated[str, typer.Argument(help="The beginning of a sentence.")],
    model: LanguageModelArgument = None,
    option: LanguageModelOption = None,
    top: Annotated[int, typer.Option("--top", min=1, help="How many words to name.")] = 10,
    json: JsonOption = False,
) -> None:
    """The likeliest next words, with probabilities that sum to 1."""
    from cellwright.cli.complete import run_completion

    run_completion(text, model, option, top, json)


@application.command()
def generate(
    model: LanguageModelArgument = None,
    option: LanguageModelOption = None,
    start: Annotated[str, typer.Option("--start", help="What the text begins with.")] = "",
    tokens: Annotated[int, typer.Option("--tokens", min=0, help="How many words or characters to draw.")] = 200,
    temperature: Annotated[
        float, typer.Option("--temperature", min=0, help="Below 1 likely words become likelier; 0 takes the likeliest.")
    ] = 1.0,
    top_k: Annotated[int, typer.Option("--top-k", min=0, help="Only the k likeliest; 0 = all.")] = 0,
    top_p: Annotated[
        float, typer.Option("--top-p", min=0, max=1, help="Only the likeliest that together have this share, above 0.")
    ] = 1.0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed writes the same text.")] = 0,
    json: JsonOption = False,
) -> None:
    """Text of a language model's own, word by word as it is drawn."""
    from cellwright.cli.generate import run_generation

    run_generation(model, option, start, tokens, temperature, top_k, top_p, seed, json)


@application.command(epilog=TASK_LIST)
def compare(
    task: TaskArgument = "slots",
    data: DataOption = None,
    config: ConfigOption = None,
    set: SetOption = None,
    networks: Annotated[
        str | None, typer.Option("--networks", help="Names of the table's rows, parted by commas.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Train the task's networks with the same settings; one table."""
    from cellwright.cli.compare import run_comparison

    run_comparison(task, data, config, set or [], networks, json)


@application.command()
def inspect(
    model: Annotated[Path, typer.Argument(help="A model's folder, such as runs/demo/best, or its run's.")],
    text: Annotated[str, typer.Argument(help="The text to look at.")],
    other: Annotated[Path | None, typer.Option("--with", help="A second model, to compare.")] = None,
    corpus: Annotated[
        Path | None,
        typer.Option("--corpus", help="Texts, one a line: which words move which units, what a probe reads."),
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write one HTML file that needs no network.")] = None,
    npz: Annotated[Path | None, typer.Option("--npz", help="Write every array of the first model.")] = None,
    figure: Annotated[
        list[str] | None,
        typer.Option("--figure", help="Print this figure; may be repeated.", metavar="NAME[.LAYER.DIRECTION]"),
    ] = None,
    image: Annotated[
        list[str] | None,
        typer.Option(
            "--image", help="Draw a figure of the first model as PNG or SVG; may be repeated.", metavar="NAME=FILE"
        ),
    ] = None,
    phrase: Annotated[
        str | None,
        typer.Option("--phrase", help="Words of the text: what they bring, where else units are on as there."),
    ] = None,
    level: Annotated[
        float | None, typer.Option("--level", help="With --phrase: from which value on a unit is on; 0.3 if not given.")
    ] = None,
    words: Annotated[bool, typer.Option("--words", help="The text is words parted by spaces already.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object with every figure.")] = False,
) -> None:
    """What a model remembers, forgets and passes on while it reads a text, and how its gradient flows."""
    with loading():
        from cellwright.cli.inspect import run_inspection

    run_inspection(
        model,
        text,
        other=other,
        corpus=corpus,
        html=html,
        npz=npz,
        figures=figure or [],
        images=image or [],
        phrase=phrase,
        level=level,
        words=words,
        json=json,
    )


@application.command()
def lesson(
    name: Annotated[str | None, typer.Argument(help="A lesson's name; without one, the list.")] = None,
    json: JsonOption = False,
    svg: Annotated[str | None, typer.Option("--svg", help="Write the lesson's drawings into this folder.")] = None,
) -> None:
    """What is taught about recurrent networks, with every number worked out anew."""
    from cellwright.cli.lesson import run_lesson

    run_lesson(name, json, svg)


@application.command()
def show(
    cell: Annotated[
        str | None,
        typer.Argument(help="A cell, as LSTM or 'PeepholeLSTM(\"if\")', or FILE.py:NAME; without one, the list."),
    ] = None,
    input: Annotated[int, typer.Option("--input", min=1, help="Size of x.")] = 64,
    hidden: Annotated[int, typer.Option("--hidden", min=1, help="Size of h.")] = 128,
    svg: Annotated[str | None, typer.Option("--svg", help="Draw its wiring into this file; - to print it.")] = None,
    unroll: Annotated[int | None, typer.Option("--unroll", min=1, help="Draw this many steps side by side.")] = None,
    bidirectional: Annotated[bool, typer.Option("--bidirectional", help="Draw both directions.")] = False,
) -> None:
    """A cell's equations, its parameters and how many numbers they are; or its wiring, drawn."""
    from cellwright.cli.show import draw_cell, show_cell

    if svg is None and unroll is None and not bidirectional:
        show_cell(cell, input, hidden)
    else:
        draw_cell(cell, input, hidden, svg, unroll, bidirectional)


@application.command()
def explain(
    cell: Annotated[str, typer.Argument(help="A cell, as LSTM or 'PeepholeLSTM(\"if\")', or FILE.py:NAME.")],
    input: Annotated[int, typer.Option("--input", min=1, help="Size of x.")] = 64,
    hidden: Annotated[int, typer.Option("--hidden", min=1, help="Size of h.")] = 128,
    batch: Annotated[int, typer.Option("--batch", min=1, help="Sequences.")] = 32,
    steps: Annotated[int, typer.Option("--steps", min=1, help="Steps of each.")] = 50,
    dtype: Annotated[str, typer.Option("--dtype", help="float32, float64 or bfloat16, of the weights.")] = "float32",
    isa: Annotated[
        str | None,
        typer.Option("--isa", help="amx, avx512bf16, avx512, avx2, baseline or neon; this machine's fastest."),
    ] = None,
    bidirectional: Annotated[bool, typer.Option("--bidirectional", help="A second direction, from the end.")] = False,
    measure: Annotated[bool, typer.Option("--measure", help="Run it too: times beside the machine's limits.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """What is compiled for a cell: its loops, operations, bytes, memory, and what limits it."""
    from cellwright.cli.explain import explain_cell

    explain_cell(cell, input, hidden, batch, steps, dtype, isa, bidirectional, measure, json)
