"""How models of numbers are read: the class of a series, its next steps, what a recording says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from cellwright.microscope.model_input import Decision, ModelInput, steps_of

if TYPE_CHECKING:
    from cellwright.tasks.series_classify.predict import SeriesClassifier
    from cellwright.tasks.series_forecast.predict import Forecaster
    from cellwright.tasks.transcribe.predict import Transcriber

__all__ = ["read_forecast", "read_recording", "read_series"]


def read_series(model: SeriesClassifier, series: Any, network: Any) -> ModelInput:
    """The class of a series. Outputs: the scores of the classes (1, K)."""
    from cellwright.tasks.series_classify.batches import Batch

    values_TC = torch.from_numpy(np.asarray(model.series(series).values, np.float64))

    def forward(copies: int = 1) -> Any:
        lengths_B = torch.full((copies,), len(values_TC))
        return network(Batch(values_TC.expand(copies, -1, -1), lengths_B, torch.zeros(copies, dtype=torch.int64)))

    def decide(scores_1K: Tensor) -> Decision:
        best = int(scores_1K[0].argmax())
        return lambda scores: scores[0].log_softmax(-1)[best], f"log p({model.classes[best]})"

    return ModelInput(steps_of(values_TC.numpy()), network, forward, decide, None, None, per_word=False)


def read_forecast(model: Forecaster, table: Any, network: Any) -> ModelInput:
    """The next steps of the first column of the first series. Outputs: its point forecast of the first segment (1, W),
    in its own units.

    The layer reads the past segment by segment, then what is asked: the state after the past and one step from it, as
    `predict` takes for this segment, are one sequence.
    """
    seen = model.seen(model.read(table).frames[0])
    batch = type(seen.batch)(*(getattr(seen.batch, name).double() for name in seen.batch.__slots__))
    size = network.config.segment
    scale, mean = float(seen.scale.deviation_C[0]), float(seen.scale.mean_C[0])
    past = batch.x_BLC.shape[1] // size
    words = [f"−{(past - k) * size}…−{(past - k - 1) * size + 1}" for k in range(past)]

    def forward(copies: int = 1) -> Tensor:
        steps_1SD = torch.cat([network.past_steps(batch)[:, 0], network.asked_steps(batch)[:, 0, :1]], 1)
        y_BSF = network.recurrent(steps_1SD.expand(copies, -1, -1))[0]
        point_BW = network.write(y_BSF[:, -1]).view(copies, size, -1)[..., 0]
        found: Tensor = mean + scale * (point_BW + network.taken_off(batch)[0, 0, 0])
        return found

    def decide(point_1W: Tensor) -> Decision:
        column = f"{model.columns[0]}{seen.frame.where}"
        return lambda point: point[0].mean(), f"the mean of {column} over the next {size} steps"

    return ModelInput((*words, f"+1…+{size}"), network, forward, decide, None, None, per_word=False)


def read_recording(model: Transcriber, recording: Any, network: Any) -> ModelInput:
    """What a recording says. Outputs: ln P of every symbol and the blank at each step (1, T, K)."""
    from cellwright.tasks.transcribe.ctc import BLANK, beam_search

    frames_TC = torch.from_numpy(np.asarray(model.frames(recording), np.float64))

    def forward(copies: int = 1) -> Tensor:
        lengths_B = torch.full((copies,), len(frames_TC))
        found: Tensor = network.scores(frames_TC.expand(copies, -1, -1), lengths_B).log_softmax(-1)
        return found

    def decide(logs_1TK: Tensor) -> Decision:
        rows = beam_search(logs_1TK[0].detach().numpy(), model.settings.beam)[0][0]

        def score(logs_1TK: Tensor) -> Tensor:  # ln of the sum over all alignments of these symbols
            steps, said = torch.tensor([logs_1TK.shape[1]]), torch.tensor([rows], dtype=torch.int64)
            found = functional.ctc_loss(
                logs_1TK.transpose(0, 1), said, steps, torch.tensor([len(rows)]), blank=BLANK, reduction="sum"
            )
            return -found

        return score, f"log p({''.join(model.symbols[row - 1] for row in rows)})"

    words = tuple(str(t) for t in range(len(frames_TC)))
    return ModelInput(words, network, forward, decide, None, None, per_word=False)
