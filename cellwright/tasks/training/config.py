"""Settings as checked data: one TOML file plus `--set section.key=value`; an unknown key names the nearest one.

The parts every task shares are here. A task derives from `Config`, gives `data` and `model` its own sections,
and passes that class as `schema`.
"""

from __future__ import annotations

import tomllib
import types
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from cellwright.errors import ConfigError
from cellwright.nearest import nearest
from cellwright.tasks.training.toml_file import line_of, read_toml

__all__ = [
    "Config",
    "ConfigRow",
    "DataSection",
    "PassesOrSteps",
    "Section",
    "TrainSection",
    "changed_keys",
    "config_table",
    "dump_toml",
    "kept_data",
    "load_config",
    "passes_or_steps",
]


class Section(BaseModel):
    """One table of the settings file: frozen, no unknown keys, no silent conversion of types, no nan or inf."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class DataSection(Section):
    path: str = Field("", description="an embedded set, a folder with train, valid and test, or a file")


def kept_data(data: DataSection, embedded: Iterable[str]) -> dict[str, Any]:
    """What a model keeps of `[data]`: what differs from the defaults; the path only of data anyone can generate."""
    kept = data.model_dump(mode="json", exclude_defaults=True)
    kept.pop("path", None)
    return kept | ({"path": data.path} if data.path in embedded else {})


class TrainSection(Section):
    seed: int = Field(1, ge=0, lt=2**63, description="seed of initial weights, data order, dropout and augmentation")
    epochs: int = Field(14, ge=1, le=100_000, description="passes over the training split")
    batch_size: int = Field(32, ge=1, le=1_000_000, description="examples a step")
    optimizer: Literal["adam", "adamw", "sgd"] = Field(
        "adamw", description="adamw decays weights apart from the gradient; sgd has no momentum"
    )
    learning_rate: float = Field(2e-3, gt=0, le=1e6, description="peak step size")
    weight_decay: float = Field(
        0.01, ge=0, le=10, description="decay of matrices; vectors and scalars are never decayed"
    )
    schedule: Literal["cosine", "linear", "constant"] = Field(
        "cosine", description="how the step size falls from its peak; cosine and linear end at 0"
    )
    warmup: float = Field(0.05, ge=0, lt=1, description="share of all steps over which the step size rises from 0")
    clip: float = Field(5.0, ge=0, le=1e9, description="largest norm of the whole gradient; 0 = no clipping")
    average: float = Field(
        0.998, ge=0, lt=1, description="decay a step of the averaged weights that are evaluated and saved; 0 = off"
    )
    non_monotone: int = Field(
        0,
        ge=0,
        le=100_000,
        description="in place of average: the plain mean of all weights from the epoch on at which the metric has "
        "not grown for so many epochs (NT-ASGD); 0 = off",
    )
    precision: Literal["float32", "bfloat16"] = Field(
        "float32", description="of products in training; bfloat16 where the processor multiplies it"
    )
    patience: int = Field(0, ge=0, le=100_000, description="epochs without a better metric before stopping; 0 = off")
    checkpoint_every: int = Field(
        500, ge=0, le=10**9, description="steps between checkpoints; 0 = at each epoch's end only"
    )
    threads: int = Field(0, ge=0, le=4096, description="CPU threads; 0 = torch's own choice")
    max_minutes: float = Field(
        0.0, ge=0, le=10**7, description="stop, resumably, after this many minutes; 0 = no limit"
    )

    def epochs_of(self, batches: int) -> int:
        """Passes over a training split of so many batches."""
        return self.epochs


def passes_or_steps(passes: int, steps: int) -> Any:
    """The setting `epochs` of a `PassesOrSteps`."""
    description = f"passes over the training split; 0 = {passes}, or as many as {steps:,} steps take"
    return Field(0, ge=0, le=100_000, description=description)


class PassesOrSteps(TrainSection):
    """Where `epochs` is 0: so many passes, or more where that would be few steps.

    Few examples make few steps, and a network needs some hundreds or thousands whatever it learns from.
    """

    passes: ClassVar[int]
    steps: ClassVar[int]

    def epochs_of(self, batches: int) -> int:
        return self.epochs or max(self.passes, -(-self.steps // max(1, batches)))


class Config(Section):
    """All settings of a run. Derived classes replace `data` and `model` with their task's sections.

    What a section is given here, such as ``train: TrainSection = TrainSection(epochs=4)``, are the task's defaults.
    """

    data: DataSection = DataSection()
    model: Section = Section()
    train: TrainSection = TrainSection()


ConfigT = TypeVar("ConfigT", bound=Config)


@dataclass(frozen=True, slots=True)
class ConfigRow:
    key: str
    type: str
    default: str
    description: str


def load_config(
    path: str | Path | None,
    sets: Sequence[str] = (),
    *,
    schema: type[ConfigT],
    values: Mapping[str, Any] | None = None,
    apart: Sequence[str] = (),
) -> ConfigT:
    """Defaults of `schema`, then the TOML file, then `values` ({"train.epochs": 3}), then `sets` ("train.epochs=3").

    Tables of the file that `apart` names are left out: they are no settings of the run.

    Raises ConfigError: an unreadable file, an unknown key (names the nearest), a value of the wrong type or
    outside its range (says expected and found). The file and line are given for values that came from the file.
    """
    text, tree = ("", {}) if path is None else read_toml(Path(path))
    tree = {section: table for section, table in tree.items() if section not in apart}
    origin: dict[str, str] = {}  # dotted key -> the --set it came from
    for key, value in (values or {}).items():
        _put(tree, key, value, schema, origin, f"{key}={value!r}")
    for item in sets:
        key, value = _parse_set(item, schema)
        _put(tree, key, value, schema, origin, f"--set {item}")

    def place(key: str) -> dict[str, Any]:
        if key in origin:
            return {"file": origin[key]}
        return {} if path is None else {"file": path, "line": line_of(text, key)}

    for key in _keys(tree):
        _check_known(key, schema, place(key))
    # A section that is named in part keeps the task's own defaults for the rest, not those of its class.
    for section, table in tree.items():
        if isinstance(table, dict):
            tree[section] = {**_own_defaults(schema, section), **table}
    try:
        return schema.model_validate(tree)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        key = ".".join(str(part) for part in first["loc"] if not isinstance(part, int))
        raise _wrong_value(key, first, schema, place(key)) from None


def dump_toml(config: Config) -> str:
    """The resolved settings as TOML; a setting that is None (its default) is left out."""
    return tomli_w.dumps(config.model_dump(mode="json", exclude_none=True))


def config_table(schema: type[Config]) -> list[ConfigRow]:
    """Every key with its type and range, its default and its description, in the order of the file."""
    rows = []
    for section, inner in _sections(schema).items():
        own = _own_defaults(schema, section)
        for name, field in inner.model_fields.items():
            default = own.get(name, field.get_default(call_default_factory=True))
            shown = "none" if default is None else tomli_w.dumps({"v": default})[4:].strip()
            if isinstance(default, list):
                shown = f"[{', '.join(tomli_w.dumps({'v': item})[4:].strip() for item in default)}]"
            rows.append(ConfigRow(f"{section}.{name}", _expected(field), shown, field.description or ""))
    return rows


def changed_keys(old: Config, new: Config) -> list[str]:
    """Dotted keys whose values differ between two settings."""
    before, after = dict(_leaves(old.model_dump())), dict(_leaves(new.model_dump()))
    return sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))


def _parse_set(item: str, schema: type[Config]) -> tuple[str, Any]:
    key, equals, raw = item.partition("=")
    key, raw = key.strip(), raw.strip()
    if not equals or not key:
        raise ConfigError(
            f"Expected --set section.key=value, found --set {item}.", repair="Example: --set train.epochs=3"
        )
    try:
        parsed = tomllib.loads(f"v = {raw}")
        value = parsed["v"] if len(parsed) == 1 else raw
    except (ValueError, RecursionError):
        if raw[:1] in ('"', "'", "[", "{"):
            raise ConfigError(
                f"Expected a TOML value after {key}=, found {raw}.", repair=f"Close the quotes or brackets of {raw}."
            ) from None
        value = raw
    field = _fields(schema).get(key)
    if field is not None and not isinstance(value, str):
        kinds = _alternatives(field.annotation)
        if str in kinds:  # 2024-01-01 or 7 are fine names of a folder
            value = raw
    elif field is not None and value == "none" and type(None) in _alternatives(field.annotation):
        value = None
    return key, value


def _put(tree: dict[str, Any], key: str, value: Any, schema: type[Config], origin: dict[str, str], source: str) -> None:
    _check_known(key, schema, {"file": source})
    section, dot, name = key.partition(".")
    if not dot:
        raise ConfigError(
            f"Expected section.key, found the section {key}.", file=source, repair=f"Example: {_example(schema, key)}"
        )
    table = tree.setdefault(section, {})
    if not isinstance(table, dict):
        raise ConfigError(f"Expected a section [{section}], found {section} = {table!r}.", repair=f"Write [{section}].")
    table[name] = value
    origin[key] = source


def _example(schema: type[Config], section: str) -> str:
    return next((key for key in _fields(schema) if key.startswith(f"{section}.")), "train.epochs")


def _sections(schema: type[Config]) -> dict[str, type[Section]]:
    return {
        name: field.annotation
        for name, field in schema.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section)
    }


def _own_defaults(schema: type[Config], section: str) -> dict[str, Any]:
    """What the schema gives the section apart from the defaults of the section's class."""
    default = schema.model_fields[section].default
    return default.model_dump(exclude_unset=True) if isinstance(default, Section) else {}


