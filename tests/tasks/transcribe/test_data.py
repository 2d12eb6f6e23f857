"""Sound and strokes as frames, strings of clips with a speaker kept out, and files that are refused."""

from __future__ import annotations

import io
import math
import tarfile
import wave
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import stft

from cellwright.errors import ConfigError, DataError
from cellwright.tasks.training.config import load_config
from cellwright.tasks.transcribe.clips import read_clips, strings_of
from cellwright.tasks.transcribe.config import TranscribeConfig, TranscribeData, TranscribeModel
from cellwright.tasks.transcribe.listed import Listed, read_list
from cellwright.tasks.transcribe.materials import open_material
from cellwright.tasks.transcribe.sound import FLOOR, log_mel, read_wav, stretched
from cellwright.tasks.transcribe.spoken import Spoken
from cellwright.tasks.transcribe.strokes import FORMS, KEPT, KINDS, Strokes, Writer, drawn, pen_frames

SMALL = TranscribeModel(bands=8, stack=2)


def test_log_mel_is_that_of_another_transform(tone) -> None:
    samples = (tone(440, 0.5) + tone(1500, 0.5) * np.linspace(0, 1, 4000)).astype(np.float32)
    middle = samples[28:-28]  # a window of 200 samples lies in the middle of 256
    _, _, spectrum_FT = stft(middle, nperseg=200, noverlap=120, nfft=256, window="hann", boundary=None, padded=False)
    power_FT = np.abs(spectrum_FT * np.hanning(201)[:-1].sum()) ** 2
    mels = np.linspace(*(2595 * math.log10(1 + f / 700) for f in (60, 3800)), 10)
    corners = 700 * (10 ** (mels / 2595) - 1)
    at = np.arange(129) * 8000 / 256
    bands = np.stack([np.interp(at, corners[m : m + 3], [0, 1, 0], left=0, right=0) for m in range(8)])
    for floor in (0.1, 0.0):
        power_MT = bands @ power_FT
        logs_TM = np.log(power_MT + FLOOR + floor * power_MT.mean(1, keepdims=True)).T
        logs_TM = (logs_TM - logs_TM.mean(0)) / (logs_TM.std(0) + 1e-3)
        found = log_mel(samples, bands=8, stack=1, floor=floor)
        np.testing.assert_allclose(found, logs_TM, atol=2e-2)  # float32, and logarithms of almost nothing
    stacked = log_mel(samples, bands=8, stack=3)
    np.testing.assert_array_equal(stacked[:, :8], found[: 3 * len(stacked) : 3])
    assert log_mel(samples[:5], bands=8, stack=3).shape == (1, 24)


def test_a_wav_file_is_read_and_others_are_refused(wav, tone) -> None:
    np.testing.assert_allclose(read_wav(wav(tone(500)), "x.wav"), tone(500), atol=1e-4)
    assert len(stretched(tone(500).astype(np.float32), 1.25)) == 2000
    whole = wav(tone(500))
    for bad, message in (
        (b"text", "Expected a WAV file"), (whole[:30], "Expected a WAV file"), (b"", "Expected a WAV file"),
        (wav(tone(500), rate=4_000), "found 4,000"),
        (wav(np.zeros(0)), "found 0.0"),
    ):  # fmt: skip
        with pytest.raises(DataError, match=message) as error:
            read_wav(bad, "x.wav")
        assert error.value.repair
        assert error.value.file == "x.wav"


