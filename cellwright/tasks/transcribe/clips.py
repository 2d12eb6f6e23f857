"""Clips of one spoken digit each, and strings of them: several clips of one speaker with pauses between."""

from __future__ import annotations

import re
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from cellwright.errors import DataError
from cellwright.tasks.data.text import read_bytes
from cellwright.tasks.transcribe.config import TranscribeData
from cellwright.tasks.transcribe.sound import RATE, Samples, read_wav, stretched

__all__ = ["NAME", "Clip", "joined", "read_clips", "strings_of"]

NAME = re.compile(r"(\w)_(\w+?)_(\d+)\.wav")  # as in the Free Spoken Digit Dataset: 7_jackson_32.wav
SHORTEST_PAUSE = 0.02  # seconds
HISS = 1e-4  # deviation of the noise in pauses


@dataclass(frozen=True, slots=True)
class Clip:
    """One digit, as one speaker said it for the `number`-th time."""

    digit: str
    speaker: str
    number: int
    samples: Samples


def read_clips(path: Path) -> list[Clip]:
    """Every clip of a folder or .tar.gz, by name. Other files in it are not read.

    Raises DataError: no archive, no clips, or a clip that is no such WAV file.
    """
    clips = []
    for name, data in _files(path):
        match = NAME.fullmatch(PurePosixPath(name).name)
        if match:
            clips.append(Clip(match[1], match[2], int(match[3]), read_wav(data, f"{path}:{name}")))
    if not clips:
        raise DataError(
            "Expected train.tsv, or clips called DIGIT_SPEAKER_NUMBER.wav, found neither.",
            file=path,
            repair="Write train.tsv: on each line a WAV file, a tab and its text. Or call clips as 7_jackson_32.wav.",
        )
    return sorted(clips, key=lambda clip: (clip.speaker, clip.digit, clip.number))


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    if path.is_dir():
        for file in sorted(path.glob("*.wav")):
            yield file.name, read_bytes(file)
        return
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                content = archive.extractfile(member) if member.isfile() and member.name.endswith(".wav") else None
                if content is not None:
                    yield member.name, content.read()
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        archived = {".tar", ".tgz", ".gz"} & {*path.suffixes}
        raise DataError(
            f"Expected a folder or an archive (.tar.gz) of clips, found {'a damaged one' if archived else 'a file'}.",
            file=path,
            repair="Write or copy it again."
            if archived
            else "Give the folder that holds train.tsv, or a .tar.gz of clips.",
        ) from error


def strings_of(
    clips: Sequence[Clip], data: TranscribeData, count: int, rng: np.random.Generator
) -> list[tuple[Clip, ...]]:
    """`count` strings of `data.shortest` to `data.longest` clips of one speaker; every clip is used before any is
    used again."""
    by_speaker: dict[str, list[Clip]] = {}
    for clip in clips:
        by_speaker.setdefault(clip.speaker, []).append(clip)
    speakers = sorted(by_speaker)
    left: dict[str, list[Clip]] = {speaker: [] for speaker in speakers}
    found = []
    for k in range(count):
        speaker = speakers[k % len(speakers)]
        length = int(rng.integers(data.shortest, data.longest + 1))
        while len(left[speaker]) < length:
            own = by_speaker[speaker]
            left[speaker] += [own[i] for i in rng.permutation(len(own))]
        found.append(tuple(left[speaker][:length]))
        del left[speaker][:length]
    return found


def joined(
    clips: Sequence[Clip], data: TranscribeData, rng: np.random.Generator, *, tempo: float = 0.0, loudness: float = 0.0
) -> Samples:
    """One recording: a pause, a clip, a pause, a clip … a pause; each pause of its own length, with a faint hiss.

    Args:
        tempo: all clips are played slower or faster by up to this share.
        loudness: deviation of ln of the loudness of all, and half of it for each clip.
    """
    factor = 1 + tempo * float(rng.uniform(-1, 1))
    parts = [_pause(data, rng)]
    for clip in clips:
        own = stretched(clip.samples, factor) if tempo else clip.samples
        parts += [own * np.float32(np.exp(loudness / 2 * rng.standard_normal())), _pause(data, rng)]
    return np.concatenate(parts) * np.float32(np.exp(loudness * rng.standard_normal()))


def _pause(data: TranscribeData, rng: np.random.Generator) -> Samples:
    seconds = rng.uniform(min(SHORTEST_PAUSE, data.gap), data.gap)
    return (HISS * rng.standard_normal(max(1, int(RATE * seconds)))).astype(np.float32)
