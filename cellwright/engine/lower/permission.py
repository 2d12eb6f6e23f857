"""Leave to use AMX's tiles, which Linux gives to a process that asks: their 8 KiB make every thread's state larger."""

from __future__ import annotations

import ctypes
import platform
from functools import cache

__all__ = ["may_use_tiles"]

ARCH_PRCTL = 158  # the system call of x86-64
REQUEST_PERMISSION = 0x1023  # ARCH_REQ_XCOMP_PERM
TILE_DATA = 18  # XFEATURE_XTILEDATA


@cache
def may_use_tiles() -> bool:
    """Asks for all threads of this process; another system, an older Linux or a processor without tiles says no."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return False
    return bool(ctypes.CDLL(None).syscall(ARCH_PRCTL, REQUEST_PERMISSION, TILE_DATA) == 0)
