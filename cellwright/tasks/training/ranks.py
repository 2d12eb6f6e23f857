"""One training in several processes, as torchrun starts them: each takes its share of every batch.

    torchrun --nproc-per-node 2 -m cellwright train slots --out runs/mine

Gradients are summed over gloo before each step, so that all processes take the same step with the same bits; digests
of the weights are compared at each epoch. The first process alone evaluates and writes.
"""

from __future__ import annotations

import atexit
import datetime
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch import distributed as dist
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

from cellwright.errors import ConfigError, TrainingError

__all__ = ["Ranks", "join", "restarted"]

PATIENCE = datetime.timedelta(hours=24)  # others wait as long as the first one evaluates; one that dies is seen at once


def join() -> Ranks:
    """The processes that torchrun started, this one's place among them; or this process alone.

    Raises ConfigError: torchrun's variables are there, and the processes cannot reach each other.
    """
    count = int(os.environ.get("WORLD_SIZE", "1")) if "RANK" in os.environ else 1
    if count == 1:
        return Ranks(0, 1)
    if not dist.is_initialized():
        try:
            store, rank, size = next(iter(rendezvous("env://", timeout=PATIENCE)))
            # torchrun's store outlives a restart, and with it the addresses of processes that are gone
            store = PrefixStore(f"start-{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)
            dist.init_process_group("gloo", store=store, rank=rank, world_size=size, timeout=PATIENCE)
        except (RuntimeError, ValueError) as error:
            raise ConfigError(
                f"Expected to reach the other {count - 1} processes, found: {error}",
                repair="Start them with torchrun, which sets MASTER_ADDR, MASTER_PORT, RANK and WORLD_SIZE.",
            ) from None
        atexit.register(dist.destroy_process_group)
    return Ranks(dist.get_rank(), dist.get_world_size())


def restarted() -> bool:
    """Whether torchrun started these processes anew after one of them had died (`--max-restarts`)."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0


class Ranks:
    """Args:
    rank: of this process, from 0.
    count: of processes; 1 makes every method do nothing.

    Methods that wait for the others raise TrainingError when one of them is gone.
    """

    def __init__(self, rank: int, count: int) -> None:
        self.rank, self.count = rank, count

    @property
    def first(self) -> bool:
        """Whether this process evaluates and writes."""
        return self.rank == 0

    def share(self, indices: Sequence[int]) -> Sequence[int]:
        """This process's part of a batch: every `count`-th, which are of like length too; perhaps none."""
        return indices if self.count == 1 else indices[self.rank :: self.count]

    @property
    def streams(self) -> slice:
        """This process's part of streams that are read side by side: every `count`-th."""
        return slice(self.rank, None, self.count)

    def begin_step(self, seed: int, step: int) -> None:
        """Draws of dropout that depend on seed, step and process alone: no other process's state has to be saved."""
        if self.count > 1:
            key = np.random.SeedSequence(seed, spawn_key=(0, 0, step, self.rank))
            torch.manual_seed(int(key.generate_state(1)[0]))

    def combine(self, parameters: Sequence[Tensor], loss: float, weight: float, tokens: int) -> tuple[float, int]:
        """Make each gradient the mean over all processes' parts, and give the loss and tokens of the whole batch.

        Args:
            parameters: the same on every process, with gradients or without.
            loss: mean over this process's part.
            weight: how many that mean is over.
        """
        if self.count == 1:
            return loss, tokens
        there = [float(p.grad is not None) for p in parameters]
        head = torch.tensor([loss * weight, weight, tokens, *there], dtype=torch.float64)
        self._sum(head)
        total = float(head[1])
        used = [p for p, known in zip(parameters, head[3:].tolist(), strict=True) if known]
        if used:
            parts = [torch.zeros_like(p) if p.grad is None else p.grad * (weight / total) for p in used]
            flat = torch.cat([part.flatten() for part in parts])
            self._sum(flat)
            for p, part in zip(used, torch.split(flat, [p.numel() for p in used]), strict=True):
                p.grad = part.view_as(p)
        return float(head[0]) / total, int(head[2])

    def complete(self, states: Sequence[Tensor]) -> None:
        """Fill in, in place, what the others hold of tensors (L, B, S): each process has its own `streams` of B."""
        if self.count == 1:
            return
        for state in states:
            whole = torch.zeros_like(state)
            whole[:, self.streams] = state[:, self.streams]
            self._sum(whole)
            state.copy_(whole)

    def any(self, *flags: bool) -> tuple[bool, ...]:
        """Each flag, or that of another process."""
        if self.count == 1:
            return flags
        found = torch.tensor([float(flag) for flag in flags])
        self._sum(found)
        return tuple(value > 0 for value in found.tolist())

    def of_first(self, make: Callable[[], Any]) -> Any:
        """What `make` gives on the first process, on all; something that JSON can hold."""
        if self.count == 1:
            return make()
        text = json.dumps(make()).encode() if self.first else b""
        size = torch.tensor([len(text)])
        with self._together():
            dist.broadcast(size, 0)
            data = torch.frombuffer(bytearray(text), dtype=torch.uint8) if self.first else torch.empty(0)
            data = data if self.first else torch.empty(int(size), dtype=torch.uint8)
            dist.broadcast(data, 0)
        return json.loads(bytes(data.tolist()))

    def first_then_others(self, read: Callable[[], Any]) -> Any:
        """`read()` on every process, when the first one has done it."""
        found = read() if self.first else None
        self.any(False)
        return found if self.first else read()

    def check_same(self, what: str, tensors: Iterable[Tensor] = (), text: str = "") -> None:
        """Raises TrainingError: not all processes hold the same bits.

        Args:
            what: in words, for the message.
        """
        if self.count == 1:
            return
        digest = hashlib.sha256(text.encode())
        for tensor in tensors:
            digest.update(tensor.detach().contiguous().flatten().view(torch.uint8).numpy().tobytes())
        own = torch.tensor(list(digest.digest()), dtype=torch.uint8)
        found = [torch.empty_like(own) for _ in range(self.count)]
        with self._together():
            dist.all_gather(found, own)
        if other := next((rank for rank, theirs in enumerate(found) if not torch.equal(theirs, found[0])), None):
            raise TrainingError(
                f"Expected {what} to be the same in all {self.count} processes, found others in process {other}.",
                repair="Give every process the same files, settings and versions.",
            )

    def _sum(self, tensor: Tensor) -> None:
        with self._together():
            dist.all_reduce(tensor)

    @contextmanager
    def _together(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            raise TrainingError(
                f"Expected {self.count} processes to the end, found that one is gone ({str(error).splitlines()[0]}).",
                repair="Its own message says why, if it could write one. Go on from the newest checkpoint: --resume.",
            ) from None
