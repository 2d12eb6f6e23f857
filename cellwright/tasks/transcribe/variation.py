"""What training does to a sound, so that a network does not learn one speaker's throat or one room's noise.

Legend: N samples, F frequencies, T steps, S frames side by side, M bands.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cellwright.tasks.transcribe.config import TranscribeModel
from cellwright.tasks.transcribe.sound import Samples, log_mel

__all__ = ["masked", "noisy", "varied_frames"]

QUIETEST = 5.0  # ln of the most noise over the least


def varied_frames(samples: Samples, model: TranscribeModel, rng: np.random.Generator) -> NDArray[np.float32]:
    """The frames of a sound with noise of its own, from another throat, with bands and steps left out.

    Source: Jaitly & Hinton 2013, "Vocal Tract Length Perturbation (VTLP) improves speech recognition", for the warp;
    Park et al. 2019, arXiv:1904.08779v3, for what is left out.
    """
    warp = float((1 + model.warp) ** rng.uniform(-1, 1))
    heard = noisy(samples, model.noise, rng) if model.noise else samples
    frames = log_mel(heard, model.bands, model.stack, floor=model.floor, warp=warp)
    return masked(frames, model, rng) if model.masked or model.masked_steps else frames


def noisy(samples_N: Samples, most: float, rng: np.random.Generator) -> Samples:
    """With noise of a deviation up to `most` times the sound's, whose power falls with the frequency as 1 / f^a, a
    from 0 (white) to 2 (brown)."""
    frequencies_F = np.arange(1.0, len(samples_N) // 2 + 2)
    spectrum_F = rng.standard_normal((2, len(frequencies_F))) * frequencies_F ** -rng.uniform(0, 1)
    noise_N = np.fft.irfft(spectrum_F[0] + 1j * spectrum_F[1], len(samples_N))
    level = most * np.exp(-QUIETEST * rng.uniform()) * samples_N.std() / max(noise_N.std(), 1e-12)
    found: Samples = samples_N + (level * noise_N).astype(np.float32)
    return found


def masked(frames: NDArray[np.float32], model: TranscribeModel, rng: np.random.Generator) -> NDArray[np.float32]:
    """Up to `model.masked` neighbouring bands are 0, which is their mean, in all frames, and all bands in up to
    `model.masked_steps` neighbouring steps."""
    found_TSM = frames.reshape(len(frames), model.stack, model.bands).copy()
    bands, steps = _stretch(model.masked, model.bands, rng), _stretch(model.masked_steps, len(frames), rng)
    found_TSM[:, :, bands] = 0.0
    found_TSM[steps] = 0.0
    return found_TSM.reshape(frames.shape)


def _stretch(longest: int, count: int, rng: np.random.Generator) -> slice:
    """Up to `longest` neighbours of `count`."""
    wide = int(rng.integers(0, min(longest, count) + 1))
    first = int(rng.integers(0, count - wide + 1))
    return slice(first, first + wide)
