"""One row, from its gate to its figures."""

from __future__ import annotations

import math
import os
from typing import Any

import gate
import torch
from case import build
from clock import Contestant, Missing, NotBuilt, interleave, percentiles, ratio
from processes import PROCESS_WORKS, segmented
from suite import Row
from works import WORKS, Contest

from cellwright.errors import CellwrightError

REPEATS, SECONDS = 15, 1.0
QUICK_REPEATS = 3


def measure(row: Row, quick: bool = False) -> dict[str, Any]:
    """Status (measured, red gate, not built, failed), gate, times of everybody and figures of a row."""
    load = os.getloadavg()[0]
    torch.set_grad_enabled(row.mode == "train")
    result: dict[str, Any] = {
        "status": "measured",
        "note": "",
        "path": "",
        "gate": {},
        "contestants": {},
        "figures": [],
    }
    try:
        (in_processes if row.work in PROCESS_WORKS else in_turns)(row, quick, result)
    except (NotBuilt, CellwrightError) as missing:
        result |= {"status": "not built", "note": str(missing)}
    except Exception as problem:
        result |= {"status": "failed", "note": f"{type(problem).__name__}: {problem}"}
    if result["status"] != "measured":
        result |= {"contestants": {}, "figures": []}
    return result | {"load": [round(load, 2), round(os.getloadavg()[0], 2)]}


def in_turns(row: Row, quick: bool, result: dict[str, Any]) -> None:
    with torch.enable_grad():  # what torch imports at its first backward is in nobody's first call
        torch.nn.Linear(2, 2)(torch.zeros(2, 2)).backward(torch.zeros(2, 2))
    contest = WORKS[row.work](row, quick)
    given = contest.ours.begin()
    mine = contest.ours.results(given) if contest.ours.results else {}
    mine = {key: torch.as_tensor(value).detach().clone() for key, value in mine.items() if value is not None}
    result["path"] = contest.path()
    if not passes(contest.errors(), row, result):
        return
    present, skipped = peers(row, contest, mine, result)
    if result["status"] != "measured":
        return
    limit = [contest.limit] if contest.limit else []
    for one in limit:
        one.begin()
    interleave([contest.ours, *present, *limit], *((QUICK_REPEATS, 0.0) if quick else (REPEATS, SECONDS)))
    for one in (contest.ours, *present, *limit):
        result["contestants"][one.name] = one.summary()
    result["contestants"] |= {name: {"skipped": reason} for name, reason in skipped.items()}
    for one in present:
        figure = {"name": one.name, "kind": "ratio"} | ratio(contest.ours, one)
        first = one.name == next(iter(row.peers))
        goal = {"goal": row.goal} if row.goal and first else {}
        result["figures"].append(figure | goal | judged(figure["value"], least=row.peers[one.name]))
    for one in limit:
        share = share_of(contest.ours, one)
        result["figures"].append(share | judged(share["value"], least=row.share))


def peers(
    row: Row, contest: Contest, mine: dict[str, Any], result: dict[str, Any]
) -> tuple[list[Contestant], dict[str, str]]:
    """Those that run here, each compared with ours, and why others do not."""
    present, skipped = [], {}
    for name in row.peers:
        try:
            one = contest.peer(name)
            given = one.begin()
        except Missing as missing:
            skipped[name] = str(missing)
            continue
        except Exception as problem:  # the peer's own, such as a type that its kernels do not have on this machine
            skipped[name] = f"it fails here: {(str(problem).strip() or type(problem).__name__).splitlines()[0]}"
            continue
        if one.results is not None:
            theirs = {key: value for key, value in one.results(given).items() if value is not None}
            found = gate.errors(mine, theirs, row.dtype)
            result["gate"][f"beside {name}"] = rounded(found)
            wrong = gate.red(found, gate.PEERS[row.dtype])
            if wrong or not found:
                result |= {"status": "red gate", "note": f"beside {name}: {wrong or 'nothing to compare'}"}
                break
        present.append(one)
    return present, skipped


def passes(found: dict[str, float], row: Row, result: dict[str, Any]) -> bool:
    """Whether ours is the plain loop's, as `result` then says."""
    result["gate"]["beside the plain loop in float64"] = rounded(found)
    most = result["gate"]["most"] = gate.limit_of(row)
    wrong = gate.red(found, most)
    if wrong or not found:
        result |= {"status": "red gate", "note": f"beside the plain loop: {wrong or 'nothing to compare'}"}
    return not wrong and bool(found)


def rounded(found: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 2) if math.isfinite(value) else value for name, value in found.items()}


def judged(value: float, least: float | None = None, most: float | None = None) -> dict[str, Any]:
    """What is asked of a value, and whether it is met."""
    if least is not None:
        return {"least": least, "met": value >= least}
    return {"most": most, "met": value <= most} if most is not None else {"met": None}


def share_of(ours: Contestant, limit: Contestant) -> dict[str, Any]:
    """Our operations a second over the limit's."""
    turned = ratio(ours, limit)
    scale = ours.flop / limit.flop / (ours.units / limit.units)
    return {
        "name": "sgemm",
        "kind": "share",
        "value": scale * turned["value"],
        "of_p20": scale * turned["of_p20"],
        "spread": [scale * value for value in turned["spread"]],
    }


def in_processes(row: Row, quick: bool, result: dict[str, Any]) -> None:
    layer = segmented(row) if row.work == "checkpoint" else None
    if not passes(gate.beside_the_loop(build(row, steps=min(row.T, gate.STEPS), layer=layer)), row, result):
        return
    times, figures = PROCESS_WORKS[row.work](row, quick)
    for name, values in times.items():
        p20, p50, p80 = percentiles(values)
        result["contestants"][name] = {"p20": p20, "p50": p50, "p80": p80, "repeats": len(values)}
    for name, value in figures.items():
        least = row.peers.get(name)
        most = row.most if name == "seconds" else None
        kind = "memory" if "checkpoint" in name else "seconds" if name == "seconds" else "reported"
        result["figures"].append({"name": name, "kind": kind, "value": value} | judged(value, least, most))
