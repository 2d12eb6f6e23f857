"""A transcriber trained for a few seconds on generated strokes, and clips made of tones, shared by the tests."""

from __future__ import annotations

import io
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import cellwright as cw
from cellwright.tasks.transcribe.predict import Transcriber

torch.set_num_threads(1)

QUICK = {
    "data__size": 96,
    "data__examples": 40,
    "data__shortest": 1,
    "data__longest": 2,
    "model__hidden_size": 16,
    "model__num_layers": 1,
    "train__epochs": 1,
    "train__average": 0.0,
    "train__threads": 1,
}


@pytest.fixture(scope="session")
def quick() -> dict[str, object]:
    """Settings of a run of a few seconds."""
    return dict(QUICK)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory, quick: dict[str, object]) -> Path:
    """A finished run."""
    folder = tmp_path_factory.mktemp("transcribe") / "run"
    cw.train("transcribe", out=folder, **quick)  # type: ignore[arg-type]
    return folder


@pytest.fixture(scope="session")
def model(run: Path) -> Transcriber:
    return cw.load(run)


def wav_file(samples: np.ndarray, channels: int = 1, rate: int = 8000) -> bytes:
    """A WAV file of 16 bits."""
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((32767 * samples).astype("<i2").tobytes())
    return content.getvalue()


def sine(hertz: float, seconds: float = 0.2) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(8000 * seconds)) / 8000)


@pytest.fixture(scope="session")
def wav() -> Callable[..., bytes]:
    """Makes a WAV file of 16 bits."""
    return wav_file


@pytest.fixture(scope="session")
def tone() -> Callable[..., np.ndarray]:
    """Makes samples of a tone: hertz, seconds."""
    return sine


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of clips: digit k of a speaker is a tone; three speakers, eight clips of each of three digits."""
    folder = tmp_path_factory.mktemp("clips")
    for speaker, shift in (("ann", 1.0), ("bob", 1.06), ("cid", 1.03)):
        for digit in range(3):
            for number in range(8):
                hertz = (300, 800, 2000)[digit] * shift * (1 + 0.005 * number)
                (folder / f"{digit}_{speaker}_{number}.wav").write_bytes(wav_file(sine(hertz, 0.15 + 0.01 * number)))
    return folder
