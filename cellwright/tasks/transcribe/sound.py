"""Sound: WAV files as samples, samples as logarithms of mel bands.

Legend: N samples, T frames, M bands, F frequencies.
"""

from __future__ import annotations

import io
import math
import wave
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cellwright.errors import DataError

__all__ = ["MOST_SECONDS", "RATE", "Samples", "log_mel", "mel_filters", "read_wav", "steps_of", "stretched"]

Samples = NDArray[np.float32]

RATE = 8000  # samples a second
WINDOW, HOP = 200, 80  # samples of a frame, and from one to the next: 25 ms and 10 ms
TRANSFORM = 256
LOWEST, HIGHEST = 60.0, 3800.0  # hertz
KNEE = 0.85  # share of HIGHEST up to which a warp multiplies frequencies
FLOOR = 1e-6  # added to the power of a band: silence has a logarithm too
MOST_SECONDS = 600
CONVERT = f"ffmpeg -i IN.wav -ac 1 -ar {RATE} -sample_fmt s16 OUT.wav"


def read_wav(data: bytes, place: str | Path) -> Samples:
    """(N,) samples from -1 to 1 of a WAV file: its channels' mean, brought to 8,000 samples a second.

    Raises DataError: no WAV file, or none of whole numbers; fewer samples a second; no sound in it, or more than ten
    minutes.
    """
    try:
        with wave.open(io.BytesIO(data)) as file:
            channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            content = file.readframes(MOST_SECONDS * rate + 1)  # a stream's header may say any number
    except (wave.Error, EOFError) as error:
        raise DataError(
            f"Expected a WAV file, found: {error or 'a cut one'}.", file=place, repair=f"Convert it: {CONVERT}"
        ) from None
    if rate < RATE:
        raise DataError(
            f"Expected {RATE:,} samples a second or more, found {rate:,}.", file=place, repair="Record it again."
        )
    seconds = len(content) // (channels * width) / rate
    if not 0 < seconds <= MOST_SECONDS:
        raise DataError(
            f"Expected up to {MOST_SECONDS} seconds of sound, found {seconds:.1f}.",
            file=place,
            repair="Cut the recording.",
        )
    samples_N = _numbers(content[: len(content) // (channels * width) * channels * width], width)
    samples_N = samples_N.reshape(-1, channels).mean(1)
    return _at_rate(samples_N, rate).astype(np.float32)


def _numbers(content: bytes, width: int) -> NDArray[np.float64]:
    """Samples from -1 to 1 of 1 to 4 bytes each; single bytes have no sign."""
    if width == 1:
        return (np.frombuffer(content, np.uint8) - 128.0) / 128
    padded = np.zeros((len(content) // width, 4), np.uint8)
    padded[:, 4 - width :] = np.frombuffer(content, np.uint8).reshape(-1, width)
    found: NDArray[np.float64] = padded.view("<i4")[:, 0] / 2.0**31
    return found


def _at_rate(samples_N: NDArray[np.float64], rate: int) -> NDArray[np.float64]:
    """The same sound with RATE samples a second: the spectrum of all of it, without what lies above RATE / 2."""
    if rate == RATE:
        return samples_N
    count = max(1, round(len(samples_N) * RATE / rate))
    spectrum_F = np.fft.rfft(samples_N)[: count // 2 + 1]
    found: NDArray[np.float64] = np.fft.irfft(spectrum_F, count) * (count / len(samples_N))
    return found


def stretched(samples: Samples, factor: float) -> Samples:
    """As if played `factor` times as slowly: longer and lower for a factor above 1."""
    count = max(2, round(len(samples) * factor))
    at = np.linspace(0, len(samples) - 1, count)
    return np.interp(at, np.arange(len(samples)), samples).astype(np.float32)


def log_mel(samples: Samples, bands: int, stack: int, *, floor: float = 0.0, warp: float = 1.0) -> NDArray[np.float32]:
    """(T // stack, stack * M) features, at least one step: ln of the power in mel bands, each with mean 0 and
    deviation 1 over the recording, `stack` frames side by side.

    Args:
        floor: share of a band's mean power that is added to it before the logarithm. What is quieter hardly counts:
            not a microphone's hiss, nor how silent a pause is.
        warp: of the bands' frequencies.

    Source: Davis & Mermelstein 1980, IEEE Trans. ASSP 28(4), without the cosine transform.
    """
    wave_N = torch.from_numpy(np.pad(samples, (0, max(0, WINDOW + HOP * stack - len(samples)))))
    spectrum_FT = torch.stft(
        wave_N, TRANSFORM, HOP, WINDOW, window=torch.hann_window(WINDOW), center=False, return_complex=True
    )
    power_FT = spectrum_FT.abs().square()
    power_MT = mel_filters(bands, warp) @ power_FT
    logs_TM = (power_MT + FLOOR + floor * power_MT.mean(1, keepdim=True)).log().T
    logs_TM = (logs_TM - logs_TM.mean(0)) / (logs_TM.std(0, correction=0) + 1e-3)
    steps = max(1, len(logs_TM) // stack)
    missing = steps * stack - len(logs_TM)
    if missing > 0:
        logs_TM = torch.cat([logs_TM, logs_TM[-1:].expand(missing, -1)])
    found: NDArray[np.float32] = logs_TM[: steps * stack].reshape(steps, stack * bands).numpy()
    return found


def steps_of(count: int, stack: int) -> int:
    """Rows that `log_mel` makes of so many samples."""
    return max(1, (1 + (max(count, WINDOW + HOP * stack) - TRANSFORM) // HOP) // stack)


@lru_cache(4)
def mel_filters(bands: int, warp: float) -> Tensor:
    """(M, F): triangles whose corners lie evenly on the mel scale, 2595 log10(1 + f / 700).

    A warp multiplies the corners as far as a knee; from there on a straight line leads to HIGHEST.
    """
    low_mel, high_mel = (2595 * math.log10(1 + hertz / 700) for hertz in (LOWEST, HIGHEST))
    corners = 700 * (10 ** (np.linspace(low_mel, high_mel, bands + 2) / 2595) - 1)
    knee = KNEE * HIGHEST * min(1.0, 1 / warp)
    corners = np.interp(corners, [0.0, knee, HIGHEST], [0.0, knee * warp, HIGHEST])
    at_F = np.linspace(0, RATE / 2, TRANSFORM // 2 + 1)
    low, middle, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    rise, fall = (at_F - low) / (middle - low), (high - at_F) / (high - middle)
    return torch.from_numpy(np.clip(np.minimum(rise, fall), 0, None).astype(np.float32))
