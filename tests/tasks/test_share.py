"""Wilson's interval beside scipy-free oracles, and how a report shows it."""

from __future__ import annotations

import io
import json
import math

import pytest
from rich.cells import cell_len
from rich.console import Console

from cellwright.tasks.report import Line, Report, Section
from cellwright.tasks.share import Share


@pytest.mark.parametrize(("right", "total"), [(0, 7), (1, 9), (81, 263), (500, 1000), (999, 1000), (12, 12), (2.5, 10)])
def test_the_ends_solve_wilsons_equation(right: float, total: int) -> None:
    """The true share p at an end is exactly z standard errors (of p, not of the estimate) away."""
    share = Share(right, total)
    for end in (share.low, share.high):
        assert 0 <= end <= 1
        away = abs(share.value - end)
        assert away == pytest.approx(1.959963984540054 * math.sqrt(end * (1 - end) / total), abs=1e-12)
    assert share.low <= share.value <= share.high


def test_a_published_interval() -> None:
    """81 of 263: 0.2553 to 0.3662 (Newcombe 1998, Statistics in Medicine 17, table I, method 3)."""
    share = Share(81, 263)
    assert (round(share.low, 4), round(share.high, 4)) == (0.2553, 0.3662)


def test_a_share_that_is_none_is_refused() -> None:
    for right, total in ((3, 2), (-1, 5), (0, 0)):
        with pytest.raises(ValueError, match="right answers"):
            Share(right, total)


def test_a_report_shows_intervals_and_gives_them_to_programs() -> None:
    lines = [Line("LSTM", {"gap 10": Share(999, 1000), "seconds": 3.0}), Line("chance", {"gap 10": 0.0625})]
    report = Report("memory", "recall", "test", 5, lines, percent=("gap 10",), sections=[Section("again", lines)])
    out = io.StringIO()
    report.print(Console(file=out, width=200))
    assert "99.9 (99.4–100.0)" in out.getvalue()
    assert "6.25" in out.getvalue()
    data = json.loads(json.dumps(report.to_data()))
    assert data["lines"][0]["gap 10"]["total"] == 1000
    assert data["sections"]["again"][1] == {"name": "chance", "gap 10": 0.0625}


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_figure_and_no_header_is_cut_in_a_narrow_terminal(width: int) -> None:
    names = ["2-gram, Kneser-Ney: sees the last word only", "模型"]
    figures = {"right_words": Share(999, 1000), "perplexity": 188.9, "nats_a_word": 5.24, "parameters": 120_974}
    out = io.StringIO()
    console = Console(file=out, width=width)
    Report("lm", "words", "test", 5, [Line(name, figures) for name in names]).print(console)
    assert console.width == width
    table = out.getvalue().split("examples\n")[1]
    assert "…" not in table
    assert {"right", "words", "perplexity", "nats", "word", "parameters"} <= set(table.split())
    assert len({cell_len(line) for line in table.splitlines()}) == 1
    for line, name in zip(table.splitlines()[-2:], names, strict=True):
        assert line.removeprefix(name).split() == ["99.9", "(99.4–100.0)", "188.9", "5.24", "120,974"]
    assert len(table.splitlines()) == (3 if width == 200 else 5)