def _fields(schema: type[Config]) -> dict[str, FieldInfo]:
    return {
        f"{section}.{name}": field
        for section, inner in _sections(schema).items()
        for name, field in inner.model_fields.items()
    }


def _keys(tree: Mapping[str, Any]) -> Iterator[str]:
    for section, table in tree.items():
        if isinstance(table, dict):
            yield from (f"{section}.{name}" for name in table)
        else:
            yield section


def _leaves(tree: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for section, table in tree.items():
        for name, value in table.items():
            yield f"{section}.{name}", value


def _check_known(key: str, schema: type[Config], place: Mapping[str, Any]) -> None:
    known = _fields(schema)
    if key in known or key in _sections(schema):
        return
    section, _, name = key.partition(".")
    near = _nearest(key, known)
    if near is not None:
        repair = f"Did you mean {near}?"
    elif section in _sections(schema) and name:
        repair = f"Keys of [{section}]: {', '.join(_sections(schema)[section].model_fields)}."
    else:
        repair = f"Sections: {', '.join(_sections(schema))}."
    raise ConfigError(f"Unknown setting {key}.", repair=repair, **place)


def _nearest(key: str, known: Iterable[str]) -> str | None:
    known = list(known)
    section, _, name = key.rpartition(".")
    same_section = {k.split(".")[1]: k for k in known if k.split(".")[0] == section}
    same_name = [k for k in known if k.split(".")[1] == name]
    if close := nearest(name, same_section):
        return same_section[close]
    if same_name:
        return same_name[0]
    return nearest(key, known)


def _wrong_value(key: str, error: Mapping[str, Any], schema: type[Config], place: Mapping[str, Any]) -> ConfigError:
    field = _fields(schema).get(key)
    found = error["input"]
    if field is None and error["type"] == "value_error":  # settings of a section that contradict each other
        return ConfigError(f"[{key}]: {error['msg'].removeprefix('Value error, ')}.", **place)
    if field is None:  # a section that is not a table
        return ConfigError(f"Expected a section [{key}], found {key} = {found!r}.", repair=f"Write [{key}].", **place)
    what = f'"{found}" (text)' if isinstance(found, str) else f"{_toml_text(found)} ({_toml_kind(found)})"
    # A validator of the section says what it expects; the type is right then.
    own = error["type"] == "value_error"
    expected = error["msg"].removeprefix("Value error, ") if own else _expected(field)
    return ConfigError(f"{key}: expected {expected}, found {what}.", repair=f"{key}: {field.description}.", **place)


def _toml_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _toml_kind(value: Any) -> str:
    kinds = {bool: "true/false", int: "integer", float: "number", list: "list", dict: "table", type(None): "none"}
    return kinds.get(type(value), type(value).__name__)


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return typing.get_args(annotation)
    return (annotation,)


def _expected(field: FieldInfo) -> str:
    parts = [_kind(kind) for kind in _alternatives(field.annotation)]
    bounds = []
    for rule in field.metadata:
        for name, sign in (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<")):
            if (limit := getattr(rule, name, None)) is not None:
                bounds.append(f"{sign} {limit:g}" if limit < 1e6 else f"{sign} {limit:.3g}")
    return " or ".join(parts) + (f" {', '.join(bounds)}" if bounds else "")


def _kind(annotation: Any) -> str:
    names = {int: "integer", float: "number", str: "text", bool: "true or false", type(None): "none"}
    if annotation in names:
        return names[annotation]
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _kind(typing.get_args(annotation)[0])
    if origin is Literal:
        return "one of " + ", ".join(f'"{choice}"' for choice in typing.get_args(annotation))
    if origin in (list, tuple):
        return f"list of {_kind(next(iter(typing.get_args(annotation)), str))}"
    return getattr(annotation, "__name__", str(annotation))
