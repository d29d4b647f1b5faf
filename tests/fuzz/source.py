"""Turns the bytes of a fuzzer into texts, numbers and choices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

One = TypeVar("One")

#: What texts are made of: words that mean something to the core, and what surrounds or breaks them.
PIECES: Final = (
    "laptop", "trail", "running", "shoes", "c++", "c#", ".net", "wi-fi", "asp.net", "coffee", "car insurance",
    "it's", "nike's", "kill", "myself", "i want to ", "die", "legal thriller", "buy", "under $200", "iphone15",
    "best", "hello", "thanks", "ノートパソコン", "自動車保険", "コーヒー", "死にたい", "おすすめ", "こんにちは",
    "を", "が", "ー", "東京", "円", "20", " ", " ", " ", " ", "-", "/", ". ", ", ", "! ", "?", "\n", "\n\n", "'s ",
    "'", "+", "#", "_", "&", "é", "ß", "²", "\u0301", "\u3099", "\u200b", "\u202e", "\ufe0f", "\ud800", "…", "👟",
    "für", "привет", "안녕", "这个", "ﷺ", "ｶﾞ", "Ａ", "\0", "\t", "\u3000",
)  # fmt: skip


class Source:
    """Hands out what the bytes say; when they are used up, zeros.

    Args:
        data: The bytes.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def byte(self) -> int:
        """Return the next byte."""
        self._at += 1
        return self._data[self._at - 1] if self._at <= len(self._data) else 0

    def number(self, limit: int) -> int:
        """Return a number from 0 to `limit` - 1."""
        value = self.byte()
        if limit > 256:
            value = value << 16 | self.byte() << 8 | self.byte()
        return value % limit

    def choice(self, of: Sequence[One]) -> One:
        """Return one of some things."""
        return of[self.number(len(of))]

    def left(self) -> int:
        """Return how many bytes are left."""
        return max(0, len(self._data) - self._at)

    def text(self, most: int = 4_000) -> str:
        """Return a text: pieces and any code points, or (high first byte) the rest as UTF-8."""
        if self.byte() >= 192:
            rest = self._data[self._at :]
            self._at = len(self._data)
            return rest.decode("utf-8", "surrogateescape")[:most]
        parts: list[str] = []
        while self.left() and len(parts) < most:
            kind = self.byte()
            if kind == 255:
                break
            if kind >= 224:
                parts.append(chr(self.number(0x110000)))
            elif kind >= 200:
                parts.append(parts[-1] * self.byte() if parts and len(parts[-1]) < 64 else "a")
            else:
                parts.append(PIECES[kind % len(PIECES)])
        return "".join(parts)[:most]
