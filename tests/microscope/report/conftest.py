"""A real browser, and models and figures small enough to check by hand. Screenshots are kept in artefacts/."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cellwright.microscope.figure import Check, Figure
from cellwright.microscope.report import Seen, look
from cellwright.nn import Recurrent

ARTEFACTS = Path(__file__).resolve().parents[3] / "artefacts"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def made_figure() -> Figure:
    """Shares of four units by six entries, which add up."""
    held = np.random.default_rng(0).normal(size=(6, 4))
    return Figure(
        name="ledger",
        title="Who wrote what is still there",
        formula="held_k = ρ ⊙ b_k",
        unit="1",
        range="any",
        source="cellwright",
        arrays={"held": held, "share": np.abs(held).sum(axis=1)},
        axes={"held": ("k", "unit"), "share": ("k",)},
        labels={"k": ("start", "明天", "離開", "台北", "on", "明天")},
        check=Check("Σ_k held_k = s", held.sum(axis=0), held.sum(axis=0), 1e-13),
        notes=("a note",),
        verdict="Most is of 台北.",
    )


@pytest.fixture
def figure() -> Figure:
    return made_figure()


def total(y: torch.Tensor) -> torch.Tensor:
    """The sum of the last outputs."""
    return y[-1].sum()


@pytest.fixture(scope="session")
def seen_of() -> Callable[..., Seen]:
    """seen_of(cell, steps, hidden_size, **options of Recurrent): a layer with drawn weights on drawn numbers."""

    def make(cell: Any, steps: int = 7, hidden_size: int = 5, **options: Any) -> Seen:
        torch.manual_seed(4)
        layer = Recurrent(cell, 3, hidden_size, dtype=torch.float64, **options)
        with torch.no_grad():
            for weight in layer.parameters():
                weight.mul_(2.0)
        return look(layer, torch.randn(steps, 1, 3, dtype=torch.float64), target=total)

    return make


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium as it is installed, headless. Skips where Playwright or Chromium is missing."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install '.[dev]'")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine; on Debian: apt install chromium")
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield running
        running.close()


class Opened:
    """A report in the browser, with everything that it complained of or asked for."""

    def __init__(self, page: Any, file: Path) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.complaints.append(f"{error}"))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(file.as_uri())
        page.wait_for_selector("html[data-ready=true]")
        page.wait_for_selector(".chart[data-drawn=true]")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.page, name)

    def keep(self, name: str) -> None:
        """A screenshot of the whole page."""
        ARTEFACTS.mkdir(exist_ok=True)
        self.page.screenshot(path=str(ARTEFACTS / f"{name}.png"), full_page=True)


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    """opened(html text, theme="light", width=1300): the page. At the end: no complaint, and nothing was fetched."""
    pages: list[Opened] = []

    def show(html: str, theme: str = "light", width: int = 1300) -> Opened:
        file = tmp_path / f"report{len(pages)}.html"
        file.write_text(html, encoding="utf-8")
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=theme)
        page.set_default_timeout(30_000)
        pages.append(Opened(page, file))
        return pages[-1]

    yield show
    for one in pages:
        one.page.close()
        assert one.complaints == []
        assert [url for url in one.requests if not url.startswith(("file:", "data:"))] == []
        assert len([url for url in one.requests if url.startswith("file:")]) == 1
