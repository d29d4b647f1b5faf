# cython: boundscheck=True, wraparound=False, initializedcheck=False, nonecheck=True, cdivision=True
"""A folded text as code points and what kind each is: looked up once, for all loops that read a turn.

One source, compiled or not (types: `_points.pxd`). What the kinds are good for, say the loops that ask for them.
"""

from __future__ import annotations

from array import array
from functools import cache
from typing import Any

_TABLE = 65_536
#: Texts up to this length share scratch; longer ones bring their own.
_SHARED = 4_096
#: Most words of a phrase.
_PHRASE_WORDS = 4
#: Kinds, one bit each: looked at; letter or digit outside the Japanese scripts; letter or digit; letter or
#: digit but no decimal one; what regular expressions call a word character; decimal digit; any digit; mark
#: over or through a letter; of a Japanese script; blank; what breaks a phrase; what ends a sentence.
KNOWN, LETTER, ALNUM, ALPHA, INNER, DECIMAL = 1, 2, 4, 8, 16, 32
DIGIT, MARK, JAPANESE, SPACE, BREAK, SENTENCE = 64, 128, 256, 512, 1024, 2048
_KNOWN, _LETTER, _ALNUM, _ALPHA, _INNER, _DECIMAL = 1, 2, 4, 8, 16, 32
_DIGIT, _MARK, _JAPANESE, _SPACE, _BREAK, _SENTENCE = 64, 128, 256, 512, 1024, 2048


def japanese(c: Any) -> Any:
    """Return whether a character is in `text.JAPANESE`."""
    code = ord(c)
    if code < 0x3005:
        return False
    return (
        code <= 0x3007
        or 0x3041 <= code <= 0x3096
        or 0x309D <= code <= 0x309F
        or 0x30A1 <= code <= 0x30FA
        or 0x30FC <= code <= 0x30FF
        or 0x31F0 <= code <= 0x31FF
        or 0x3400 <= code <= 0x4DBF
        or 0x4E00 <= code <= 0x9FFF
        or 0xF900 <= code <= 0xFAFF
        or 0x20000 <= code <= 0x3FFFF
    )


def run_of(c: Any) -> Any:
    """Return 1 for katakana, 2 for a Latin letter or digit, 0 else: what forms must not be cut out of."""
    code = ord(c)
    if code < 128:
        return 2 if 97 <= code <= 122 or 48 <= code <= 57 or 65 <= code <= 90 else 0
    if 0x30A1 <= code <= 0x30FA or 0x30FC <= code <= 0x30FF or 0x31F0 <= code <= 0x31FF:
        return 1
    return 2 if c.isalnum() and not japanese(c) else 0


def _kind(c: Any) -> Any:
    """Return the kinds of one character."""
    code = ord(c)
    kind = _KNOWN
    ours = japanese(c)
    if c.isalnum():
        kind |= _ALNUM | _INNER
        if not ours:
            kind |= _LETTER
        if not c.isdecimal():
            kind |= _ALPHA
    if code == 95:
        kind |= _INNER
    if c.isdecimal():
        kind |= _DECIMAL
    if c.isdigit():
        kind |= _DIGIT
    if 0x300 <= code <= 0x36F:
        kind |= _MARK
    if ours:
        kind |= _JAPANESE | _BREAK
    if c.isspace():
        kind |= _SPACE
    if c in ".!?,;:\u2026\u3001\u3002\u2014\u2015\ufffd":
        kind |= _BREAK
    if c in ".!?\n":
        kind |= _SENTENCE
    return kind


class Points:
    """One text, cut into code points. Take one from the reader and give it back.

    Args:
        room: Most characters of a text.

    Attributes:
        text: The text. total: Its length. seen: All kinds that are in it.
        codes, kinds: One entry per character, and a 0 behind the last.
    """

    def __init__(self, room: int) -> None:
        self.room = room
        self.text = ""
        self.total = 0
        self.seen = 0
        self.codes = array("I", bytes(4 * (room + 1)))
        self.kinds = array("H", bytes(2 * (room + 1)))


class Reader:
    """The kinds of characters, learned as they turn up, and scratch for texts."""

    def __init__(self) -> None:
        self.table = array("H", bytes(2 * _TABLE))
        self.pool: list[Points] = []

    def read(self, text: str) -> Points:
        """Return the code points of a text, with their kinds."""
        total = len(text)
        shared = total <= _SHARED
        points = self.pool.pop() if shared and self.pool else Points(max(total, _SHARED))
        codes = points.codes
        kinds = points.kinds
        table = self.table
        seen = 0
        at = 0
        for c in text:
            code = ord(c)
            if code < _TABLE:
                kind = table[code]
                if kind == 0:
                    kind = _kind(c)
                    table[code] = kind
            else:
                kind = _kind(c)
            codes[at] = code
            kinds[at] = kind
            seen |= kind
            at += 1
        codes[at] = 0
        kinds[at] = 0
        points.text = text
        points.total = total
        points.seen = seen
        return points

    def give(self, points: Points) -> None:
        """Take back the scratch of a text that is read: nothing of it is kept but numbers soon overwritten."""
        points.text = ""
        if points.room == _SHARED:
            self.pool.append(points)


@cache
def reader() -> Reader:
    """Return the reader of this process."""
    return Reader()


class Scratch:
    """Where one scan keeps the words of a text. Scans take one from the pool and give it back.

    Args:
        total: Most characters of a text.
    """

    def __init__(self, total: int) -> None:
        room = total // 2 + 2
        self.starts = array("i", bytes(4 * room))
        self.ends = array("i", bytes(4 * room))
        self.bases = array("i", bytes(4 * room))
        self.flags = array("i", bytes(4 * room))
        #: Of each word, the hashes of the phrases of one to four words that end with it.
        self.hashes = array("Q", bytes(8 * _PHRASE_WORDS * room))
        #: Of those that may be keys: word and size, as 4 x word + size.
        self.places = array("i", bytes(4 * _PHRASE_WORDS * room))
