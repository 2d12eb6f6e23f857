"""Back-testing: forecasts from every origin of a split, beside the naive and the linear ones, as nothing later is seen.

Legend: B windows, N of all series, S series, H steps, C targets, Q quantiles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from cellwright.errors import ConfigError, DataError
from cellwright.tasks.report import Line, Report, Section
from cellwright.tasks.series_forecast.config import ForecastData
from cellwright.tasks.series_forecast.corpora import open_panel
from cellwright.tasks.series_forecast.measure import MODEL, Errors, measure
from cellwright.tasks.series_forecast.predict import Forecaster
from cellwright.tasks.series_forecast.series_column import named
from cellwright.tasks.series_forecast.windows import Cut, Windows, cut

__all__ = ["evaluate_model"]

PERIODS, PARTS = 4, 4  # of the origins, of the horizon
SHOWN = 10  # series


def evaluate_model(model: Forecaster, data: ForecastData, split: str) -> Report:
    """Squared and absolute error over all origins; by column, period, part of the horizon and series; how
    quantiles hold.

    Raises:
        ConfigError: another look-back, horizon or calendar than in training.
        DataError: other columns than in training; too few rows.
    """
    for key in ("look_back", "horizon", "calendar"):
        if getattr(data, key) != getattr(model.settings, key):
            raise ConfigError(
                f"Expected data.{key} = {getattr(model.settings, key)}, as in training, found {getattr(data, key)}.",
                repair="Train another model for it.",
            )
    series_column = data.series_column or model.series_column
    chosen = {"targets": model.columns, "known": model.known, "series_column": series_column}
    panel = open_panel(data.model_copy(update=chosen), trained=True)
    if (list(panel.columns), list(panel.known)) != (model.columns, model.known):
        raise DataError(
            f"Expected the columns {', '.join([*model.columns, *model.known])}, found {', '.join(panel.columns)}.",
            file=panel.name, repair="A model forecasts the columns it was trained with.",
        )  # fmt: skip
    found = cut(panel, data, model.scales)
    windows = found.windows[split]
    errors = measure(model.network, windows, baselines=True)
    lines = [Line(name, {"mse": own.mse, "mae": own.mae}) for name, own in errors.items()]
    sections = [
        Section("mae by column", _by_column(errors, model.columns, found, windows)),
        Section("mse by origin", _by_period(errors, windows)),
        Section("mse by step", _by_step(errors)),
    ]
    if model.network.config.quantiles:
        sections.append(Section("quantile", _by_quantile(errors[MODEL], model.network.config.quantiles)))
    if panel.series_column:
        sections.append(Section(f"mse by series, largest {SHOWN}", _by_series(errors, found, windows)))
    notes = [
        f"forecasts of {data.horizon} steps from the {data.look_back} before, "
        f"from {'every origin' if data.stride == 1 else f'every {data.stride}th origin'} of the split",
        "mse, mae: of columns scaled to mean 0 and deviation 1 over the training rows"
        f"{' of each series' if panel.series_column else ''}; by column in its own units",
        *_series_notes(model, found, windows),
        *panel.notes,
        *found.notes,
    ]
    return Report("series-forecast", panel.name, split, len(windows), lines, "forecasts", (), sections, notes)


def _by_column(errors: Mapping[str, Errors], columns: Sequence[str], found: Cut, windows: Windows) -> list[Line]:
    deviation_NC = np.stack([scale.deviation_C for _, scale in found.series])[windows.series]
    means = {name: (np.concatenate(own.sizes_BC) * deviation_NC).mean(0) for name, own in errors.items()}
    return [
        Line(column, {name: float(mean_C[c]) for name, mean_C in means.items()}) for c, column in enumerate(columns)
    ]


def _by_period(errors: Mapping[str, Errors], windows: Windows) -> list[Line]:
    """Each series has its own parts, in the order of time."""
    means_N = {name: np.concatenate(own.squares_BC).mean(1) for name, own in errors.items()}
    count_S = np.bincount(windows.series)
    parts = min(PERIODS, int(count_S.max()))
    lengths = [len(places) for count in count_S for places in np.array_split(np.arange(count), parts)]
    part_N = np.repeat(np.tile(np.arange(parts), len(count_S)), lengths)
    return [
        Line(f"part {k + 1} of {parts}", {name: float(mean_N[part_N == k].mean()) for name, mean_N in means_N.items()})
        for k in range(parts)
    ]


def _by_series(errors: Mapping[str, Errors], found: Cut, windows: Windows) -> list[Line]:
    """Those of which the model's error is largest."""
    count_S = np.bincount(windows.series, minlength=len(found.series))
    measured = np.flatnonzero(count_S)
    means_S = {
        name: np.bincount(windows.series, np.concatenate(own.squares_BC).mean(1))[measured] / count_S[measured]
        for name, own in errors.items()
    }
    worst = np.argsort(-means_S[MODEL], kind="stable")[:SHOWN]
    return [
        Line(found.series[measured[s]][0], {name: float(mean_S[s]) for name, mean_S in means_S.items()}) for s in worst
    ]


def _series_notes(model: Forecaster, found: Cut, windows: Windows) -> list[str]:
    """How many series there are, and which of them training did not have."""
    names = [found.series[s][0] for s in np.unique(windows.series)]
    if names == [""]:
        return []
    notes = [f"of {len(names):,} series, each window counts alike"]
    new = [name for name in names if name not in model.scales.series]
    if new:
        notes.append(
            f"{len(new):,} of {len(names):,} series were not in training and are scaled by their own training rows: "
            f"{named(new)}"
        )
    return notes


def _by_step(errors: Mapping[str, Errors]) -> list[Line]:
    means = {name: np.concatenate(found.squares_BH).mean(0) for name, found in errors.items()}
    steps = np.array_split(np.arange(len(means[MODEL])), min(PARTS, len(means[MODEL])))
    return [
        Line(
            f"steps {part[0] + 1} to {part[-1] + 1}",
            {name: float(mean_H[part].mean()) for name, mean_H in means.items()},
        )
        for part in steps
    ]


def _by_quantile(errors: Errors, quantiles: list[float]) -> list[Line]:
    below_Q = np.concatenate(errors.below_Q).mean(0)
    loss_Q = np.concatenate(errors.pinball_Q).mean(0)
    return [
        Line(f"{share:g}", {"values below it": float(below_Q[q]), "pinball loss": float(loss_Q[q])})
        for q, share in enumerate(quantiles)
    ]
