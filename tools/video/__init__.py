"""Short films from scenes: motion, captions and a quiet bed of sound, through ffmpeg where it is installed."""

from tools.video.compose import FPS, SCENE_SECONDS, Film, compose, ffmpeg

__all__ = ["FPS", "SCENE_SECONDS", "Film", "compose", "ffmpeg"]
