"""A table with a series in each row and a column a step, as competitions give it: refused with how to turn it."""

from __future__ import annotations

import re

from cellwright.errors import DataError
from cellwright.tasks.data.csv_cells import separator_of
from cellwright.tasks.data.text import decode, read_bytes
from cellwright.tasks.series.table import Table
from cellwright.tasks.series.time_text import is_date
from cellwright.tasks.series_forecast.series_column import series_setting

__all__ = ["check_rows_are_steps"]

FEWEST = 3  # columns that are steps
SHOWN = 3  # columns that name a series, in the repair
_COUNTED = re.compile(r"(\D*)(\d{1,9})")  # 1, d_1, 1960


def check_rows_are_steps(table: Table, format: str) -> None:
    """Raises DataError: the names of the last columns are dates, or count, so that each row is a series.

    Args:
        format: data.time_format.
    """
    header = list(table.header)
    begin = len(header)
    while begin and is_date(header[begin - 1], format):
        begin -= 1
    counted = begin == len(header)
    if counted:
        begin = _counted_from(header)
    # A date in the first row is a time: then columns that count are channels.
    if len(header) - begin < FEWEST or any(is_date(cell, format) for cell in table.rows[0][1]):
        return
    names = header[: begin if begin <= SHOWN else 1]
    turned = f"pd.read_csv({_reading(table)})"
    if not names:
        turned += ".reset_index(names='series')"
    elif len(names) < begin:
        turned += f".drop(columns={header[1:begin]})"
    names = names or ["series"]
    turned += f".melt({names}, var_name='ds', value_name='y').dropna()"
    if counted and not header[-1].isdigit():
        turned += r".assign(ds=lambda t: t.ds.str.extract(r'(\d+)$', expand=False))"
    settings = f"--set {series_setting(names)}" + (" --set data.calendar=[]" if counted else "")
    raise DataError(
        f"Expected a row a step, found a column a step, {header[begin]} to {header[-1]}: each row is a series.",
        file=table.path,
        line=1,
        repair=f"Turn it in Python: import pandas as pd; {turned}.to_csv('long.csv', index=False) "
        f"and read that: --data long.csv {settings}",
    )


def _reading(table: Table) -> str:
    """Arguments of pandas.read_csv."""
    separator = separator_of(decode(read_bytes(table.path), table.path))
    found = repr(str(table.path))
    if separator != ",":
        found += f", sep={separator!r}"
    return found + (", decimal=',', thousands='.'" if table.comma else "")


def _counted_from(header: list[str]) -> int:
    """Place of the first of the columns at the end whose names count, each one more than the one before."""
    found = [(part[1], int(part[2])) if (part := _COUNTED.fullmatch(name)) else None for name in header]
    begin = len(header) - 1
    while begin and (after := found[begin]) and found[begin - 1] == (after[0], after[1] - 1):
        begin -= 1
    return begin
