"""`cellwright explain`: what is compiled for a cell, what it costs and what limits it."""

from __future__ import annotations

import os

from cellwright.cells import CELLS
from cellwright.cells.named import cell_named
from cellwright.cli.choices import one_of
from cellwright.engine.explain import DTYPES, explain
from cellwright.engine.lower.choice import PRODUCTS
from cellwright.engine.lower.target import ISAS

__all__ = ["explain_cell"]


def explain_cell(
    name: str,
    input_size: int,
    hidden_size: int,
    batch: int,
    steps: int,
    dtype: str,
    isa: str | None,
    bidirectional: bool,
    measured: bool,
    json: bool,
) -> None:
    """Print the explanation, as text or as one JSON object."""
    one_of("--dtype", dtype, DTYPES)
    option, isa = ("--isa", isa) if isa else ("CELLWRIGHT_ISA", os.environ.get("CELLWRIGHT_ISA") or None)
    if isa is not None:
        one_of(option, isa, ISAS)
    products = one_of("CELLWRIGHT_PRODUCTS", os.environ.get("CELLWRIGHT_PRODUCTS") or "auto", PRODUCTS)
    cell = cell_named(name, CELLS)
    from cellwright.nn.measured import available_threads, measure  # torch: not for a name that is wrong

    found = explain(
        cell, input_size, hidden_size, batch, steps, dtype,
        bidirectional=bidirectional, threads=available_threads(), isa=isa, products=products,
    )  # fmt: skip
    if measured and found.why_not is None:
        figures = measure(cell, input_size, hidden_size, batch, steps, dtype, found.isa, bidirectional=bidirectional)
        found.measured, found.balance = figures, figures.balance
    print(found.to_json() if json else found)
