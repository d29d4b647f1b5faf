"""Paints the frames of a film and hands them to ffmpeg."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from domain.errors import BadInput, Unavailable, Unprocessable
from tools.render.colour import palette
from tools.render.layout import Plan, Scene, plan
from tools.render.paint import paint
from tools.render.slots import Slot
from tools.video.sound import bed

FPS = 24
SCENE_SECONDS = 3.0
#: Frames in which words appear, and in which one scene gives way to the next.
_APPEAR, _CROSS = 10, 8
#: How much nearer the picture has come at the end of a scene.
_ZOOM = 0.06
_TIMEOUT_S = 300


@dataclass(frozen=True)
class Film:
    """A finished film.

    Attributes:
        data: MP4, H.264 and AAC.
        seconds: How long.
        width, height: Pixels.
    """

    data: bytes
    seconds: float
    width: int
    height: int


def ffmpeg() -> str | None:
    """Return where ffmpeg is, None if it is not installed."""
    return shutil.which("ffmpeg")


def compose(scenes: Sequence[Scene], slot: Slot, program: str | None = None) -> Film:
    """Return the film of some scenes.

    Args:
        scenes: In order; each is shown for `SCENE_SECONDS`.
        slot: Where it is for.
        program: The ffmpeg to use; the one on the PATH by default.

    Raises:
        BadInput: `no_scenes`.
        Unavailable: `ffmpeg_missing`.
        Unprocessable: `film_failed` if ffmpeg refuses; `text_does_not_fit`.
    """
    found = program or ffmpeg()
    if found is None:
        raise Unavailable("ffmpeg_missing", "No video is made without ffmpeg; install it.")
    if not scenes:
        raise BadInput("no_scenes", "A film needs at least one scene.")
    seconds = len(scenes) * SCENE_SECONDS
    with tempfile.TemporaryDirectory(prefix="parley-film-") as folder:
        sound, out = Path(folder) / "bed.wav", Path(folder) / "film.mp4"
        sound.write_bytes(bed(seconds))
        _run(_command(found, slot, sound, out), frames(scenes, slot))
        data = out.read_bytes()
    if len(data) > slot.max_bytes:
        raise Unprocessable("film_failed", "The film is larger than its place takes; shorten it.")
    return Film(data, seconds, slot.width, slot.height)


def frames(scenes: Sequence[Scene], slot: Slot) -> Iterator[Image.Image]:
    """Yield every frame of the scenes, in order."""
    each = round(SCENE_SECONDS * FPS)
    last: Image.Image | None = None
    for scene in scenes:
        planned = plan(scene, slot, palette(scene.colours))
        bare = paint(replace(planned, texts=(), tag=None, bar=None, logo=None), scene)
        whole = paint(planned, scene)
        for number in range(each):
            shown = min(1.0, (number + 1) / _APPEAR)
            frame = whole.copy() if shown == 1 else Image.blend(bare, whole, shown)
            _nearer(frame, bare, planned, number / each)
            if last is not None and number < _CROSS:
                frame = Image.blend(last, frame, (number + 1) / (_CROSS + 1))
            yield frame
        last = frame


def _nearer(frame: Image.Image, bare: Image.Image, planned: Plan, share: float) -> None:
    """Move the picture a little nearer; words stay where they can be read."""
    left, top, right, bottom = planned.art
    inset = _ZOOM * share / 2
    across, down = (right - left) * inset, (bottom - top) * inset
    near = bare.resize(
        (right - left, bottom - top),
        Image.Resampling.BILINEAR,
        box=(left + across, top + down, right - across, bottom - down),
    )
    frame.paste(near, (left, top))


def _command(program: str, slot: Slot, sound: Path, out: Path) -> list[str]:
    return [
        program, "-y", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24",
        "-s", f"{slot.width}x{slot.height}", "-r", str(FPS), "-i", "-", "-i", str(sound),
        "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p",
        # Constant: plain shapes would need less than the least rate that platforms take (516 kbit/s).
        "-b:v", "1500k", "-minrate", "1500k", "-maxrate", "1500k", "-bufsize", "3000k",
        "-x264-params", "nal-hrd=cbr:force-cfr=1",
        "-c:a", "aac", "-b:a", "128k", "-shortest", "-fflags", "+bitexact", "-flags", "+bitexact",
        "-threads", "1", "-movflags", "+faststart", str(out),
    ]  # fmt: skip


def _run(command: list[str], painted: Iterator[Image.Image]) -> None:
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        said = b""
        try:
            for frame in painted:
                process.stdin.write(frame.tobytes())
            process.stdin.close()
            process.wait(_TIMEOUT_S)
        except BrokenPipeError:
            process.wait(_TIMEOUT_S)
        except BaseException:
            process.kill()
            raise
        finally:
            if process.stderr is not None:
                said = process.stderr.read()
    if process.returncode:
        words = said.decode("utf-8", "replace").strip().splitlines()
        raise Unprocessable(
            "film_failed",
            f"ffmpeg made no film: {words[-1][:200] if words else 'no reason given'}.",
        )
