"""`cellwright data`: each embedded set as files that read back to the same examples."""

from __future__ import annotations

import contextlib
import io
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cellwright.cli.data import write_data
from cellwright.errors import ConfigError, DataError, StorageError
from cellwright.tasks.agreement.corpora import open_corpus as agreement_corpus
from cellwright.tasks.classify.corpora import open_corpus as classify_corpus
from cellwright.tasks.cloze.corpora import open_corpus as cloze_corpus
from cellwright.tasks.data.corpus import write_texts
from cellwright.tasks.lm.corpora import open_corpus as lm_corpus
from cellwright.tasks.registry import TASKS, kind_named
from cellwright.tasks.series.example import Series
from cellwright.tasks.series.ts_file import read_ts, ts_text
from cellwright.tasks.series_classify.corpora import open_corpus as films
from cellwright.tasks.series_forecast.corpora import open_panel
from cellwright.tasks.slots.corpora import open_corpus as slots_corpus
from cellwright.tasks.summaries import EMBEDDED_SETS
from cellwright.tasks.tag.corpora import open_corpus as tag_corpus
from cellwright.tasks.training.config import load_config
from cellwright.tasks.translate.corpora import open_corpus as translate_corpus


def by_split(corpus: Any, content: Callable[[Any], Any]) -> dict[str, list[Any]]:
    return {split: [content(one) for one in examples] for split, examples in corpus.splits()}


def table(data: Any) -> list[Any]:
    (frame,) = open_panel(data).frames
    columns = (list(frame.columns), list(frame.known), frame.step)
    return [columns, list(frame.times), frame.targets_TC.tolist(), frame.known_TK.tolist()]


# What of its examples a task's files hold.
EXAMPLES: dict[str, Callable[[Any], Any]] = {
    "slots": lambda data: by_split(slots_corpus(data), lambda u: (u.words, u.slots, u.intent)),
    "classify": lambda data: by_split(classify_corpus(data), lambda e: (e.words, e.text, e.label)),
    "tag": lambda data: (tag_corpus(data).target, by_split(tag_corpus(data), lambda u: (u.words, u.slots))),
    "lm": lambda data: [list(lm_corpus(data).split(name).tokens()) for name in ("train", "valid", "test")],
    "cloze": lambda data: by_split(cloze_corpus(data), lambda e: (e.words, e.answers)),
    "agreement": lambda data: by_split(agreement_corpus(data), lambda s: (s.words, s.number, s.attractors)),
    "series-classify": lambda data: by_split(films(data), lambda s: (s.label, s.values.tobytes())),
    "series-forecast": table,
    "translate": lambda data: by_split(
        translate_corpus(data), lambda p: (p.source, p.target, p.source_tokens, p.target_tokens)
    ),
}


def written(name: str, out: Path, **options: Any) -> list[str]:
    """The lines that `cellwright data` prints."""
    given = {"format": None, "scheme": None, "from_scheme": None, "language": None, "seed": 0, **options}
    with contextlib.redirect_stdout(io.StringIO()) as said:
        write_data(name, out, **given)
    return said.getvalue().splitlines()


@pytest.mark.parametrize(
    ("task", "name"),
    [(task, name) for task, sets in EMBEDDED_SETS.items() for name in sets if not name.endswith("-zh")]
    + [("tag", "words-zh"), ("cloze", "senses-zh")],  # the others of both languages go the way of the English ones
)
def test_a_set_reads_back_as_it_was_made(task: str, name: str, tmp_path: Path) -> None:
    kind = kind_named(task)
    made = load_config(None, schema=kind.config, values={"data.path": name, "data.seed": 3, "data.size": 300}).data
    files = kind.embedded_files(made)
    write_texts(files.texts, tmp_path)
    read = {"data.path": str(tmp_path / files.place)}
    back = load_config(None, files.settings, schema=kind.config, values=read).data
    assert EXAMPLES[task](back) == EXAMPLES[task](made)


def test_the_command_says_how_to_train_on_it(tmp_path: Path) -> None:
    lines = written("dates-zh", tmp_path / "d", seed=3)
    assert lines[0] == "train   16,000 pairs"
    command = shlex.split(lines[-1])
    assert command[:5] == ["cellwright", "train", "translate", "--data", str(tmp_path / "d")]
    schema = kind_named("translate").config
    made = load_config(None, schema=schema, values={"data.path": "dates-zh", "data.seed": 3}).data
    back = load_config(None, command[6::2], schema=schema, values={"data.path": command[4]}).data
    assert EXAMPLES["translate"](back) == EXAMPLES["translate"](made)


@pytest.mark.parametrize("task", TASKS)
def test_the_help_lists_what_can_be_written_and_the_others_say_why_not(task: str, tmp_path: Path) -> None:
    listed = EMBEDDED_SETS.get(task, ())
    for name in kind_named(task).embedded:
        if name not in listed:
            with pytest.raises(ConfigError):
                written(name, tmp_path / "d")
    assert {*listed} <= {*kind_named(task).embedded}
    assert not (tmp_path / "d").exists()


def test_a_seed_makes_other_examples(tmp_path: Path) -> None:
    written("questions-en", tmp_path / "a", seed=1)
    written("questions-en", tmp_path / "b", seed=2)
    assert (tmp_path / "a" / "train.tsv").read_text() != (tmp_path / "b" / "train.tsv").read_text()


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Leave --format out"):
        written("reviews-en", tmp_path / "d", format="conll")
    with pytest.raises(DataError, match="Did you mean reviews-en"):
        written("reviews-enn", tmp_path / "d")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("")
    with pytest.raises(StorageError, match="new or empty folder"):
        written("dates", tmp_path / "full")
    assert [path.name for path in tmp_path.iterdir()] == ["full"]


def test_numbers_of_a_ts_file_are_exact(tmp_path: Path) -> None:
    values_TC = np.array([[1e-30, -0.1], [16777217.0, 1 / 3]], np.float32)
    (tmp_path / "x.ts").write_text(ts_text([Series(values_TC, "b")], ["a", "b"]))
    (read,) = read_ts(tmp_path / "x.ts")
    assert (read.label, read.values.tobytes()) == ("b", values_TC.tobytes())
