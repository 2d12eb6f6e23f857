"""The network as a list of layers: what Keras's Sequential would be given, in the same names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cellwright.cells import CELLS, Cell
from cellwright.errors import ConfigError
from cellwright.tasks.classify.config import ClassifyModel
from cellwright.tasks.networks.cell_choice import PER_TOKEN, choose_cell

__all__ = ["LayerSpec", "cell_of", "layer_specs"]

ACTIVATIONS = ("linear", "relu", "tanh", "sigmoid", "softmax")
POOLS = {"GlobalMaxPooling1D": "max", "GlobalAveragePooling1D": "mean"}
KERAS_CELLS = {"SimpleRNN": "Elman"}
EXAMPLE = 'model.layers = ["Embedding(60)", "Bidirectional(LSTM(100))", "Dense(10, relu)", "Dense(6)"]'
_CALL = re.compile(r"\s*([\w./\\:-]+)\s*\((.*)\)\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class LayerSpec:
    """One layer.

    Attributes:
        kind: "embedding", "recurrent", "pool", "dropout", "sentence dropout" or "dense".
        size: numbers it gives; 0 where it keeps those it gets.
        text: as a user writes it.
        bidirectional: of recurrent layers.
        activation: of dense layers.
        rate: of dropout.
        pools: of pool: what is taken of the layer before.
    """

    kind: str
    text: str
    size: int = 0
    bidirectional: bool = False
    activation: str = "linear"
    rate: float = 0.0
    pools: tuple[str, ...] = ()


def layer_specs(config: ClassifyModel, classes: int, cell: Cell | None) -> list[LayerSpec]:
    """The layers of `model.layers`, or those that the other settings of `[model]` stand for.

    Args:
        classes: numbers that the last layer gives.

    Raises ConfigError: a layer that is none, at a place where it cannot stand, or of a wrong size.
    """
    if config.layers:
        return _checked([_parse(text) for text in config.layers], classes)
    cell_name = PER_TOKEN if cell is None else cell.name
    both = config.bidirectional and cell is not None
    text = f"{cell_name}({config.hidden_size})"
    recurrent = LayerSpec(
        "recurrent", f"Bidirectional({text})" if both else text, config.hidden_size, bidirectional=both
    )
    between = LayerSpec("sentence dropout", f"SentenceDropout({config.dropout:g})", rate=config.dropout)
    rate = config.feature_dropout
    specs = [
        LayerSpec("embedding", "WordFeatures"),
        LayerSpec("sentence dropout", f"SentenceDropout({rate:g})", rate=rate),
    ]
    for k in range(config.num_layers):
        specs += [recurrent, between] if k + 1 < config.num_layers else [recurrent]
    return [
        *specs,
        LayerSpec("pool", f"Pool({', '.join(config.pooling)})", pools=tuple(config.pooling)),
        LayerSpec("dropout", f"Dropout({config.dropout:g})", rate=config.dropout),
        LayerSpec("dense", f"Dense({classes})", classes),
    ]


def cell_of(config: ClassifyModel) -> Cell | None:
    """The cell of the recurrent layers: that of `model.layers`, else `model.cell`; None for PerToken.

    Raises ConfigError: no such cell, or two kinds of cells.
    """
    names = dict.fromkeys(name for text in config.layers for name in _cell_names(text))
    if len(names) > 1:
        raise ConfigError(
            f"Expected one kind of recurrent layer in model.layers, found {' and '.join(names)}.",
            repair="A model's folder keeps one cell; use the same in every recurrent layer.",
        )
    return choose_cell(next(iter(names), config.cell))


def _cell_names(text: str) -> list[str]:
    name, inside = _call(text)
    if name == "Bidirectional":
        return _cell_names(inside)
    return [KERAS_CELLS.get(name, name)] if _is_cell(name) else []


def _is_cell(name: str) -> bool:
    return name in CELLS or name in KERAS_CELLS or name == PER_TOKEN or ":" in name


def _call(text: str) -> tuple[str, str]:
    found = _CALL.fullmatch(text)
    if found is None:
        raise ConfigError(f"Expected a layer such as LSTM(100), found {text!r} in model.layers.", repair=EXAMPLE)
    return found[1], found[2].strip()


def _parse(text: str) -> LayerSpec:
    name, inside = _call(text)
    plain = text.strip()
    if name == "Bidirectional":
        inner = _parse(inside)
        if inner.kind != "recurrent" or inner.bidirectional:
            raise ConfigError(f"Expected a recurrent layer in Bidirectional(…), found {inside!r}.", repair=EXAMPLE)
        return LayerSpec("recurrent", plain, inner.size, bidirectional=True)
    if _is_cell(name):
        return LayerSpec("recurrent", plain, _size(inside, plain))
    if name == "Embedding":
        return LayerSpec("embedding", plain, _size(inside, plain))
    if name == "Dropout":
        return LayerSpec("dropout", plain, rate=_rate(inside, plain))
    if name in POOLS:
        return LayerSpec("pool", plain, pools=(POOLS[name],))
    if name == "Dense":
        size, _, activation = (part.strip(" \"'") for part in inside.partition(","))
        activation = activation.removeprefix("activation=").strip("\"'") or "linear"
        if activation not in ACTIVATIONS:
            raise ConfigError(
                f"Expected an activation of {', '.join(ACTIVATIONS)}, found {activation!r} in {plain}.", repair=EXAMPLE
            )
        return LayerSpec("dense", plain, _size(size, plain), activation=activation)
    known = ["Embedding", "Bidirectional", *KERAS_CELLS, "Dense", "Dropout", *POOLS]
    raise ConfigError(
        f"Expected a layer of {', '.join(known)} or a cell, found {name!r} in model.layers.", repair=EXAMPLE
    )


def _size(text: str, layer: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65_536:
        raise ConfigError(f"Expected a size from 1 to 65,536, found {text!r} in {layer}.", repair=EXAMPLE)
    return int(text)


def _rate(text: str, layer: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = -1.0
    if not 0 <= rate < 1:
        raise ConfigError(f"Expected a share from 0 to below 1, found {text!r} in {layer}.", repair=EXAMPLE)
    return rate


def _checked(specs: Sequence[LayerSpec], classes: int) -> list[LayerSpec]:
    """Words first, then layers on sequences, one vector a text from the last of them, and a number a class."""
    if specs[0].kind != "embedding":
        raise ConfigError(f"Expected Embedding(…) as the first layer, found {specs[0].text}.", repair=EXAMPLE)
    made: list[LayerSpec] = []
    sequence = True
    for k, spec in enumerate(specs):
        if spec.kind == "embedding" and k:
            raise ConfigError(f"Expected one Embedding, found a second: {spec.text}.", repair=EXAMPLE)
        if spec.kind in ("recurrent", "pool") and not sequence:
            raise ConfigError(
                f"Expected {spec.text} on a sequence, found it after {specs[k - 1].text}, which gives one vector.",
                repair="Recurrent layers and pooling come before the first Dense layer.",
            )
        if spec.kind == "dense" and sequence:
            # As in Keras without return_sequences: a recurrent layer before anything else gives its final output.
            made.append(LayerSpec("pool", "", pools=("final",)))
            sequence = False
        sequence = sequence and spec.kind != "pool"
        made.append(spec)
    if made[-1].kind != "dense" or made[-1].size != classes:
        raise ConfigError(
            f"Expected Dense({classes}) as the last layer for {classes} classes, found {specs[-1].text}.",
            repair=EXAMPLE,
        )
    if made[-1].activation not in ("linear", "softmax"):
        raise ConfigError(
            f"Expected softmax (or nothing) as the activation of the last layer, found {made[-1].activation}.",
            repair="The loss is the cross-entropy of a softmax.",
        )
    if not any(spec.kind == "recurrent" for spec in made):
        raise ConfigError("Expected a recurrent layer in model.layers, found none.", repair=EXAMPLE)
    return made
