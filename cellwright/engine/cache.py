"""Compiled code, found where it is: in this process, in the folder of compiled code, or made now.

An entry's key is the SHA-256 of all that the code depends on: what is lowered, for which instruction set and type, and
what lowers it, down to the text of the lowering. Two different codes never have one key.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from weakref import WeakValueDictionary

import llvmlite
from llvmlite import binding as llvm
from llvmlite import ir

from cellwright import __version__
from cellwright.engine.lower.compile import OPTIONS, Loaded, compile_module, load_object
from cellwright.engine.lower.target import Target, host_isas
from cellwright.engine.store import VERSION, Store, cache_folder
from cellwright.errors import ConfigError

__all__ = ["Load", "load_module", "loads"]

LOWERING = ("graph.py", "plan.py", "sections.py", "spots.py", "units.py")


@dataclass(frozen=True, slots=True)
class Load:
    """A module as this process got it: compiled, or read from the folder."""

    name: str
    seconds: float
    compiled: bool


loads: list[Load] = []  # in order
_lock = threading.RLock()
_loaded: WeakValueDictionary[bytes, Loaded] = WeakValueDictionary()
_store_of = cache(Store)

# a child must not begin with another thread's half-done work
os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)


def load_module(name: str, text: str, build: Callable[[], ir.Module], target: Target) -> Loaded:
    """The code of a module; as long as it lives anywhere in the process, the same.

    Args:
        text: all that `build` reads besides the target, in full.
        build: writes the module, where its code is not found.

    Raises:
        ConfigError: this machine does not run the target's instructions, which would end the process.
    """
    if target.isa.name not in host_isas():
        raise ConfigError(
            f"Expected an instruction set that this machine runs, found {target.isa.name}.",
            repair=f"It runs {', '.join(host_isas())}; set CELLWRIGHT_ISA to one of them, or leave it out.",
        )
    key = _key(name, text, target)
    with _lock:
        loaded = _loaded.get(key)
        if loaded is None:
            start = time.perf_counter()
            code, compiled = _code(key, build, target)
            loaded = _loaded[key] = load_object(code, target.isa)
            loads.append(Load(name, time.perf_counter() - start, compiled))
    return loaded


def _code(key: bytes, build: Callable[[], ir.Module], target: Target) -> tuple[bytes, bool]:
    """The code, and whether it was compiled now."""
    folder = cache_folder() if SOURCES else None
    kept = None if folder is None else _store_of(folder).read(key)
    if kept is not None:
        return kept, False
    code = compile_module(build(), target.isa)
    if folder is not None:
        _store_of(folder).write(key, code)
    return code, True


def _key(name: str, text: str, target: Target) -> bytes:
    parts = (*_surroundings(), repr(target), name, text)
    return hashlib.sha256("\0".join(parts).encode()).digest()


@cache
def _surroundings() -> tuple[str, ...]:
    """What all code of this process depends on."""
    llvm_version = ".".join(map(str, llvm.llvm_version_info))
    versions = (str(VERSION), __version__, llvmlite.__version__, llvm_version)
    return (*versions, OPTIONS, llvm.get_host_cpu_name(), SOURCES)


def _sources() -> str:
    """Digest of the text of everything that reads a program and writes code; empty where there is no text."""
    here = Path(__file__).parent
    digest = hashlib.sha256()
    try:
        for path in (*sorted(here.glob("lower/*.py")), *(here / name for name in LOWERING)):
            text = path.read_bytes()
            digest.update(f"{path.name} {len(text)}\n".encode() + text)
    except OSError:
        return ""
    return digest.hexdigest()


SOURCES = _sources()  # now, while the files are those that were imported
