"""The product's loops keep their sums in registers: a tile that does not takes twice its time."""

from __future__ import annotations

import re

import pytest
from llvmlite import binding as llvm

from cellwright.engine.lower.compile import SPEED, TUNING, compile_module, machine_for
from cellwright.engine.lower.product import product_module
from cellwright.engine.lower.target import ISAS, Target


def loops(target: Target) -> list[str]:
    """Assembly of the blocks that multiply."""
    module = product_module(target)
    compile_module(module, target.isa)  # prepares LLVM's targets, and says what is wrong with the module
    parsed, machine = llvm.parse_assembly(str(module)), machine_for(target.isa)
    parsed.data_layout = str(machine.target_data)
    options = llvm.create_pipeline_tuning_options(speed_level=SPEED)
    for name, value in TUNING.items():
        setattr(options, name, value)
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(parsed, builder)
    blocks = re.split(r"\n(?=\.LBB)", str(machine.emit_assembly(parsed)))
    return [block for block in blocks if block.count("vfmadd") >= 8]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_tile_of_avx2_keeps_a_vector_on_the_stack(dtype: str) -> None:
    found = loops(Target(ISAS["avx2"], dtype))
    assert len(found) > 10
    for block in found:
        assert not re.findall(r"ymm\d+, -?\d*\(%rsp\)|\(%rsp\), %ymm\d+", block), block
