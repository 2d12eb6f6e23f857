"""Compiled code on disk and in memory."""

from __future__ import annotations

from collections.abc import Callable

from llvmlite import ir

from cellwright.engine.lower.compile import Loaded, compile_module, load_object
from cellwright.engine.lower.target import Target

__all__ = ["load_module"]


def load_module(name: str, build: Callable[[], ir.Module], target: Target) -> Loaded:
    """The code of a module."""
    return load_object(compile_module(build(), target.isa), target.isa)
