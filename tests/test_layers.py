"""The direction of imports: each layer may import only from the layers on its left."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "cellwright"
LAYERS = ["errors", "nearest", "ops", "cells", "engine", "nn", "tasks", "microscope", "lessons", "cli"]

# Third-party packages that a layer may import at module level or inside functions.
ALLOWED_ONLY_IN = {
    "torch": ("engine/run/", "nn/", "tasks/", "microscope/", "lessons/"),
    "llvmlite": ("engine/",),
    "typer": ("cli/",),
    "pickle": (),
}


def imported_modules(source: str, module: str) -> set[str]:
    """Absolute dotted names imported anywhere in `source`, which is the text of `module`."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative import; write it absolutely"
            base = node.module or ""
            names.update(f"{base}.{alias.name}" for alias in node.names)
    return names


def wrong_imports(source: str, module: str) -> list[str]:
    """Imports of `module` (dotted) that point to the right, or that its layer may not use."""
    layer = module.split(".")[1]
    where = module.removeprefix("cellwright.").replace(".", "/")
    wrong = []
    for name in imported_modules(source, module):
        head, *rest = name.split(".")
        if head == "cellwright" and rest and rest[0] in LAYERS and layer in LAYERS:
            if LAYERS.index(rest[0]) > LAYERS.index(layer):
                wrong.append(f"{module} imports {name}, which is to its right")
        elif head in ALLOWED_ONLY_IN and not where.startswith(ALLOWED_ONLY_IN[head]):
            wrong.append(f"{module} imports {head}, allowed only in {ALLOWED_ONLY_IN[head]}")
    return wrong


def modules() -> list[tuple[str, Path]]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name not in ("cellwright", "cellwright.__main__"):  # the face of the package sees all layers
            found.append((name, path))
    return found


@pytest.mark.parametrize(("module", "path"), modules(), ids=lambda value: str(value).rsplit("/", 1)[-1])
def test_imports_point_left(module: str, path: Path) -> None:
    assert wrong_imports(path.read_text(encoding="utf-8"), module) == []


def test_a_wrong_import_would_be_seen() -> None:
    assert wrong_imports("from cellwright.tasks.data import corpus", "cellwright.nn.layers")
    assert wrong_imports("def f():\n    import cellwright.cli", "cellwright.tasks.slots.task")
    assert wrong_imports("from cellwright.microscope import record", "cellwright.tasks.training.loop")
    assert wrong_imports("from cellwright.lessons import lesson", "cellwright.microscope.record")
    assert wrong_imports("import torch", "cellwright.cells.lstm")
    assert wrong_imports("import torch.nn", "cellwright.engine.trace")
    assert not wrong_imports("import torch", "cellwright.engine.run.loop")
    assert not wrong_imports("from cellwright.ops import tanh", "cellwright.cells.lstm")


def loaded_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(' '.join(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    return set(out.split())


def test_cells_and_help_load_neither_torch_nor_llvmlite() -> None:
    for statement in ("import cellwright", "import cellwright.cells", "import cellwright.cli"):
        assert not loaded_after(statement) & {"torch", "llvmlite", "triton", "pydantic", "tokenizers"}, statement


def test_the_fresh_process_would_show_torch() -> None:
    assert "torch" in loaded_after("import cellwright.nn")
