"""Back-testing: forecasts from every origin of a split, beside the naive and the linear ones, as nothing later is seen.

Legend: B windows, H steps, C targets, Q quantiles.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cellwright.errors import ConfigError, DataError
from cellwright.tasks.report import Line, Report, Section
from cellwright.tasks.series_forecast.config import ForecastData
from cellwright.tasks.series_forecast.corpora import open_frame
from cellwright.tasks.series_forecast.measure import MODEL, Errors, measure
from cellwright.tasks.series_forecast.predict import Forecaster
from cellwright.tasks.series_forecast.windows import Windows, cut, known_features

__all__ = ["evaluate_model"]

PERIODS, PARTS = 4, 4  # of the origins, of the horizon


def evaluate_model(model: Forecaster, data: ForecastData, split: str) -> Report:
    """Squared and absolute error over all origins; by column, period, part of the horizon; how quantiles hold.

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
    frame = open_frame(data.model_copy(update={"targets": model.columns, "known": model.known}))
    if (list(frame.columns), list(frame.known)) != (model.columns, model.known):
        raise DataError(
            f"Expected the columns {', '.join([*model.columns, *model.known])}, found {', '.join(frame.columns)}.",
            file=frame.name, repair="A model forecasts the columns it was trained with.",
        )  # fmt: skip
    windows = cut(frame, data)[0][split]
    scale = model.scale
    values_TC = ((frame.targets_TC - scale.mean_C) / scale.deviation_C).astype(np.float32)
    own = Windows(
        values_TC, known_features(frame, scale, data.calendar), windows.origins, data.look_back, data.horizon
    )  # fmt: skip
    errors = measure(model.network, own, baselines=True)
    lines = [Line(name, {"mse": found.mse, "mae": found.mae}) for name, found in errors.items()]
    sections = [
        Section("mae by column", _by_column(errors, model)),
        Section("mse by origin", _by_period(errors)),
        Section("mse by step", _by_step(errors)),
    ]
    if model.network.config.quantiles:
        sections.append(Section("quantile", _by_quantile(errors[MODEL], model.network.config.quantiles)))
    notes = [
        f"forecasts of {data.horizon} steps from the {data.look_back} before, "
        f"from {'every origin' if data.stride == 1 else f'every {data.stride}th origin'} of the split",
        "mse, mae: of columns scaled to mean 0 and deviation 1 over the training rows; by column in its own units",
        *frame.notes,
    ]
    return Report("series-forecast", frame.name, split, len(own), lines, "forecasts", (), sections, notes)


def _by_column(errors: Mapping[str, Errors], model: Forecaster) -> list[Line]:
    means = {name: np.concatenate(found.sizes_BC).mean(0) * model.scale.deviation_C for name, found in errors.items()}
    return [
        Line(column, {name: float(mean_C[c]) for name, mean_C in means.items()})
        for c, column in enumerate(model.columns)
    ]


def _by_period(errors: Mapping[str, Errors]) -> list[Line]:
    means_B = {name: np.concatenate(found.squares_BC).mean(1) for name, found in errors.items()}
    periods = np.array_split(np.arange(len(means_B[MODEL])), min(PERIODS, len(means_B[MODEL])))
    return [
        Line(f"part {k} of {len(periods)}", {name: float(mean_B[part].mean()) for name, mean_B in means_B.items()})
        for k, part in enumerate(periods, start=1)
    ]


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
