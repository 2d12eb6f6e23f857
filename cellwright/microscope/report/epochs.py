"""What `train --watch` wrote, as the page's slider shows it: one entry a record, a curve and numbers for each layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["MOST", "training_view"]

MOST = 400  # records of the slider; of more, evenly spread ones with the first and last


def training_view(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """[{"step", "epoch", "curves": [{"name", "values"}], "numbers": [[name, value]]}], as `watched` reads them."""
    last = len(records) - 1
    chosen = (
        range(len(records)) if len(records) <= MOST else sorted({round(k * last / (MOST - 1)) for k in range(MOST)})
    )
    return [_entry(records[k]) for k in chosen]


def _entry(record: Mapping[str, Any]) -> dict[str, Any]:
    curves, numbers = [], []
    for run in record["runs"]:
        place = f"{run['layer'] + 1} {'backward' if run['direction'] else 'forward'}"
        curves.append({"name": place, "values": run["gradient_by_lag"]})
        numbers.append([f"{place}: slope of log10 gradient a lag", run["slope"]])
        numbers += [[f"{place}: horizon, {name}", value] for name, value in run["horizons"].items()]
        for gate, found in run["gates"].items():
            numbers += [[f"{place}: {gate} {name}", value] for name, value in found.items()]
    return {"step": record["step"], "epoch": record["epoch"], "curves": curves, "numbers": numbers}
