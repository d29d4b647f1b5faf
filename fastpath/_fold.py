# cython: boundscheck=True, wraparound=False, initializedcheck=False, nonecheck=True, cdivision=True
"""Folding at one table look-up per character, for texts whose characters fold independently of each other.

`text.fold` says what folding is; it is asked once per character that turns up. One source, compiled or not
(types: `_fold.pxd`).
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Any

_TABLE = 65_536
_RARE = 4_096
#: Fates of a character besides the code point that it becomes.
_NEW, _TIED, _GONE, _MORE = -1, -2, -3, -4


class Folder:
    """Remembers what characters become.

    Args:
        alone: Returns what a character becomes, or None if that depends on what stands beside it.
    """

    def __init__(self, alone: Callable[[str], str | None]) -> None:
        self.alone = alone
        self.fates = array("i", [_NEW]) * _TABLE
        self.rare: dict[int, int] = {}
        self.more: dict[int, str] = {}

    def fold(self, text: str) -> str | None:
        """Return a text folded, or None if one of its characters depends on its neighbours."""
        total = len(text)
        room = total + total // 2 + 16
        out = array("I", bytes(4 * room))
        points = out
        used = 0
        same = True
        for k in range(total):
            code = ord(text[k])
            if code < _TABLE:
                fate = self.fates[code]
                if fate == _NEW:
                    fate = self._learn(code)
                    self.fates[code] = fate
            else:
                fate = self._rare(code)
            if fate >= 0:
                if used >= room:
                    return None
                points[used] = fate
                used += 1
                same = same and fate == code
                continue
            same = False
            if fate == _TIED:
                return None
            if fate == _MORE:
                for c in self.more[code]:
                    if used >= room:
                        return None
                    points[used] = ord(c)
                    used += 1
        if same:
            return text
        return out[:used].tobytes().decode("utf-32-le")

    def _rare(self, code: Any) -> Any:
        """Return the fate of a character outside the table; a few thousand are kept."""
        fate = self.rare.get(code)
        if fate is None:
            fate = self._learn(code)
            if len(self.rare) >= _RARE:
                self.rare = {}
            self.rare[code] = fate
        return fate

    def _learn(self, code: Any) -> Any:
        become = self.alone(chr(code))
        if become is None:
            return _TIED
        if len(become) == 1:
            return ord(become)
        if not become:
            return _GONE
        self.more[code] = become
        return _MORE
