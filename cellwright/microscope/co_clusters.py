"""What a word does to units: the mean update of each unit at each word, and words and units that belong together."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from cellwright.errors import ConfigError, DataError
from cellwright.microscope.figure import Array, Check, Figure
from cellwright.microscope.runs import Record

__all__ = ["unit_word_clusters"]

EPS = float(np.finfo(np.float64).eps)


def unit_word_clusters(
    records: Record | Sequence[Record],
    *,
    name: str | None = None,
    clusters: int = 5,
    least: int = 2,
    words: Sequence[Sequence[Hashable]] | None = None,
    layer: int = 0,
    direction: int = 0,
    seed: int = 0,
) -> Figure:
    """Which units react to which words, and groups of words and units that react to each other.

    Args:
        records: a corpus.
        name: the state; the cell's first one if not given.
        clusters: groups of words and units.
        least: a word that occurs less often is in no group.
        words: of every sequence; the records' own if not given.

    Formula     E[s_t − s_{t−1} | word at t]: a word's mean update. Groups: spectral co-clustering of its absolute value
    Unit        that of the state    Range any; signed
    Source      Ming et al. 2017 (RNNVis), arXiv:1710.10777v1; clustering: Dhillon 2001
    Adds up     Σ over words of count × mean update, from differences = Σ over sequences of s_T − s_0, from the ends.
                A sum over N steps of values up to m: within 4 N eps m.

    Raises:
        ConfigError: scikit-learn is not installed; no such state; more groups than words or units.
        DataError: no words.
    """
    given = [records] if isinstance(records, Record) else list(records)
    if not given:
        raise DataError("Expected records, found none.")
    name = name or given[0].run(layer, direction).state_names[0]
    texts = words or [text for record in given for text in record.words_of(record.run(layer, direction))]
    read = [word for text in texts for word in text]
    updates_NU, moved_U, largest = _updates(given, name, layer, direction)
    if len(read) != len(updates_NU):
        raise DataError(
            f"Expected a word for each of {len(updates_NU)} steps, found {len(read)}.",
            repair="Inspect a trained model, or give words=.",
        )
    known = {word: k for k, word in enumerate(dict.fromkeys(read))}
    rows = np.array([known[word] for word in read])
    count = np.bincount(rows).astype(float)
    mean_WU = np.zeros((len(known), updates_NU.shape[1]))
    np.add.at(mean_WU, rows, updates_NU)
    mean_WU /= count[:, None]
    kept = np.flatnonzero(count >= least)
    if not 2 <= clusters <= min(len(kept), mean_WU.shape[1]):
        raise ConfigError(
            f"Expected 2 to {min(len(kept), mean_WU.shape[1])} groups of {len(kept)} words and {mean_WU.shape[1]}"
            f" units, found clusters={clusters}."
        )
    word_groups, unit_groups = np.full(len(known), -1), np.zeros(mean_WU.shape[1], int)
    word_groups[kept], unit_groups = _co_cluster(np.abs(mean_WU[kept]), clusters, seed)
    labels = tuple(map(str, known))
    return Figure(
        name="unit_word_clusters",
        title=f"What words do to units of {name}",
        formula=f"mean of {name}_t − {name}_(t−1) over the places of a word",
        unit=f"of {name}",
        range="any, signed",
        source="Ming et al. 2017, arXiv:1710.10777v1; Dhillon 2001",
        arrays={"update": mean_WU, "count": count, "word_group": word_groups, "unit_group": unit_groups},
        axes={"update": ("word", "unit"), "count": ("word",), "word_group": ("word",), "unit_group": ("unit",)},
        labels={"word": labels, "unit": tuple(f"{name} {j}" for j in range(mean_WU.shape[1]))},
        check=Check(
            f"Σ count × mean update = Σ {name}_T − {name}_0", count @ mean_WU, moved_U, 4 * len(read) * EPS * largest
        ),
        notes=(f"Words that occur less than {least} times are in no group: −1.",),
        verdict=_verdict(labels, count, word_groups, unit_groups, clusters),
    )


def _updates(records: Sequence[Record], name: str, layer: int, direction: int) -> tuple[Array, Array, float]:
    """(N, U) updates in the order of positions; their sum by ends; the largest value."""
    found, moved, largest = [], 0.0, 1.0
    for record in records:
        run = record.run(layer, direction)
        if name not in run.state_names:
            raise ConfigError(f"Expected a state of {run.cell.name}, {' or '.join(run.state_names)}, found {name!r}.")
        step = run.values[name] - run.before(name)
        found += [step[:length, b] for b, length in enumerate(run.lengths_B)]
        moved = moved + (run.final(name) - run.initial[name]).sum(0)
        largest = max(largest, float(np.abs(run.values[name]).max(initial=0.0)))
    return np.concatenate(found), np.asarray(moved), largest


def _co_cluster(strength_WU: Array, clusters: int, seed: int) -> tuple[Array, Array]:
    """Groups of the rows and of the columns."""
    try:
        from sklearn.cluster import SpectralCoclustering
    except ImportError:
        raise ConfigError(
            "Expected scikit-learn, which groups words and units, found it not installed.",
            repair="pip install 'cellwright[microscope]'",
        ) from None
    least = max(float(strength_WU.max()), 1.0) * 1e-12  # a word or unit that nothing moves still has a row
    made = SpectralCoclustering(n_clusters=clusters, random_state=seed, n_init=10).fit(strength_WU + least)
    return np.asarray(made.row_labels_), np.asarray(made.column_labels_)


def _verdict(labels: Sequence[str], count: Array, words: Array, units: Array, clusters: int) -> str:
    told = []
    for group in range(clusters):
        inside = np.flatnonzero(words == group)
        often = ", ".join(labels[k] for k in inside[np.argsort(-count[inside], kind="stable")][:4])
        told.append(f"{often or 'no word'} – {int((units == group).sum())} units")
    return "Groups: " + "; ".join(told) + "."
