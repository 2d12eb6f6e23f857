"""One HTML file that shows a record: opened without a network, every number in it checked again by the page itself.

overview.py  which measures a report holds, and what stands in their place where a cell has none
asked.py     figures taken where they are named, and those of a phrase: imported where they are asked for
corpus.py    what many texts tell: groups of words and units, probes
parts.py     a model whose layers read different texts, a part each
payload.py   record and figures -> the data in the file
cut.py       large arrays cut to what a page holds
codec.py     arrays as base64, each with its sum
identity.py  how the page works out the left side of a figure's identity from its arrays
document.py  the file: page/ (HTML, style, scripts of our own), vendor/ (Vega and Vega-Lite), data
"""

from cellwright.microscope.report.corpus import look_at_corpus, record_corpus
from cellwright.microscope.report.document import report_html, write_report
from cellwright.microscope.report.overview import Absent, Placed, Seen, look

__all__ = [
    "Absent",
    "Placed",
    "Seen",
    "look",
    "look_at_corpus",
    "record_corpus",
    "report_html",
    "write_report",
]
