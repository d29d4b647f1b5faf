"""A bed of sound: four soft chords, synthesised, the same for the same length."""

from __future__ import annotations

import io
import wave

import numpy as np

RATE = 44_100
#: A minor, F, C, G: notes in hertz, low and close.
_CHORDS = (
    (220.00, 261.63, 329.63),
    (174.61, 220.00, 261.63),
    (196.00, 261.63, 329.63),
    (196.00, 246.94, 293.66),
)
_LOUDNESS, _FADE_S = 0.18, 0.6


def bed(seconds: float) -> bytes:
    """Return a WAV file, 16 bit stereo.

    Args:
        seconds: How long.
    """
    count = round(seconds * RATE)
    at = np.arange(count) / RATE
    sound = np.zeros(count)
    part = seconds / len(_CHORDS)
    for number, chord in enumerate(_CHORDS):
        # Each chord swells and goes; neighbours overlap.
        near = np.clip(1 - np.abs(at - (number + 0.5) * part) / part, 0, 1)
        for note in chord:
            tone = np.sin(2 * np.pi * note * at) + 0.3 * np.sin(4 * np.pi * note * at)
            sound += near * tone / len(chord)
    edge = np.minimum(1, np.minimum(at, seconds - at) / _FADE_S)
    level = np.int16(np.clip(sound * edge * _LOUDNESS, -1, 1) * 32767)
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(np.repeat(level, 2).tobytes())
    return file.getvalue()
