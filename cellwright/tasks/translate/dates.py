"""Dates as people write them, in English and Chinese, beside the same dates as ISO 8601 has them.

A day that training never shows is told by a checksum of the date, a written form by one of its name; forms are made of
parts that training shows in other combinations.
"""

from __future__ import annotations

import datetime
import itertools
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TypeVar

import numpy as np

from cellwright.tasks.data.held_out import Split, split_stream

__all__ = ["DATES", "KINDS", "dates_of", "forms"]

Form = Callable[[datetime.date], str]
Item = TypeVar("Item")

SIZES: Mapping[Split, int] = {"train": 16_000, "valid": 500, "test": 2_000}
KINDS = ("known form, known day", "known form, new day", "new form, known day", "new form, new day")
NEW_FORMS, NEW_DAYS = 0.4, 0.5  # shares of valid and test
IN_NUMBERS = 0.25  # share of forms like 5.3.2021, which are few
FIRST, LAST = datetime.date(1950, 1, 1), datetime.date(2049, 12, 31)  # two digits of a year tell all four

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
ORDINALS = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh",
    "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth",
    "twentieth",
)  # fmt: skip
DIGITS_ZH = "〇一二三四五六七八九"


def ordinal(day: int) -> str:
    """5th, 21st."""
    ending = "th" if day in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"


def ordinal_word(day: int) -> str:
    """fifth, twenty-first, thirtieth."""
    if day <= 20:
        return ORDINALS[day - 1]
    if day == 30:
        return "thirtieth"
    return f"{'twenty' if day < 30 else 'thirty'}-{ORDINALS[day % 10 - 1]}"


def number_zh(number: int) -> str:
    """五, 十二, 三十一: up to 99."""
    tens, ones = divmod(number, 10)
    return ("" if tens == 0 else "十" if tens == 1 else DIGITS_ZH[tens] + "十") + (DIGITS_ZH[ones] if ones else "")


def digits_zh(number: int, zero: str) -> str:
    """二〇二一, or with `zero` 零."""
    return "".join(DIGITS_ZH[int(digit)] for digit in str(number)).replace("〇", zero)


DAY_EN: Mapping[str, Form] = {
    "5": lambda d: str(d.day), "05": lambda d: f"{d.day:02}", "5th": lambda d: ordinal(d.day),
    "fifth": lambda d: ordinal_word(d.day),
}  # fmt: skip
MONTH_EN: Mapping[str, Form] = {
    "March": lambda d: MONTHS[d.month - 1], "Mar": lambda d: MONTHS[d.month - 1][:3],
    "Mar.": lambda d: f"{MONTHS[d.month - 1][:3]}.", "MARCH": lambda d: MONTHS[d.month - 1].upper(),
}  # fmt: skip
YEAR_EN: Mapping[str, Form] = {"2021": lambda d: str(d.year), "'21": lambda d: f"'{d.year % 100:02}"}
BEFORE_EN: Mapping[str, Form] = {
    "": lambda d: "", "Friday": lambda d: f"{WEEKDAYS[d.weekday()]}, ", "Fri": lambda d: f"{WEEKDAYS[d.weekday()][:3]} "
}  # fmt: skip
ORDER_EN = ("{day} {month} {year}", "the {day} of {month} {year}", "{month} {day}, {year}", "{year}, {month} {day}")
NUMERIC_EN: Mapping[str, Form] = {  # a dot puts the day first, a slash the month, a hyphen the year
    "5.3.2021": lambda d: f"{d.day}.{d.month}.{d.year}",
    "05.03.2021": lambda d: f"{d.day:02}.{d.month:02}.{d.year}",
    "5.3.21": lambda d: f"{d.day}.{d.month}.{d.year % 100:02}",
    "3/5/2021": lambda d: f"{d.month}/{d.day}/{d.year}",
    "03/05/2021": lambda d: f"{d.month:02}/{d.day:02}/{d.year}",
    "3/5/21": lambda d: f"{d.month}/{d.day}/{d.year % 100:02}",
    "2021/3/5": lambda d: f"{d.year}/{d.month}/{d.day}",
    "5-Mar-2021": lambda d: f"{d.day}-{MONTHS[d.month - 1][:3]}-{d.year}",
    "20210305": lambda d: f"{d.year}{d.month:02}{d.day:02}",
}

