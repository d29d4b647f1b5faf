"""Films: frames measured without ffmpeg, the file with it."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from domain.errors import BadInput, Unavailable, Unprocessable
from tools.render import Scene, slot_of
from tools.video import FPS, SCENE_SECONDS, compose, ffmpeg
from tools.video.compose import frames
from tools.video.sound import RATE, bed

SLOT = slot_of("tiktok.in_feed")
SCENES = [
    Scene(headline="Kaze Ridge", brand="Kaze Trail", seed="b"),
    Scene(
        headline="4 mm rubber lugs grip muddy paths.", brand="Kaze Trail", price="$138", seed="b"
    ),
]


def test_every_scene_moves_and_its_words_appear() -> None:
    shown = list(frames(SCENES[:1], SLOT))
    assert len(shown) == round(FPS * SCENE_SECONDS)
    assert {frame.size for frame in shown} == {(SLOT.width, SLOT.height)}
    picture, words = (0, 0, SLOT.width, 600), (0, 800, SLOT.width, 1240)

    def changed(first: Image.Image, second: Image.Image, box: tuple[int, int, int, int]) -> bool:
        return ImageChops.difference(first.crop(box), second.crop(box)).getbbox() is not None

    assert changed(shown[0], shown[20], words), "captions appear"
    assert not changed(shown[20], shown[60], words), "then they stand still"
    assert changed(shown[20], shown[60], picture), "the picture comes nearer"


def test_the_bed_of_sound_is_as_long_as_asked_and_begins_and_ends_quietly() -> None:
    data = bed(2.0)
    assert data == bed(2.0)
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getnframes(), file.getframerate(), file.getnchannels()) == (2 * RATE, RATE, 2)
        samples = memoryview(file.readframes(2 * RATE)).cast("h").tolist()
    assert max(samples) > 1_000
    assert abs(samples[0]) < 50
    assert abs(samples[-1]) < 50


def test_without_ffmpeg_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(Unavailable, match="install it"):
        compose(SCENES, SLOT)
    with pytest.raises(BadInput, match="scene"):
        compose([], SLOT, "ffmpeg")


def test_what_the_program_says_is_passed_on(tmp_path: Path) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\necho 'Unknown encoder libx264' >&2\nexit 1\n")
    program.chmod(0o755)
    with pytest.raises(Unprocessable, match="Unknown encoder"):
        compose(SCENES[:1], SLOT, str(program))


@pytest.mark.skipif(ffmpeg() is None, reason="ffmpeg is not installed on this machine")
def test_a_film_fits_its_place() -> None:
    film = compose(SCENES, SLOT)
    assert film.data[4:8] == b"ftyp"
    assert b"avc1" in film.data
    assert b"mp4a" in film.data
    assert (film.seconds, film.width, film.height) == (6.0, 1080, 1920)
    assert 516_000 / 8 * film.seconds < len(film.data) < SLOT.max_bytes
