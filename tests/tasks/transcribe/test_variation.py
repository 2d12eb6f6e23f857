"""What training does to a sound, and what frames do not see: noise below the floor."""

from __future__ import annotations

import numpy as np
import pytest

from cellwright.tasks.transcribe.config import TranscribeModel
from cellwright.tasks.transcribe.sound import log_mel, mel_filters
from cellwright.tasks.transcribe.variation import masked, noisy, varied_frames

STILL = TranscribeModel(bands=8, stack=2, warp=0.0, noise=0.0, masked=0, masked_steps=0)


@pytest.fixture
def sound() -> np.ndarray:
    """A sound of all frequencies that begins and ends, and silence."""
    loud = 0.1 * np.random.default_rng(1).standard_normal(4800)
    return (loud * (np.sin(np.linspace(0, 12, 4800)) > 0)).astype(np.float32)


def test_hiss_below_the_floor_changes_frames_less_than_without_one(sound: np.ndarray) -> None:
    white = np.random.default_rng(0).standard_normal(len(sound)).astype(np.float32)
    moved = []
    for floor in (0.0, 0.03):
        quiet, hissing = (log_mel(sound + level * white, 8, 1, floor=floor) for level in (1e-4, 1e-3))
        moved.append(float(np.abs(quiet - hissing).mean()))
    assert moved[1] < moved[0] / 2


def test_a_warp_moves_bands_to_frequencies_that_many_times_as_high() -> None:
    plain, higher, lower = (mel_filters(32, warp).numpy() for warp in (1.0, 1.25, 0.8))
    for hertz in (500, 1000, 2000):
        at, up, down = (round(factor * hertz / 4000 * 128) for factor in (1.0, 1.25, 0.8))
        assert higher[:, up].argmax() == pytest.approx(plain[:, at].argmax(), abs=1)
        assert lower[:, down].argmax() == pytest.approx(plain[:, at].argmax(), abs=1)
    for filters in (plain, higher, lower):
        assert (filters[:, -7:] == 0).all()  # nothing above the highest
        assert (filters.sum(1) > 0).all()


def test_noise_is_white_to_brown_and_at_most_as_loud_as_asked(sound: np.ndarray) -> None:
    louder, low = [], []
    for seed in range(60):
        added = noisy(sound, 0.3, np.random.default_rng(seed)) - sound
        louder.append(float(added.std() / sound.std()))
        power_F = np.abs(np.fft.rfft(added)) ** 2
        low.append(float(power_F[: len(power_F) // 8].sum() / power_F.sum()))
    assert 0.2 < max(louder) <= 0.3 + 1e-6
    assert min(louder) < 0.01
    assert min(low) < 0.2  # an eighth of the spectrum has an eighth of white noise
    assert max(low) > 0.9
    assert np.array_equal(noisy(np.zeros(401, np.float32), 0.3, np.random.default_rng(0)), np.zeros(401))


def test_masked_bands_and_steps_are_0_which_is_their_mean() -> None:
    frames = np.ones((6, 16), dtype=np.float32)
    bands, steps = (STILL.model_copy(update={name: 3}) for name in ("masked", "masked_steps"))
    zeros = {int((masked(frames, bands, np.random.default_rng(k))[0] == 0).sum()) for k in range(40)}
    assert zeros == {0, 2, 4, 6}  # 0 to 3 bands in each of two stacked frames
    zeros = {int((masked(frames, steps, np.random.default_rng(k)) == 0).all(1).sum()) for k in range(40)}
    assert zeros == {0, 1, 2, 3}
    assert masked(frames[:1], steps, np.random.default_rng(1)).shape == (1, 16)


def test_a_sound_varies_only_as_far_as_the_settings_say(sound: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    still = log_mel(sound, 8, 2, floor=STILL.floor)
    assert np.array_equal(varied_frames(sound, STILL, rng), still)
    for name, most in (("warp", 0.2), ("noise", 0.3), ("masked", 4), ("masked_steps", 5)):
        moved = [varied_frames(sound, STILL.model_copy(update={name: most}), rng) for _ in range(4)]
        assert all(one.shape == still.shape and np.isfinite(one).all() for one in moved)
        assert any(not np.array_equal(one, still) for one in moved)
