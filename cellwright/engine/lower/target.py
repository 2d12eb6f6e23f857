"""Instruction sets that kernels are written for, and the one of this host."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from functools import cache

from llvmlite import binding as llvm
from llvmlite import ir

from cellwright.engine.lower.permission import may_use_tiles
from cellwright.errors import ConfigError

__all__ = ["ISAS", "Isa", "Target", "has_bfloat16", "host_isas", "target_of"]


@dataclass(frozen=True, slots=True)
class Isa:
    """An instruction set.

    Attributes:
        triple, cpu, features: as LLVM names them.
        bits: of a vector register.
        fused: has fused multiply-add.
        tile: rows and vectors of a product's register tile; its accumulators, one row of the matrix and one operand
            fit the registers. With 32 registers of AVX-512, eight rows run at 97 % of what one core of an EPYC of
            Zen 4 can, and LLVM's code for twelve at 80.
        pair_tile: likewise of pairs of bfloat16; pairs on their way to float32 take registers, too.
        pair_dot: LLVM's name of the dot product of pairs of bfloat16, where there is one.
        matrix_tiles: multiplies pairs of bfloat16 in AMX's tiles; `pair_tile` counts two of them each way.
    """

    name: str
    triple: str
    cpu: str
    features: str
    bits: int
    fused: bool
    tile: tuple[int, int]
    pair_tile: tuple[int, int]
    pair_dot: str = ""
    matrix_tiles: bool = False

    @property
    def multiplies_pairs(self) -> bool:
        """Whether an instruction does; else pairs are widened."""
        return bool(self.pair_dot) or self.matrix_tiles

    @property
    def pairs_at_a_time(self) -> int:
        """Of K; zeros stand behind a K that is no multiple."""
        return 16 if self.matrix_tiles else 1


ISAS = {
    isa.name: isa
    for isa in (
        Isa(
            "amx",
            "x86_64-unknown-linux-gnu",
            "sapphirerapids",
            "+avx512f,+avx512bw,+avx512dq,+avx512vl,+amx-tile,+amx-bf16,+fma",
            512,
            True,
            (8, 2),
            (32, 2),
            matrix_tiles=True,
        ),
        Isa(
            "avx512bf16",
            "x86_64-unknown-linux-gnu",
            "cooperlake",
            "+avx512f,+avx512bw,+avx512dq,+avx512vl,+avx512bf16,+fma",
            512,
            True,
            (8, 2),
            (8, 2),
            "llvm.x86.avx512bf16.dpbf16ps.512",
        ),
        Isa(
            "avx512",
            "x86_64-unknown-linux-gnu",
            "skylake-avx512",
            "+avx512f,+avx512dq,+avx512vl,+fma",
            512,
            True,
            (8, 2),
            (8, 2),
        ),
        Isa("avx2", "x86_64-unknown-linux-gnu", "haswell", "+avx2,+fma", 256, True, (6, 2), (5, 2)),
        Isa("baseline", "x86_64-unknown-linux-gnu", "x86-64", "", 128, False, (6, 2), (5, 2)),
        Isa("neon", "aarch64-unknown-linux-gnu", "generic", "+neon", 128, True, (12, 2), (8, 2)),
    )
}


@dataclass(frozen=True, slots=True)
class Target:
    """An instruction set and the type of the numbers.

    Attributes:
        pairs: whether products read matrices in pairs of bfloat16 and round their operand to it.
    """

    isa: Isa
    dtype: str
    pairs: bool = False

    @property
    def element(self) -> ir.Type:
        return {"float32": ir.FloatType(), "float64": ir.DoubleType()}[self.dtype]

    @property
    def size(self) -> int:
        """Bytes of a number."""
        return {"float32": 4, "float64": 8}[self.dtype]

    @property
    def lanes(self) -> int:
        """Numbers of a vector."""
        return self.isa.bits // 8 // self.size

    @property
    def tile(self) -> tuple[int, int]:
        """Rows and vectors of the register tile."""
        return self.isa.pair_tile if self.pairs else self.isa.tile

    @property
    def panel(self) -> int:
        """Columns of a product's register tile."""
        return self.tile[1] * self.lanes

    def packed_depth(self, depth: int) -> int:
        """Numbers of a column of a packed matrix of K = `depth`; a pair is as long as a float32."""
        together = self.isa.pairs_at_a_time
        return -(-depth // (2 * together)) * together if self.pairs else depth


@cache
def host_isas() -> tuple[str, ...]:
    """Names of the instruction sets that this host runs, the fastest first."""
    machine = platform.machine().lower()
    if machine in ("aarch64", "arm64"):
        return ("neon",)
    if machine not in ("x86_64", "amd64"):
        return ()
    features = llvm.get_host_cpu_features()
    has = {name for name, held in features.items() if held}
    names = []
    if {"avx512f", "avx512bw", "avx512dq", "avx512vl", "amx-tile", "amx-bf16", "fma"} <= has and may_use_tiles():
        names.append("amx")
    if {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512bf16", "fma"} <= has:
        names.append("avx512bf16")
    if {"avx512f", "avx512dq", "avx512vl", "fma"} <= has:
        names.append("avx512")
    if {"avx2", "fma"} <= has:
        names.append("avx2")
    return (*names, "baseline")


@cache
def has_bfloat16() -> bool:
    """Whether this host multiplies bfloat16."""
    features = llvm.get_host_cpu_features()
    return any(features.get(name, False) for name in ("avx512bf16", "amx-bf16", "bf16"))


def target_of(dtype: str, isa: str | None = None) -> Target:
    """The target for `dtype` on this host, or for an instruction set by name."""
    runs = host_isas()
    if isa is None:
        if not runs:
            raise ConfigError(f"no kernels are written for {platform.machine()}", repair='Use backend="reference".')
        isa = runs[0]
    if isa not in ISAS:
        raise ConfigError(f"no instruction set {isa!r}", repair=f"Choose one of {', '.join(ISAS)}.")
    return Target(ISAS[isa], dtype)
