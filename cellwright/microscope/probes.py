"""Is it in the state: a linear probe of a state, beside a control task and chance.

Axes: N examples, S units, C classes, T steps, B sequences.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import torch

from cellwright.errors import ConfigError, DataError
from cellwright.microscope.figure import Array, Check, Figure
from cellwright.microscope.linear_maps import KINDS, Kind, fit_linear
from cellwright.microscope.runs import Record
from cellwright.tasks.share import Share

__all__ = ["probe", "probe_by_step", "states_at"]

SOURCE = "Hupkes et al. 2018, arXiv:1711.10203v2; control task: Hewitt & Liang 2019, arXiv:1909.03368v1"
FEWEST = 8  # examples


def states_at(
    records: Record | Sequence[Record], name: str, layer: int = 0, direction: int = 0
) -> tuple[Array, list[tuple[int, int]], list[str]]:
    """A named value at every step of every sequence.

    Returns:
        values (N, S); (sequence, position) of each, sequences counted through all records; the word there, "" if none.
    """
    rows, sequence = [], 0
    places: list[tuple[int, int]] = []
    words: list[str] = []
    for record in [records] if isinstance(records, Record) else records:
        run = record.run(layer, direction)
        if name not in run.values:
            raise ConfigError(f"Expected a value of {run.cell.name}, found {name!r}: it names {', '.join(run.values)}.")
        for b, length in enumerate(run.lengths_B):
            rows.append(run.values[name][:length, b])
            places += [(sequence, t) for t in range(length)]
            texts = record.words_of(run)
            words += texts[b][:length] if texts else [""] * length
            sequence += 1
    if not places:
        raise DataError("Expected records with one step or more, found none.")
    return np.concatenate(rows), places, words


def probe(
    states: Array,
    labels: Sequence[Hashable] | Array,
    *,
    types: Sequence[Hashable] | Array | None = None,
    kind: Kind = "ridge",
    strength: float = 1e-3,
    held_out: float = 0.3,
    seed: int = 0,
    groups: Sequence[Hashable] | Array | None = None,
) -> Figure:
    """How well a linear map of a state tells a label, on examples that it was not fitted to.

    Args:
        states: (N, S), for instance from `states_at`.
        labels: one an example.
        types: what the control task goes by, as a rule the word at that step: each type gets a label by lot, the same
            wherever it stands. A probe that learns that as well has memory of its own. Without types: no control.
        kind: "ridge": least squares on ±1 of each class, closed form; "logistic": cross-entropy, by L-BFGS.
        strength: of the penalty on the weights, in units of the states' mean variance.
        held_out: share of the examples, or of the groups, that the figures are of.
        groups: examples of one group, such as a sentence, are fitted or held out together.

    Formula     accuracy = share of held-out examples told right; selectivity = accuracy − accuracy at the control task
    Unit        share    Range [0, 1]; selectivity [−1, 1]
    Source      Hupkes et al. 2018; Hewitt & Liang 2019
    Adds up     diagonal of the confusions / N, counted = share of examples whose largest score is that of their label,
                scores worked out again example by example. Counts: exact.

    Raises:
        DataError: fewer than 8 examples; one class, or none in the part that is fitted or held out.
        ConfigError: an unknown kind; lists of different lengths.
    """
    x_NS = np.asarray(states, np.float64)
    _check(x_NS, labels, types, groups, kind, held_out)
    names = sorted(set(_listed(labels)), key=str)
    rng = np.random.default_rng(seed)
    y_N = np.array([names.index(label) for label in _listed(labels)])
    fitted_N = _split(rng, list(range(len(y_N))) if groups is None else _listed(groups), held_out)
    if fitted_N.all() or len(set(y_N[fitted_N].tolist())) < 2:
        raise DataError(
            f"Expected two classes among the examples that are fitted, found {len(set(y_N[fitted_N].tolist()))}.",
            repair="Give more examples or groups, or another held_out.",
        )
    task = fit_linear(x_NS, y_N, fitted_N, len(names), kind, strength)
    measured = {"probe": task}
    if types is not None:
        kinds = {a: k for k, a in enumerate(dict.fromkeys(_listed(types)))}
        lot = rng.choice(y_N, len(kinds))  # labels as frequent as those of the task
        drawn_N = np.array([lot[kinds[a]] for a in _listed(types)])
        measured["control"] = fit_linear(x_NS, drawn_N, fitted_N, len(names), kind, strength)
    said, true = task.said(x_NS[~fitted_N]), y_N[~fitted_N]
    confusion = np.zeros((len(names), len(names)))
    np.add.at(confusion, (true, said), 1)
    chance = np.bincount(true, minlength=len(names)).max() / len(true)
    shares = {name: fit.right / fit.count for name, fit in measured.items()} | {"chance": float(chance)}
    share = Share(task.right, task.count)
    one_by_one = [np.argmax([row @ w + b for w, b in zip(task.weight_CS, task.bias_C, strict=True)])
                  for row in x_NS[~fitted_N]]  # fmt: skip
    return Figure(
        name="probe",
        title=f"A {kind} probe of {len(names)} classes in {x_NS.shape[1]} units",
        formula="share of held-out examples told right",
        unit="share",
        range="[0, 1]",
        source=SOURCE,
        arrays={
            "accuracy": np.array(list(shares.values())),
            "direction": task.weight_CS / np.maximum(np.linalg.norm(task.weight_CS, axis=1, keepdims=True), 1e-300),
            "confusion": confusion,
        },
        axes={"accuracy": ("what",), "direction": ("class", "unit"), "confusion": ("class", "said")},
        labels={"what": tuple(shares), "class": tuple(map(str, names)), "said": tuple(map(str, names))},
        check=Check(
            "Σ diagonal of the confusions / N = accuracy",
            np.array([np.trace(confusion) / confusion.sum(), shares["probe"]]),
            np.full(2, float(np.mean(np.array(one_by_one) == true))),
            0.0,
        ),
        notes=(
            f"{fitted_N.sum():,} examples fitted, {len(true):,} held out."
            f" 95 % interval {share.low:.3f} to {share.high:.3f}.",
            "chance: always the most frequent class.",
            *(() if types is not None else ("No types were given: no control task, no selectivity.",)),
        ),
        verdict=_verdict(shares, share.low),
    )


def probe_by_step(
    records: Record | Sequence[Record],
    labels: Sequence[Hashable] | Array,
    name: str,
    *,
    layer: int = 0,
    direction: int = 0,
    types: Sequence[Sequence[Hashable]] | None = None,
    kind: Kind = "ridge",
    strength: float = 1e-3,
    held_out: float = 0.3,
    seed: int = 0,
) -> Figure:
    """When something is in a state: a probe of its own at every step.

    Args:
        records: of many sequences, one label each.
        name: state, gate or other named value.
        types: of every step of every sequence; the records' words if not given.
        kind, strength, held_out, seed: as `probe`.

    Formula, unit, source as `probe`. Steps that fewer than 8 sequences reach, or whose sequences are all of one class,
    are nan.
    Adds up     accuracy × number held out = number told right, counted in whole examples. Exact but for one division.
    """
    x_NS, places, words = states_at(records, name, layer, direction)
    given = list(_listed(labels))
    sequences = 1 + max(sequence for sequence, _ in places)
    if len(given) < sequences:
        raise ConfigError(f"Expected a label for each of {sequences} sequences, found {len(given)}.")
    kinds = [types[b][t] for b, t in places] if types is not None else words
    steps = 1 + max(t for _, t in places)
    columns = ("accuracy", "low", "high", "control", "chance", "selectivity")
    found, counts = {column: np.full(steps, np.nan) for column in columns}, np.zeros((steps, 2))
    for t in range(steps):
        rows = [n for n, (_, at) in enumerate(places) if at == t]
        y = [given[places[n][0]] for n in rows]
        own = [kinds[n] for n in rows] if any(kinds) else None
        try:
            figure = probe(x_NS[rows], y, types=own, kind=kind, strength=strength, held_out=held_out, seed=seed)
        except DataError:
            continue
        shares = dict(zip(figure.labels["what"], figure.arrays["accuracy"], strict=True))
        confusion = figure.arrays["confusion"]
        counts[t] = np.trace(confusion), confusion.sum()
        share = Share(counts[t, 0], int(counts[t, 1]))
        found["low"][t], found["high"][t] = share.low, share.high
        found["accuracy"][t], found["chance"][t] = shares["probe"], shares["chance"]
        found["control"][t] = shares.get("control", np.nan)
        found["selectivity"][t] = shares["probe"] - found["control"][t]
    if not counts.any():
        raise DataError(f"Expected a step that {FEWEST} sequences of two classes reach, found none.")
    seen = counts[:, 1] > 0
    best = int(np.nanargmax(found["accuracy"]))
    return Figure(
        name="probe_by_step",
        title=f"How well a {kind} probe of {name} tells the label, by step",
        formula="share of held-out sequences told right at step t",
        unit="share",
        range="[0, 1]",
        source=SOURCE,
        arrays=dict(found),
        axes=dict.fromkeys(columns, ("t",)),
        labels={"t": tuple(map(str, range(steps)))},
        check=Check(
            "accuracy × held out = told right", found["accuracy"][seen] * counts[seen, 1], counts[seen, 0], 1e-9
        ),
        notes=(
            "low and high: 95 % interval. Position t is that in the text, also of a backward direction.",
            *(() if any(kinds) else ("No words were given: no control task, no selectivity.",)),
        ),
        verdict=f"{name} tells the label best after step {best}: {found['accuracy'][best]:.3f}"
        f" (chance {found['chance'][best]:.3f}).",
    )


def _split(rng: np.random.Generator, groups: Sequence[Hashable], held_out: float) -> Array:
    """(N,) bool: whether an example is fitted."""
    names = list(dict.fromkeys(groups))
    out = {names[k] for k in rng.permutation(len(names))[: max(1, round(held_out * len(names)))]}
    return np.array([group not in out for group in groups])


def _check(x_NS: Array, labels: Any, types: Any, groups: Any, kind: str, held_out: float) -> None:
    if kind not in KINDS:
        raise ConfigError(f"Expected kind {' or '.join(KINDS)}, found {kind!r}.")
    if not 0 < held_out < 1:
        raise ConfigError(f"Expected held_out between 0 and 1, found {held_out}.")
    if x_NS.ndim != 2:
        raise ConfigError(f"Expected states (N, S), found an array of shape {x_NS.shape}.")
    for name, given in (("labels", labels), ("types", types), ("groups", groups)):
        if given is not None and len(given) != len(x_NS):
            raise ConfigError(f"Expected one of {name} for each of {len(x_NS)} states, found {len(given)}.")
    if not np.isfinite(x_NS).all():
        raise DataError("Expected finite states, found nan or inf.")
    if len(x_NS) < FEWEST or len(set(_listed(labels))) < 2:
        raise DataError(
            f"Expected {FEWEST} examples or more of two classes or more, found {len(x_NS)} of"
            f" {len(set(_listed(labels)))}."
        )


def _listed(given: Any) -> list[Any]:
    return given.tolist() if isinstance(given, np.ndarray | torch.Tensor) else list(given)


def _verdict(shares: dict[str, float], low: float) -> str:
    found = f"{shares['probe']:.3f} right, chance {shares['chance']:.3f}"
    if "control" in shares:
        found += f", control task {shares['control']:.3f}: selectivity {shares['probe'] - shares['control']:+.3f}"
    return f"{found}. {'Above' if low > shares['chance'] else 'Not clearly above'} chance."
