"""Names parted by commas."""

from __future__ import annotations

import pytest

from cellwright.cli.choices import parted
from cellwright.errors import ConfigError


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("LSTM", ["LSTM"]),
        ("per-token, LSTM ,BiGRU", ["per-token", "LSTM", "BiGRU"]),
        ('Cell("if", 3),GRU', ['Cell("if", 3)', "GRU"]),
        ("GRU,my cell.py:Mine(rate=0.5, sizes=[1, 2])", ["GRU", "my cell.py:Mine(rate=0.5, sizes=[1, 2])"]),
        ("A(\"a)b,'\", 'c'),B", ["A(\"a)b,'\", 'c')", "B"]),
        ("it's.py:Mine,GRU", ["it's.py:Mine", "GRU"]),  # outside of brackets a quote is a letter of a file's name
        ("LSTM,", ["LSTM", ""]),
    ],
)
def test_commas_in_brackets_belong_to_a_name(value: str, names: list[str]) -> None:
    assert parted("--networks", value) == names


@pytest.mark.parametrize("value", ["LSTM(1,GRU", 'LSTM("if),GRU'])
def test_what_does_not_close_is_refused(value: str) -> None:
    with pytest.raises(ConfigError, match="that close"):
        parted("--networks", value)


def test_a_cell_with_two_options_is_compared(cellwright, tmp_path) -> None:
    (tmp_path / "mine.py").write_text(
        "from cellwright import Cell\nfrom cellwright.ops import tanh\n\n\nclass Two(Cell):\n"
        '    gates = "n"\n    states = "h"\n\n    def __init__(self, rate=1.0, shift=0.0):\n'
        "        self.rate, self.shift = rate, shift\n\n    def step(self, x, h, W, R, b):\n"
        "        return (tanh(W.n @ x + R.n @ h + b.n) * self.rate + self.shift,)\n"
    )
    sets = (
        "data.longest=5 data.gaps=[5] data.examples=10 data.size=32 model.hidden_size=4 train.epochs=1 model.init=torch"
    )
    small = [word for one in sets.split() for word in ("--set", one)]
    done = cellwright("compare", "memory", "--networks", "Elman,mine.py:Two(0.9, shift=0.1)", *small, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "mine.py:Two(0.9, shift=0.1)" in done.stdout
