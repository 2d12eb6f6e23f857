"""Several networks trained at a time, each in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TypeVar

from cellwright.errors import TrainingError

__all__ = ["train_each"]

RowT = TypeVar("RowT")


def train_each(
    names: Sequence[str], work: Callable[[str], RowT], processes: int, known: Callable[[str, RowT], None]
) -> dict[str, RowT]:
    """`work(name)` for each name; what it returned, in the order of the names.

    Args:
        work: a function of a module, or a `functools.partial` of one: it is sent to the other processes.
        processes: how many at a time; more than 1 needs a program whose main part is guarded by
            ``if __name__ == "__main__"``. The figures are the same.
        known: called as each is done.

    Raises TrainingError: a process died. What `work` raises is passed on.
    """
    rows: dict[str, RowT] = {}
    if processes == 1:
        for name in names:
            rows[name] = work(name)
            known(name, rows[name])
        return rows
    # No more are handed out than there are processes, so that a failure or Ctrl-C waits for no others.
    waiting = list(names)
    running: dict[Future[RowT], str] = {}
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        while waiting or running:
            while waiting and len(running) < processes:
                name = waiting.pop(0)
                running[pool.submit(work, name)] = name
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                name = running.pop(future)
                try:
                    rows[name] = future.result()
                except BrokenProcessPool:
                    raise TrainingError(
                        f"Expected the figures of {name}, found that its process had died.",
                        repair="It may have run out of memory: --set train.threads=2 trains fewer at a time.",
                    ) from None
                known(name, rows[name])
    return {name: rows[name] for name in names}
