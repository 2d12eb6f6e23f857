"""The memory ledger: who wrote what is still there.

    s_L = ρ_{L,0} ⊙ s_0 + Σ_k ρ_{L,k} ⊙ b_k,   ρ_{L,k} = a_{k+1} ⊙ … ⊙ a_L     exact for every cell with a carry path

Gates are held at the values they had. That is bookkeeping, not a counterfactual: without a word, the gates of later
words would have been others. What a prediction loses without a word is another measure: deletion.

Axes: L steps in reading order, K entries: what stood at the start, then one a step; S size of the state.
"""

from __future__ import annotations

import numpy as np

from cellwright.errors import ConfigError
from cellwright.microscope.carry import CarryRows, carry_rows
from cellwright.microscope.figure import Array, Check, Figure
from cellwright.microscope.runs import Record

__all__ = ["ledger", "notebook", "ring"]

EPS = float(np.finfo(np.float64).eps)
START = "start"
NOT_CAUSAL = "Gates held at the values they had: bookkeeping, no counterfactual. See `deletion`."
SOURCE = "cellwright; carry path: Hochreiter & Schmidhuber 1997"
LARGEST_RING = 4_000  # steps; the ring has steps² / 2 shares


def ledger(
    record: Record,
    layer: int = 0,
    direction: int = 0,
    sequence: int = 0,
    state: str | None = None,
    at: int | None = None,
) -> Figure:
    """What each step wrote into a state, as far as it is still there after step `at`.

    Args:
        state: which state; the first that carries if not given.
        at: a step in reading order from 0; the last if not given.

    Formula     held_k = ρ_{at,k} ⊙ b_k, the start ρ_{at,0} ⊙ s_0
    Unit        that of the state; signed
    Source      cellwright
    Adds up     Σ_k held_k = s_at: a and b from the cell's equations on recorded x and states, s_at from the engine.
                4 (L + 2) eps times the largest Σ_k |held_k|: one product and one sum a step.
    """
    rows = carry_rows(record, layer, direction, sequence, state)
    at = _step(rows, at)
    held_KS = _held(rows, at)
    share_K = _shares(held_KS)
    entries = (START, *rows.reading.steps[: at + 1])
    return Figure(
        name="ledger",
        title=f"Who wrote what {rows.state} holds after {rows.reading.steps[at]}",
        formula=f"{rows.state} = ρ ⊙ {rows.state}₀ + Σ_k ρ_k ⊙ b_k, with {rows.carry.equation}",
        unit="that of the state",
        range="any; Σ_k = the state",
        source=SOURCE,
        arrays={"held": held_KS, "share": share_K},
        axes={"held": ("entry", "unit"), "share": ("entry",)},
        labels={"entry": entries, "unit": rows.units},
        check=_check(rows, held_KS[None], rows.after_LS[at][None]),
        notes=("share is ⟨held_k, s⟩ / ⟨s, s⟩ over the units: signed, Σ = 1.", NOT_CAUSAL),
        verdict=_verdict(share_K, entries),
    )


def ring(record: Record, layer: int = 0, direction: int = 0, sequence: int = 0, state: str | None = None) -> Figure:
    """The ledger's shares after every step: the circle in which the colours of all earlier words remain.

    Formula     share_{t,k} = ⟨ρ_{t,k} ⊙ b_k, s_t⟩ / ⟨s_t, s_t⟩ over the units; 0 for k > t
    Unit        1, signed: what a word wrote against the others counts below 0
    Range       Σ_k = 1 at every t; where s_t is 0, all are 0
    Source      cellwright
    Adds up     Σ_k share_{t,k} = 1: s_t in the shares is the engine's, what is held comes from a and b. The tolerance
                is that of `ledger`, relative to |s_t|.

    Raises ConfigError for a sequence of more than 4,000 steps, whose ring would be 16 million shares.
    """
    rows = carry_rows(record, layer, direction, sequence, state)
    steps = len(rows.a_LS)
    if steps > LARGEST_RING:
        raise ConfigError(
            f"Expected a sequence of at most {LARGEST_RING:,} steps for the ring, found {steps:,}.",
            repair="`ledger(…, at=…)` gives the shares after one step.",
        )
    share_LK = np.zeros((steps, steps + 1))
    held = np.zeros((steps + 1, rows.a_LS.shape[1]))
    held[0] = rows.before_LS[0]
    worst = np.zeros(steps)
    for t in range(steps):
        held[: t + 1] *= rows.a_LS[t]
        held[t + 1] = rows.b_LS[t]
        s = rows.after_LS[t]
        size = float(np.abs(s).max())
        if size > 0:
            unit = s / size
            share_LK[t, : t + 2] = (held[: t + 2] / size) @ unit / (unit @ unit)
            worst[t] = np.abs(held[: t + 2]).sum(axis=0).max() / size
    some = worst > 0
    return Figure(
        name="ring",
        title=f"What {rows.state} is made of, after every step",
        formula="share_{t,k} = ⟨ρ_{t,k} ⊙ b_k, s_t⟩ / ⟨s_t, s_t⟩",
        unit="1",
        range="any; Σ_k = 1",
        source=SOURCE,
        arrays={"share": share_LK},
        axes={"share": ("t", "entry")},
        labels={"t": rows.reading.steps, "entry": (START, *rows.reading.steps)},
        check=Check(
            "Σ_k share_k = 1",
            share_LK.sum(axis=1),
            some.astype(np.float64),
            4 * (steps + 2) * EPS * rows.a_LS.shape[1] * max(1.0, float(worst.max())),
        ),
        notes=(NOT_CAUSAL, *(("Where the state is 0 there is nothing to share.",) if not some.all() else ())),
        verdict=_verdict(share_LK[-1], (START, *rows.reading.steps)),
    )


