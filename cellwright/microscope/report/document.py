"""The file: a page with its own style and scripts, Vega and Vega-Lite, and the data. Nothing is fetched."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from cellwright.microscope.diagram.svg import DARK, LIGHT, RULES
from cellwright.microscope.report.overview import Seen
from cellwright.microscope.report.payload import payload
from cellwright.tasks.storage.atomic import write_file

__all__ = ["SCRIPTS", "report_html", "write_report"]

# In the order in which the page needs them; each says at its head what it does.
SCRIPTS = (
    "codec",
    "checks",
    "colour",
    "words",
    "heat",
    "ring",
    "wiring",
    "charts",
    "figures",
    "panel",
    "epochs",
    "page",
)
WIRING = (  # the diagram's colours follow the page's theme, not the system's alone
    f":root .cw{{{LIGHT}}}@media (prefers-color-scheme:dark){{:root:not([data-theme=light]) .cw{{{DARK}}}}}"
    f":root[data-theme=dark] .cw{{{DARK}}}{RULES}"
)
VENDOR = ("vega.min.js", "vega-lite.min.js")


def report_html(seen: Sequence[Seen], epochs: Sequence[dict[str, Any]] = ()) -> str:
    """The report as one HTML text.

    Args:
        seen: one model, or two to compare, as `look` gives them.
        epochs: what `train --watch` wrote, oldest first.
    """
    root = files("cellwright.microscope.report")
    page = root / "page"
    data = json.dumps(payload(seen, epochs), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    title = f"{' and '.join(one.name for one in seen)}: {_sentence(seen[0])}"
    names = [name.removesuffix(".min.js") for name in VENDOR]
    licences = "\n".join(f"{n}: {(root / 'vendor' / f'{n}.LICENSE.txt').read_text('utf-8')}" for n in names)
    pieces = {
        "TITLE": escape(title),
        "STYLE": WIRING + (page / "style.css").read_text("utf-8"),
        "LICENCES": licences,
        "VENDOR": "\n".join(_script((root / "vendor" / name).read_text("utf-8")) for name in VENDOR),
        "DATA": data.replace("<", "\\u003c"),
        "SCRIPTS": "\n".join(_script((page / f"{name}.js").read_text("utf-8")) for name in SCRIPTS),
    }
    made = (page / "page.html").read_text("utf-8")
    before, *rest = made.split("<!--")
    parts = [before]
    for piece in rest:
        key, after = piece.split("-->", 1)
        parts += [pieces[key.strip()], after]
    return "".join(parts)


def write_report(path: Path | str, seen: Sequence[Seen], epochs: Sequence[dict[str, Any]] = ()) -> int:
    """Write the report whole or not at all; its size in bytes. Raises StorageError."""
    data = report_html(seen, epochs).encode()
    write_file(Path(path), data)
    return len(data)


def _script(text: str) -> str:
    lines = [line for line in text.splitlines() if not line.startswith("//# sourceMappingURL")]
    return "<script>\n" + "\n".join(lines) + "\n</script>"


def _sentence(seen: Seen) -> str:
    words = seen.record.words[0] if seen.record.words else ()
    text = " ".join(words[:12]) + (" …" if len(words) > 12 else "")
    return text or f"{int(seen.record.lengths_B[0]):,} steps"
