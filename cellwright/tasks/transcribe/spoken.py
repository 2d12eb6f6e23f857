"""Spoken digits: strings of clips of one speaker, where one speaker is kept for the test."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cellwright.errors import ConfigError, DataError
from cellwright.nearest import nearest
from cellwright.tasks.data.held_out import Split, split_stream
from cellwright.tasks.transcribe.clips import Clip, joined, read_clips, strings_of
from cellwright.tasks.transcribe.config import TranscribeData, TranscribeModel
from cellwright.tasks.transcribe.recording import Material, Recording
from cellwright.tasks.transcribe.sound import log_mel
from cellwright.tasks.transcribe.variation import varied_frames

__all__ = ["Spoken"]

TRAIN, TEST = 2000, 200
VALID_BELOW = (
    5  # clips with a smaller number, of the speakers of training, validate; the data set's own rule for a test
)


class Spoken(Material):
    """Strings put together from clips: training's anew for every batch, of clips that validation does not have.

    Raises:
        ConfigError: no such speaker.
        DataError: clips that cannot be read, or too few of them.
    """

    kind = "sound"

    def __init__(self, path: Path, data: TranscribeData, model: TranscribeModel) -> None:
        self.data, self.model = data, model
        clips = read_clips(path)
        speakers = sorted({clip.speaker for clip in clips})
        kept = data.speaker or speakers[0]
        if kept not in speakers:
            near = nearest(kept, speakers)
            raise ConfigError(
                f"data.speaker: expected one of {', '.join(speakers[:12])}, found {kept!r}.",
                repair=f"Did you mean {near}?" if near else "It is the middle of a clip's name.",
            )
        self.name = f"{path.name} without {kept}"
        self.clips = [clip for clip in clips if clip.speaker != kept and clip.number >= VALID_BELOW]
        validating = [clip for clip in clips if clip.speaker != kept and clip.number < VALID_BELOW]
        if not self.clips or not validating:
            raise DataError(
                f"Expected clips of several speakers, numbered below and from {VALID_BELOW} on, found {len(clips)} of "
                f"{', '.join(speakers[:12])}.",
                file=path,
                repair="One speaker is kept for the test; of the others the first clips validate.",
            )
        self.symbols = sorted({clip.digit for clip in clips})
        self.channels = model.bands * model.stack
        self.train_size = data.size or TRAIN
        count = data.examples or TEST
        self.valid = self._fixed("valid", validating, -(-count // 2))
        self.test = self._fixed("test", [clip for clip in clips if clip.speaker == kept], count)
        self.notes = (f"test: {kept}, {len(clips) - len(self.clips) - len(validating)} clips",)

    def draw(self, indices: Sequence[int], rng: np.random.Generator) -> list[Recording]:
        strings = strings_of(self.clips, self.data, len(indices), rng)
        return [self._recording(string, rng, training=True) for string in strings]

    def digest(self) -> list[list[str]]:
        return [
            [c.digit, c.speaker, str(c.number), hashlib.sha256(c.samples.tobytes()).hexdigest()] for c in self.clips
        ]

    def _fixed(self, split: Split, clips: Sequence[Clip], count: int) -> list[Recording]:
        rng = split_stream(self.data.seed, "spoken", split)
        return [self._recording(string, rng, training=False) for string in strings_of(clips, self.data, count, rng)]

    def _recording(self, string: Sequence[Clip], rng: np.random.Generator, *, training: bool) -> Recording:
        model = self.model
        if training:
            sound = joined(string, self.data, rng, tempo=model.tempo, loudness=model.loudness)
            frames = varied_frames(sound, model, rng)
        else:
            frames = log_mel(joined(string, self.data, rng), model.bands, model.stack, floor=model.floor)
        return Recording(frames, "".join(clip.digit for clip in string), string[0].speaker)
