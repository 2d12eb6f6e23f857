"""Settings of forecasting: what `cellwright train series-forecast` reads from TOML and `--set`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cellwright.errors import ConfigError
from cellwright.tasks.training.config import Config, DataSection, Section, TrainSection

__all__ = ["ForecastConfig", "ForecastData", "ForecastModel", "check_lengths"]

Share = Annotated[float, Field(gt=0, lt=1)]


class ForecastData(DataSection):
    path: str = Field("hourly", description="hourly, or a CSV file with a time column")
    time_column: str = Field("", description="name of the column with times; empty = found by its name")
    series_column: str = Field(
        "",
        description="column that says which of several series a row is of, or several as store+item; "
        "empty = unique_id, series, series_id, item_id or id where times repeat",
    )
    time_format: str = Field(
        "", description="how times are written, as %d/%m/%Y %H:%M, or unix for seconds since 1970; empty = found"
    )
    targets: list[str] = Field([], description="columns to forecast; none = all others")
    known: list[str] = Field([], description="columns whose future is known, such as a holiday's 0 and 1")
    fill: Literal["none", "last"] = Field(
        "none",
        description="last: missing rows and empty cells take the last value before; none: cells are refused",
    )
    calendar: list[Literal["hour", "weekday", "day", "month"]] = Field(
        ["hour", "weekday"], description="what of the date the network sees of past and future steps"
    )
    horizon: int = Field(24, ge=1, le=100_000, description="steps to forecast")
    look_back: int = Field(168, ge=1, le=1_000_000, description="steps that are seen")
    season: int = Field(24, ge=1, le=1_000_000, description="steps of the season that the naive baseline repeats")
    splits: list[Annotated[float, Field(gt=0)]] = Field(
        [0.7, 0.1, 0.2],
        min_length=3,
        max_length=3,
        description="train, valid and test of each series in the order of time: shares, or numbers of rows from the "
        "beginning",
    )
    stride: int = Field(1, ge=1, le=1_000_000, description="rows between the origins of two measured forecasts")
    size: int = Field(4000, ge=100, le=10_000_000, description="rows of the embedded set")
    seed: int = Field(0, ge=0, lt=2**63, description="seed of the embedded generator")


class ForecastModel(Section):
    cell: str = Field(
        "GRU", description="a cell of cellwright.cells, FILE.py:NAME for your own, or PerToken for no recurrence"
    )
    hidden_size: int = Field(64, ge=2, le=65_536, description="size of the state, and of a segment's embedding")
    segment: int = Field(24, ge=1, le=100_000, description="steps that are read, and written, as one")
    forget_bias: float = Field(
        0.0, ge=-100, le=100, description="first bias of the gate that keeps the old state, where the cell has one"
    )
    normalise: Literal["last", "none"] = Field("last", description="last: the last value seen is taken off and added")
    quantiles: list[Share] = Field([0.1, 0.9], description="quantiles beside the point forecast; none = none")
    loss: Literal["mse", "mae"] = Field("mse", description="of the point forecast: mse for means, mae for medians")
    dropout: float = Field(0.1, ge=0, lt=1, description="dropout before the last layer")


class ForecastConfig(Config):
    data: ForecastData = ForecastData()
    model: ForecastModel = ForecastModel()
    train: TrainSection = TrainSection(epochs=8, batch_size=32, learning_rate=2e-3, average=0.99)


def check_lengths(data: ForecastData, model: ForecastModel) -> None:
    """Raises ConfigError: a look-back or horizon that is not whole segments; quantiles that do not rise."""
    for key, steps in (("data.look_back", data.look_back), ("data.horizon", data.horizon)):
        if steps % model.segment:
            near = max(1, round(steps / model.segment)) * model.segment
            raise ConfigError(
                f"Expected {key} to be whole segments of {model.segment} steps, found {steps}.",
                repair=f"--set {key}={near}, or another model.segment",
            )
    if sorted(set(model.quantiles)) != model.quantiles:
        raise ConfigError(f"Expected model.quantiles to rise, found {model.quantiles}.", repair="[0.1, 0.5, 0.9]")