def notebook(
    record: Record,
    layer: int = 0,
    direction: int = 0,
    sequence: int = 0,
    state: str | None = None,
    erased_below: float = 0.1,
) -> Figure:
    """The state as a notebook: for each unit, which step's note is the largest that still stands, and when each was
    erased.

    Args:
        erased_below: a note is erased once less than this part of it is left.

    Formula     note_{k,j} = b_{k,j}, left ρ_{L,k,j} ⊙ b_{k,j}; erased at the first t > k with |ρ_{t,k,j}| < 0.1
    Unit        written, left: those of the state; erased_at, writer: steps, −1 for "still there" or "nobody"
    Source      cellwright
    Adds up     Σ_k left_{k,j} = s_{L,j} of every unit, as in `ledger`.
    """
    rows = carry_rows(record, layer, direction, sequence, state)
    steps, size = rows.a_LS.shape
    written = np.concatenate([rows.before_LS[:1], rows.b_LS])
    erased_at = np.full((steps + 1, size), -1)
    kept = np.zeros((steps + 1, size))
    for t in range(steps):
        kept[t] = 1.0
        kept[: t + 1] *= rows.a_LS[t]
        gone = (np.abs(kept[: t + 1]) < erased_below) & (erased_at[: t + 1] < 0)
        erased_at[: t + 1][gone] = t
    kept[steps] = 1.0
    left = kept * written
    standing = np.where(np.abs(kept) >= erased_below, np.abs(left), 0.0)
    writer = np.where(standing.max(axis=0) > 0, standing.argmax(axis=0), -1)
    entries = (START, *rows.reading.steps)
    authors = sorted({entries[k] for k in writer if k >= 0}, key=entries.index)
    return Figure(
        name="notebook",
        title=f"Notebook of {rows.state}: who wrote each unit, and when it was erased",
        formula=f"left = ρ_L ⊙ b, erased at the first t with |ρ_t| < {erased_below:g}, with {rows.carry.equation}",
        unit="that of the state; erased_at, writer: entries counted from the start, −1 for none",
        range="any",
        source=SOURCE,
        arrays={"left": left, "written": written, "erased_at": erased_at, "writer": writer},
        axes={
            "left": ("entry", "unit"),
            "written": ("entry", "unit"),
            "erased_at": ("entry", "unit"),
            "writer": ("unit",),
        },
        labels={"entry": entries, "unit": rows.units},
        check=_check(rows, left[None], rows.after_LS[-1][None]),
        notes=(
            "erased_at: a step in reading order from 0; writer: an entry, 0 the start, k the step k − 1.",
            NOT_CAUSAL,
        ),
        verdict=f"At the end, units of {rows.state} hold mostly what was written at"
        f" {', '.join(authors[:8]) or 'no step'}{' …' if len(authors) > 8 else ''}.",
    )


def _step(rows: CarryRows, at: int | None) -> int:
    steps = len(rows.a_LS)
    if at is None:
        return steps - 1
    if not 0 <= at < steps:
        raise ConfigError(f"Expected a step from 0 to {steps - 1}, found at={at}.")
    return at


def _held(rows: CarryRows, at: int) -> Array:
    """(K, S): what each entry still holds after step `at`."""
    a = rows.a_LS[: at + 1]
    kept = np.concatenate([np.cumprod(a[::-1], axis=0)[::-1], np.ones_like(a[:1])])
    held: Array = kept * np.concatenate([rows.before_LS[:1], rows.b_LS[: at + 1]])
    return held


def _shares(held_KS: Array) -> Array:
    s = held_KS.sum(axis=0)
    size = float(np.abs(s).max())
    if not size > 0:
        return np.zeros(len(held_KS))
    unit = s / size
    shares: Array = (held_KS / size) @ unit / (unit @ unit)
    return shares


def _check(rows: CarryRows, held: Array, state: Array) -> Check:
    largest = max(float(np.abs(held).sum(axis=1).max()), 1e-300)
    return Check(f"Σ_k held_k = {rows.state}", held.sum(axis=1), state, 4 * (len(rows.a_LS) + 2) * EPS * largest)


def _verdict(share_K: Array, entries: tuple[str, ...]) -> str:
    order = np.argsort(-np.abs(share_K))[:3]
    said = ", ".join(f"{entries[k]} {share_K[k]:.0%}" for k in order if abs(share_K[k]) >= 0.005)
    return f"Still held: {said}." if said else "The state holds nothing."
