"""The product's loops keep their sums in registers: a tile that does not takes twice its time."""

from __future__ import annotations

import re

import pytest

from cellwright.engine.lower.compile import machine_for, optimised
from cellwright.engine.lower.product import product_module
from cellwright.engine.lower.target import ISAS, Target


def loops(target: Target) -> list[str]:
    """Assembly of the blocks that multiply."""
    parsed = optimised(product_module(target), target.isa)
    blocks = re.split(r"\n(?=\.LBB)", str(machine_for(target.isa).emit_assembly(parsed)))
    return [block for block in blocks if block.count("vfmadd") >= 8]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_tile_of_avx2_keeps_a_vector_on_the_stack(dtype: str) -> None:
    found = loops(Target(ISAS["avx2"], dtype))
    assert len(found) > 10
    for block in found:
        assert not re.findall(r"ymm\d+, -?\d*\(%rsp\)|\(%rsp\), %ymm\d+", block), block
