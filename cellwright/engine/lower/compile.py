"""LLVM IR -> machine code, and machine code -> an address."""

from __future__ import annotations

from functools import cache
from typing import Any

from llvmlite import binding as llvm
from llvmlite import ir

from cellwright.engine.lower.target import Isa

__all__ = ["OPTIONS", "Loaded", "compile_module", "load_object", "machine_for", "optimised"]

SPEED = 2
MACHINE = {"opt": SPEED, "reloc": "pic", "codemodel": "default"}
TUNING = {"loop_vectorization": False, "slp_vectorization": False, "loop_unrolling": False}
OPTIONS = f"speed {SPEED}, {MACHINE}, {TUNING}"


@cache
def machine_for(isa: Isa) -> Any:
    """LLVM's code generator for an instruction set."""
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    target = llvm.Target.from_triple(isa.triple)
    return target.create_target_machine(cpu=isa.cpu, features=isa.features, **MACHINE)


def optimised(module: ir.Module, isa: Isa) -> Any:
    """The module after LLVM's passes, which say what is wrong with it."""
    machine = machine_for(isa)
    parsed = llvm.parse_assembly(str(module))
    parsed.verify()
    parsed.data_layout = str(machine.target_data)
    options = llvm.create_pipeline_tuning_options(speed_level=SPEED)
    for name, value in TUNING.items():
        setattr(options, name, value)
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(parsed, builder)
    return parsed


def compile_module(module: ir.Module, isa: Isa) -> bytes:
    """The object file of a module."""
    return bytes(machine_for(isa).emit_object(optimised(module, isa)))


class Loaded:
    """Machine code in memory; it stays as long as this object lives."""

    def __init__(self, code: bytes, isa: Isa) -> None:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        empty = llvm.parse_assembly("")
        empty.triple = isa.triple
        host = llvm.Target.from_triple(isa.triple).create_target_machine(cpu=isa.cpu, features=isa.features)
        self.engine = llvm.create_mcjit_compiler(empty, host)
        self.engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        self.engine.finalize_object()

    def address(self, name: str) -> int:
        """Where a function begins."""
        return int(self.engine.get_function_address(name))


def load_object(code: bytes, isa: Isa) -> Loaded:
    """Loads an object file."""
    return Loaded(code, isa)