@pytest.mark.parametrize(("rate", "channels"), [(44_100, 2), (16_000, 1), (8_000, 2), (11_025, 3)])
def test_sound_of_other_rates_and_channels_becomes_the_same(wav, tone, rate: int, channels: int) -> None:
    """A tone below 4 kHz in all channels, and one above it, which must not come back as a low one."""
    at = np.arange(2 * rate // 5) / rate
    low = 0.4 * np.sin(2 * np.pi * 440 * at)
    high = 0.4 * np.sin(2 * np.pi * 5_000 * at) if rate > 11_025 else 0 * at
    found = read_wav(wav(np.repeat((low + high)[:, None], channels, 1), channels=channels, rate=rate), "x.wav")
    assert len(found) == 3200
    np.testing.assert_allclose(found[200:-200], 0.8 * tone(440, 0.4)[200:-200], atol=2e-3)
    sides = wav(np.stack([low, -low], 1), channels=2, rate=rate)
    assert np.abs(read_wav(sides, "x.wav")).max() < 1e-4


@pytest.mark.parametrize(("width", "kind", "atol"), [(1, "u1", 2e-2), (3, "<i4", 1e-6), (4, "<i4", 1e-6)])
def test_samples_of_other_widths_have_the_same_size(tone, width: int, kind: str, atol: float) -> None:
    levels = 127 * tone(440) + 128 if width == 1 else (2.0**31 - 1) * tone(440)
    raw = levels.astype(kind).view(np.uint8).reshape(len(levels), -1)[:, -width:]
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(width)
        file.setframerate(8000)
        file.writeframes(raw.tobytes())
    np.testing.assert_allclose(read_wav(content.getvalue(), "x.wav"), tone(440), atol=atol)


def test_strings_are_of_one_speaker_and_the_test_speaker_is_kept_out(clips: Path, tmp_path: Path) -> None:
    data = TranscribeData(path=str(clips), speaker="bob", shortest=2, longest=4, size=30, examples=20)
    material = Spoken(clips, data, SMALL)
    assert {one.kind for one in material.test} == {"bob"}
    assert {one.kind for one in material.valid} == {"ann", "cid"}
    assert {clip.speaker for clip in material.clips} == {"ann", "cid"}
    assert min(clip.number for clip in material.clips) == 5
    assert all(2 <= len(one.text) <= 4 for one in material.test)
    first, second = (material.draw(range(8), np.random.default_rng(3)) for _ in range(2))
    assert [(a.text, a.kind) for a in first] == [(b.text, b.kind) for b in second]
    assert all(np.array_equal(a.frames, b.frames) for a, b in zip(first, second, strict=True))
    strings = strings_of(read_clips(clips), data, 12, np.random.default_rng(0))
    assert all(len({clip.speaker for clip in string}) == 1 for string in strings)
    used = [clip for string in strings[::3] for clip in string]
    assert len({id(clip) for clip in used}) == len(used)  # 4 strings of at most 4 from 24 clips: none twice
    with tarfile.open(tmp_path / "clips.tar.gz", "w:gz") as archive:
        archive.add(clips, "recordings")
    again = Spoken(tmp_path / "clips.tar.gz", data, SMALL)
    assert again.digest() == material.digest()


def test_clips_that_will_not_do_are_refused(clips: Path, tmp_path: Path, wav, tone) -> None:
    with pytest.raises(ConfigError, match="ann, bob, cid") as error:
        Spoken(clips, TranscribeData(speaker="bop"), SMALL)
    assert error.value.repair == "Did you mean bob?"
    with pytest.raises(DataError, match="DIGIT_SPEAKER_NUMBER"):
        open_material(TranscribeData(path=str(tmp_path)), SMALL)
    (tmp_path / "list.tsv").write_text("a.wav\t12\n")
    with pytest.raises(DataError, match="found a file") as error:
        read_clips(tmp_path / "list.tsv")
    assert error.value.repair == "Give the folder that holds train.tsv, or a .tar.gz of clips."
    (tmp_path / "not.tar.gz").write_bytes(b"no archive")
    with pytest.raises(DataError, match="archive"):
        read_clips(tmp_path / "not.tar.gz")
    (tmp_path / "1_ann_0.wav").write_bytes(wav(tone(500)))
    with pytest.raises(DataError, match="several speakers"):
        Spoken(tmp_path, TranscribeData(), SMALL)
    (tmp_path / "2_bob_0.wav").write_bytes(b"RIFF")
    with pytest.raises(DataError, match=r"WAV") as refused:
        read_clips(tmp_path)
    assert "2_bob_0.wav" in str(refused.value.file)
    with pytest.raises(DataError, match="Did you mean strokes"):
        open_material(TranscribeData(path="stroke"), SMALL)
    with pytest.raises(ConfigError, match="longest = 2 is less"):
        load_config(None, ["data.longest=2"], schema=TranscribeConfig)


def test_lists_of_recordings(tmp_path: Path, wav, tone) -> None:
    (tmp_path / "a.wav").write_bytes(wav(tone(500)))
    rows = [f"a.wav\tone {k}" for k in range(10)]
    (tmp_path / "train.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    material = open_material(TranscribeData(path=str(tmp_path)), SMALL)
    assert isinstance(material, Listed)
    assert (material.train_size, len(material.valid), len(material.test)) == (9, 1, 0)
    assert "".join(material.symbols) == " 012345678eno"
    assert material.draw([0, 3], np.random.default_rng(0))[1].text == "one 3"
    for line, message in (("a.wav one", "a tab"), ("a.wav\t ", "a tab"), ("b.wav\tone", "found none")):
        (tmp_path / "bad.tsv").write_text(f"a.wav\tone\n\n{line}\n", encoding="utf-8")
        with pytest.raises(DataError, match=message) as error:
            read_list(tmp_path / "bad.tsv")
        assert error.value.line == 3


@pytest.mark.parametrize("stack", [1, 3])
def test_a_recording_too_short_for_its_text_is_told_with_its_line(tmp_path: Path, wav, tone, stack: int) -> None:
    """Before training, and for the fastest that it will be played."""
    samples = tone(500)
    (tmp_path / "a.wav").write_bytes(wav(samples))
    for tempo in (0.0, 0.3):
        model = SMALL.model_copy(update={"stack": stack, "tempo": tempo})
        steps = len(log_mel(stretched(samples, 1 - tempo), model.bands, stack))
        rows = "".join(f"a.wav\t{'ab' * 50}"[: len("a.wav\t") + fits] + "\n" for fits in [steps] * 11)
        (tmp_path / "train.tsv").write_text(rows)
        assert open_material(TranscribeData(path=str(tmp_path)), model).train_size == 10
        (tmp_path / "train.tsv").write_text(rows + f"a.wav\t{('ab' * 50)[: steps - 1]}{('ab' * 50)[steps - 2]}\n")
        with pytest.raises(DataError, match=f"at least {steps + 1} steps .*, found {steps}") as refused:
            open_material(TranscribeData(path=str(tmp_path)), model)
        assert (refused.value.line, refused.value.file) == (12, str(tmp_path / "train.tsv"))


def test_strokes_draw_each_digit_where_its_template_is() -> None:
    steady = Writer(slant=0.0, width=1.0, turn=0.0, unsteady=0.0, tremble=0.0, step=0.2, pause=0.0)
    rng = np.random.default_rng(0)
    for digit in FORMS:
        steps_T3 = drawn(digit, steady, rng)
        points = steps_T3[:, :2].cumsum(0)
        height = points[:, 1].max() - points[:, 1].min()
        assert 0.7 < height < 1.4  # a size of 1, give or take 8 %
        assert steps_T3[0, 2] == 0
        assert (steps_T3[:, 2] == 1).sum() >= 5
    corners = [tuple(map(int, corner.split(","))) for corner in ["60,100", "25,90", "5,50"]]
    assert FORMS["0"][0].startswith(" ".join(f"{x},{y}" for x, y in corners))


def test_writers_of_some_slants_are_not_in_training() -> None:
    rng = np.random.default_rng(0)
    known = [Writer.drawn(rng, False).slant for _ in range(500)]
    new = [Writer.drawn(rng, True).slant for _ in range(500)]
    assert not any(KEPT[0] < slant < KEPT[1] for slant in known)
    assert min(known) < -0.25
    assert max(known) > 0.35
    assert all(KEPT[0] <= slant <= KEPT[1] for slant in new)
    material = Strokes(TranscribeData(examples=60))
    assert {one.kind for one in material.test} == {*KINDS}
    assert {one.kind for one in material.draw(range(20), rng)} == {KINDS[0]}
    assert [one.text for one in Strokes(TranscribeData(examples=60)).test] == [one.text for one in material.test]


def test_size_does_not_matter_and_what_is_no_drawing_is_refused() -> None:
    steps_T3 = np.array([[0.0, 1, 0], [0, -1, 1], [0.5, 0, 1]])
    np.testing.assert_allclose(pen_frames(steps_T3), pen_frames(steps_T3 * [7, 7, 1]), rtol=1e-6)
    for bad in (np.zeros((0, 3)), np.zeros((3, 2)), steps_T3 * [1, 1, 0], steps_T3 * np.nan, steps_T3 * [1, 1, 2]):
        with pytest.raises(DataError):
            pen_frames(bad)


def test_fsdd_is_read(data_dir: Path) -> None:
    clips = read_clips(data_dir / "fsdd" / "recordings.tar.gz")
    assert len(clips) == 3000
    assert len({clip.speaker for clip in clips}) == 6
    assert "".join(sorted({clip.digit for clip in clips})) == "0123456789"
    assert all(0 < len(clip.samples) < 8000 * 3 for clip in clips)