YEAR_ZH: Mapping[str, Form] = {
    "2021年": lambda d: f"{d.year}年", "二〇二一年": lambda d: f"{digits_zh(d.year, '〇')}年",
    "二零二一年": lambda d: f"{digits_zh(d.year, '零')}年", "21年": lambda d: f"{d.year % 100:02}年",
}  # fmt: skip
MONTH_ZH: Mapping[str, Form] = {
    "3月": lambda d: f"{d.month}月", "03月": lambda d: f"{d.month:02}月", "三月": lambda d: f"{number_zh(d.month)}月",
}  # fmt: skip
DAY_ZH: Mapping[str, Form] = {
    "5日": lambda d: f"{d.day}日", "5号": lambda d: f"{d.day}号", "五日": lambda d: f"{number_zh(d.day)}日",
    "五号": lambda d: f"{number_zh(d.day)}号", "05日": lambda d: f"{d.day:02}日",
}  # fmt: skip
WEEKDAY_ZH = "一二三四五六日"
AROUND_ZH: Mapping[str, Form] = {
    "{}": lambda d: "{}", "{}，星期五": lambda d: "{}，星期" + WEEKDAY_ZH[d.weekday()],
    "{}（周五）": lambda d: "{}（周" + WEEKDAY_ZH[d.weekday()] + "）",
    "星期五，{}": lambda d: "星期" + WEEKDAY_ZH[d.weekday()] + "，{}",
}  # fmt: skip
NUMERIC_ZH: Mapping[str, Form] = {
    "2021年3-5": lambda d: f"{d.year}年{d.month}-{d.day}",
    "2021-3-5": lambda d: f"{d.year}-{d.month}-{d.day}",
    "2021.3.5": lambda d: f"{d.year}.{d.month}.{d.day}",
}


@cache
def forms(language: str) -> Mapping[str, Form]:
    """Every written form of "en" or "zh" by its name, which is how it writes 2021-03-05."""
    found: dict[str, Form] = {}
    if language == "en":
        for names in itertools.product(BEFORE_EN, ORDER_EN, DAY_EN, MONTH_EN, YEAR_EN):
            found[_english(*names)(datetime.date(2021, 3, 5))] = _english(*names)
        return {**found, **NUMERIC_EN}
    for around, year, month, day in itertools.product(AROUND_ZH, YEAR_ZH, MONTH_ZH, DAY_ZH):
        found[around.format(year + month + day)] = _chinese(around, year, month, day)
    return {**found, **NUMERIC_ZH}


def _english(before: str, order: str, day: str, month: str, year: str) -> Form:
    def write(d: datetime.date) -> str:
        parts = {"day": DAY_EN[day](d), "month": MONTH_EN[month](d), "year": YEAR_EN[year](d)}
        return BEFORE_EN[before](d) + order.format(**parts)

    return write


def _chinese(around: str, year: str, month: str, day: str) -> Form:
    return lambda d: AROUND_ZH[around](d).format(YEAR_ZH[year](d) + MONTH_ZH[month](d) + DAY_ZH[day](d))


def new_form(name: str) -> bool:
    """Whether training never shows this form: a quarter of those that are made of parts."""
    return name not in NUMERIC_EN and name not in NUMERIC_ZH and zlib.crc32(name.encode()) % 4 == 0


def split_of_day(day: datetime.date) -> Split:
    """Which split alone has this day: 3 of 10 days are kept for the test, 1 for validation, the others are for all."""
    part = zlib.crc32(day.isoformat().encode()) % 10
    return "test" if part < 3 else "valid" if part == 3 else "train"


def dates_of(languages: tuple[str, ...], seed: int, size: int) -> dict[Split, list[tuple[str, str, str]]]:
    """(written, ISO, one of KINDS) in each split; no written date of valid or test is in train.

    Args:
        size: training pairs; 0 = 16,000.
    """
    days = [FIRST + datetime.timedelta(k) for k in range((LAST - FIRST).days + 1)]
    by_split = {split: [day for day in days if split_of_day(day) == split] for split in SIZES}
    found: dict[Split, list[tuple[str, str, str]]] = {}
    held_out: set[str] = set()
    for split in ("test", "valid", "train"):
        rng = split_stream(seed, "dates " + " ".join(languages), split)
        rows: list[tuple[str, str, str]] = []
        while len(rows) < (size or SIZES[split] if split == "train" else SIZES[split]):
            form_is_new = split != "train" and bool(rng.random() < NEW_FORMS)
            day_is_new = split != "train" and bool(rng.random() < NEW_DAYS)
            form = _one_of(rng, _family(_one_of(rng, languages), form_is_new, bool(rng.random() < IN_NUMBERS)))
            day = _one_of(rng, by_split[split if day_is_new else "train"])
            if split == "train" and form(day) in held_out:
                continue
            rows.append((form(day), day.isoformat(), KINDS[2 * form_is_new + day_is_new]))
        found[split] = rows
        held_out |= {written for written, _, _ in rows}
    return {split: found[split] for split in SIZES}


@cache
def _family(language: str, new: bool, in_numbers: bool) -> Sequence[Form]:
    """Forms to draw from; all in numbers alone are known ones."""
    if in_numbers and not new:
        return list((NUMERIC_EN if language == "en" else NUMERIC_ZH).values())
    return [form for name, form in forms(language).items() if new_form(name) == new]


def _one_of(rng: np.random.Generator, items: Sequence[Item]) -> Item:
    return items[int(rng.integers(len(items)))]


DATES: Mapping[str, tuple[str, ...]] = {"dates": ("en", "zh"), "dates-en": ("en",), "dates-zh": ("zh",)}
