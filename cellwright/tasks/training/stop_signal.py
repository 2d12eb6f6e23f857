"""Ctrl-C and SIGTERM while training: remembered until the running step is finished and saved."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

__all__ = ["StopSignal"]


class StopSignal:
    """Within the block SIGINT and SIGTERM are only remembered; a second SIGINT interrupts at once.

    Args:
        patient: a second one does not: torchrun passes on the Ctrl-C that its processes have had already.
    """

    def __init__(self, patient: bool = False) -> None:
        self.received = False
        self._patient = patient
        self._old: dict[int, Any] = {}

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():  # only there may handlers be set
            for number in (signal.SIGINT, signal.SIGTERM):
                self._old[number] = signal.signal(number, self._handle)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.received and number == signal.SIGINT and not self._patient:
            raise KeyboardInterrupt
        self.received = True
