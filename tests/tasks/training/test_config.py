"""Settings: what is unknown or ill-typed is named with its place and the nearest right one; defaults survive a file."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import Field

from cellwright.errors import ConfigError
from cellwright.tasks.training.config import (
    Config,
    Section,
    changed_keys,
    config_table,
    dump_toml,
    load_config,
)


class ModelSection(Section):
    kind: Literal["lstm", "gru"] = Field("lstm", description="the cell")
    sizes: list[int] = Field([3, 4], description="sizes")
    limit: int | None = Field(None, ge=1, description="a limit")
    tied: bool = Field(False, description="one matrix for both ends")
    name: str = Field("", description="a name")


class WideConfig(Config):
    model: ModelSection = ModelSection()


def refused(*sets: str, path: Path | None = None, schema: type[Config] = WideConfig) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_config(path, sets, schema=schema)
    return caught.value


def file_of(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("train.epoch", "train.epochs"),
        ("train.learning_rat", "train.learning_rate"),
        ("train.lerning_rate", "train.learning_rate"),
        ("model.batch_size", "train.batch_size"),
        ("trian.epochs", "train.epochs"),
        ("data.pth", "data.path"),
        ("model.knd", "model.kind"),
    ],
)
def test_an_unknown_key_names_the_nearest(tmp_path, key, nearest):
    error = refused(f"{key}=1")
    assert error.message == f"Unknown setting {key}."
    assert error.repair == f"Did you mean {nearest}?"
    assert error.file == f"--set {key}=1"
    section, name = key.split(".")
    path = file_of(tmp_path, f"# settings\n\n[{section}]\n{name} = 1\n")
    error = refused(path=path)
    assert error.repair == f"Did you mean {nearest}?"
    assert (error.file, error.line) == (str(path), 4)
    assert f"{path}:4" in str(error)


def test_a_key_like_no_other_lists_the_keys_of_its_section():
    assert refused("train.zzzzzz=1").repair.startswith("Keys of [train]: seed, epochs")
    assert refused("zzzzzz=1").repair == "Sections: data, model, train."


@pytest.mark.parametrize(
    ("key", "value", "expected", "found"),
    [
        ("train.epochs", '"many"', "integer ≥ 1, ≤ 100000", '"many" (text)'),
        ("train.epochs", "3.0", "integer ≥ 1, ≤ 100000", "3.0 (number)"),
        ("train.epochs", "true", "integer ≥ 1, ≤ 100000", "true (true/false)"),
        ("train.epochs", "0", "integer ≥ 1, ≤ 100000", "0 (integer)"),
        ("train.epochs", "[1]", "integer ≥ 1, ≤ 100000", "[1] (list)"),
        ("train.learning_rate", "0", "number > 0, ≤ 1e+06", "0 (integer)"),
        ("train.learning_rate", "nan", "number > 0, ≤ 1e+06", "nan (number)"),
        ("train.learning_rate", "inf", "number > 0, ≤ 1e+06", "inf (number)"),
        ("train.warmup", "1.0", "number ≥ 0, < 1", "1.0 (number)"),
        ("train.optimizer", '"rmsprop"', 'one of "adam", "adamw", "sgd"', '"rmsprop" (text)'),
        ("model.tied", "1", "true or false", "1 (integer)"),
        ("model.limit", "0", "integer or none ≥ 1", "0 (integer)"),
        ("train.seed", str(2**63), "integer ≥ 0, < 9.22e+18", f"{2**63} (integer)"),
    ],
)
def test_a_wrong_value_says_expected_and_found_with_file_and_line(tmp_path, key, value, expected, found):
    section, name = key.split(".")
    path = file_of(tmp_path, f"[data]\npath = 'x'\n[{section}]\n\n{name} = {value}  # comment\n")
    error = refused(path=path)
    assert error.message == f"{key}: expected {expected}, found {found}."
    assert (error.file, error.line) == (str(path), 5)
    assert refused(f"{key}={value}").message == error.message


def test_the_line_is_found_for_dotted_keys_and_inline_tables(tmp_path):
    assert refused(path=file_of(tmp_path, "\ntrain.epochs = 0\n")).line == 2
    assert refused(path=file_of(tmp_path, '\n\n"train".epochs = 0\n')).line == 3
    assert refused(path=file_of(tmp_path, "data.path = ''\ntrain = {seed = 1, epochs = 0}\n")).line == 2
    assert refused(path=file_of(tmp_path, "[ train ]\nepochs=0")).line == 2


def test_a_section_that_is_no_table_is_refused(tmp_path):
    error = refused(path=file_of(tmp_path, "train = 3\n"))
    assert error.message == "Expected a section [train], found train = 3."
    assert error.line == 1
    assert "Expected a section [train]" in refused("train.epochs=3", path=file_of(tmp_path, "train = 3\n")).message
    assert refused("train=3").message == "Expected section.key, found the section train."


@pytest.mark.parametrize(
    "text", ["[train\n", "a\n", "[train]\nepochs = 3\nepochs = 4\n", 'x = "\n', "[" * 5000, "a = 9" + "9" * 5000]
)
def test_text_that_is_no_toml_is_a_config_error_with_the_file(tmp_path, text):
    path = file_of(tmp_path, text)
    assert refused(path=path).file == str(path)


def test_a_file_that_cannot_be_read_as_text_says_where(tmp_path):
    path = tmp_path / "x.toml"
    assert "cannot be read" in refused(path=path).message
    assert "cannot be read" in refused(path=tmp_path).message
    path.write_bytes(b"[train]\nepochs = 3 # \xff\n")
    error = refused(path=path)
    assert "0xff" in error.message
    assert error.line == 2


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path):
    path = tmp_path / "x.toml"
    path.write_bytes(b"\xef\xbb\xbf[train]\r\nepochs = 3\r\n")
    assert load_config(path, schema=Config).train.epochs == 3


@pytest.mark.parametrize(
    ("item", "section", "name", "value"),
    [
        ("train.epochs=3", "train", "epochs", 3),
        (" train.epochs = 3 ", "train", "epochs", 3),
        ("train.learning_rate=1e-3", "train", "learning_rate", 1e-3),
        ("train.clip=5", "train", "clip", 5.0),
        ("train.optimizer=adam", "train", "optimizer", "adam"),
        ('train.optimizer="adam"', "train", "optimizer", "adam"),
        ("data.path=a/b=c", "data", "path", "a/b=c"),
        ("data.path=7", "data", "path", "7"),
        ("data.path=2024-01-01", "data", "path", "2024-01-01"),
        ("data.path=true", "data", "path", "true"),
        ("data.path=", "data", "path", ""),
        ("data.path=\\tmp", "data", "path", "\\tmp"),
        ("model.sizes=[1, 2]", "model", "sizes", [1, 2]),
        ("model.limit=none", "model", "limit", None),
        ("model.limit=5", "model", "limit", 5),
        ("model.name=none", "model", "name", "none"),
        ("model.tied=true", "model", "tied", True),
    ],
)
def test_a_setting_of_the_command_line_is_parsed(item, section, name, value):
    found = getattr(getattr(load_config(None, [item], schema=WideConfig), section), name)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "item", ["train.epochs", "=3", "", "train.epochs=", "model.sizes=[1, 2", 'data.path="x', "epochs=3"]
)
def test_a_setting_of_the_command_line_that_is_none_is_refused(item):
    assert str(refused(item))


@pytest.mark.parametrize("raw", ["9" * 5000, "-" + "9" * 5000, "1e999", "[" * 5000, "0x", "1_", "{}", "99-99-99"])
def test_any_value_of_the_command_line_is_a_config_error_at_worst(raw):
    assert str(refused(f"train.epochs={raw}"))


def test_later_settings_win_over_values_over_the_file(tmp_path):
    path = file_of(tmp_path, "[train]\nepochs = 2\nseed = 5\nbatch_size = 9\n")
    values = {"train.epochs": 3, "train.seed": 6}
    train = load_config(path, ["train.epochs=4", "train.epochs=5"], schema=Config, values=values).train
    assert (train.epochs, train.seed, train.batch_size) == (5, 6, 9)


@pytest.mark.parametrize("schema", [Config, WideConfig])
def test_every_default_survives_the_file(tmp_path, schema):
    default = schema()
    text = dump_toml(default)
    assert load_config(file_of(tmp_path, text), schema=schema) == default
    assert default == load_config(None, schema=schema)
    written = {f"{s}.{k}" for s, table in tomllib.loads(text).items() for k in table}
    assert {row.key for row in config_table(schema)} - written <= {"model.limit"}  # none is left out


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.floats(0, 1e6, exclude_min=True),
    st.integers(0, 2**63 - 1),
    st.lists(st.integers(-(2**63), 2**63 - 1), max_size=3),
)
def test_every_value_survives_the_file(tmp_path, text, rate, seed, sizes):
    values = {"data.path": text, "train.learning_rate": rate, "train.seed": seed, "model.sizes": sizes}
    config = load_config(None, schema=WideConfig, values=values)
    path = tmp_path / "config.toml"
    path.write_bytes(dump_toml(config).encode())
    assert load_config(path, schema=WideConfig) == config


def test_every_default_can_be_given_on_the_command_line():
    for row in config_table(WideConfig):
        assert load_config(None, [f"{row.key}={row.default}"], schema=WideConfig) == WideConfig(), row.key
        assert row.description


def test_changed_keys_are_the_differing_ones():
    old, new = Config(), load_config(None, ["train.seed=7", "data.path=x", "train.epochs=14"], schema=Config)
    assert changed_keys(old, new) == ["data.path", "train.seed"]
    assert changed_keys(old, Config()) == []


def test_settings_cannot_be_changed_after_loading():
    with pytest.raises(ValueError, match="frozen"):
        Config().train.epochs = 4


class OwnDefaults(Config):
    model: ModelSection = ModelSection(kind="gru", sizes=[7])


def test_a_section_named_in_part_keeps_the_tasks_own_defaults(tmp_path: Path) -> None:
    path = file_of(tmp_path, "[model]\ntied = true\n")
    for config in (load_config(path, schema=OwnDefaults), load_config(None, ["model.tied=true"], schema=OwnDefaults)):
        assert config.model == ModelSection(kind="gru", sizes=[7], tied=True)
    assert load_config(None, ["model.kind=lstm"], schema=OwnDefaults).model.kind == "lstm"
    assert {row.key: row.default for row in config_table(OwnDefaults)}["model.kind"] == '"gru"'
