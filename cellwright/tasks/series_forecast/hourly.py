"""The embedded set: hourly load of a building with days, weeks, weather and holidays, and its temperature.

Holidays lie at random days and are known ahead; on them a working day looks like a Sunday, which nothing in the past
foretells: so the column is worth knowing.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np

from cellwright.tasks.series_forecast.frame import Frame

__all__ = ["hourly"]

BEGIN = datetime(2024, 1, 1)
HOLIDAYS = 0.06  # share of days


def hourly(rows: int, seed: int) -> Frame:
    """`rows` hours from 2024-01-01; columns load and temperature, known column holiday."""
    rng = np.random.default_rng(seed)
    days = rows // 24 + 1
    hours = np.arange(rows)
    of_day, day = hours % 24, hours // 24
    holiday_D = rng.random(days) < HOLIDAYS
    resting = ((day % 7) >= 5) | holiday_D[day]
    weather_D = np.zeros(days)
    for k in range(1, days):  # a warm day follows a warm day
        weather_D[k] = 0.8 * weather_D[k - 1] + rng.normal(0.0, 1.5)
    season = 8.0 * np.sin(2 * np.pi * (day - 80) / 365)
    swing = 4.0 * np.sin(2 * np.pi * (of_day - 9) / 24)
    smooth = np.interp(hours, np.arange(days) * 24 + 12, weather_D)
    temperature = 12.0 + season + swing + smooth + rng.normal(0.0, 0.4, rows)
    work = np.exp(-0.5 * ((of_day - 13) / 3.5) ** 2)
    load = 20.0 + np.where(resting, 4.0, 30.0) * work + 0.5 * np.maximum(0.0, 15.0 - temperature)
    load = load + rng.normal(0.0, 0.7, rows)
    times = [BEGIN + timedelta(hours=int(hour)) for hour in hours]
    return Frame(
        "hourly",
        times,
        np.stack([load, temperature], 1),
        holiday_D[day].astype(np.float64)[:, None],
        ["load", "temperature"],
        ["holiday"],
        timedelta(hours=1),
        "date",
    )
