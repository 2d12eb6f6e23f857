"""Every Python block of the README and of docs/ runs as written; examples run too."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def python_blocks(text: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def run(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        check=False,
    )


@pytest.mark.parametrize(
    "page", [p for p in PAGES if python_blocks(p.read_text(encoding="utf-8"))], ids=lambda p: p.name
)
def test_the_python_blocks_of_a_page_run_in_order(page: Path, tmp_path: Path) -> None:
    """The blocks of one page are one program; a comment `# prints X` is compared with what it prints."""
    program = tmp_path / "page.py"
    blocks = python_blocks(page.read_text(encoding="utf-8"))
    program.write_text("\n".join(blocks), encoding="utf-8")
    result = run([str(program)], tmp_path)
    assert result.returncode == 0, result.stderr
    for promised in re.findall(r"# prints (.+)$", "\n".join(blocks), flags=re.MULTILINE):
        assert promised.strip() in result.stdout, f"{page.name} promises {promised!r}; it printed:\n{result.stdout}"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda p: p.name)
def test_an_example_runs(example: Path, tmp_path: Path) -> None:
    result = run([str(example)], tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip()


def test_the_readme_has_python_to_run() -> None:
    assert python_blocks((ROOT / "README.md").read_text(encoding="utf-8"))
