# cython: boundscheck=True, wraparound=False, initializedcheck=False, nonecheck=True, cdivision=True
"""What the characters and words of a text say about its language: counts, added up in one pass.

One source, compiled or not (types: `_tongue.pxd`). `language` says what the counts mean.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fastpath._points import Points, reader

_PRIME = 0x9E3779B97F4A7C15
_MIX = 0xBF58476D1CE4E5B9
_MASK = 0xFFFFFFFFFFFFFFFF
_ROW = 2_097_152
_LETTERS = 8_192
_PAIRS = 4_096
_MOST = 64
#: Words from this length on are looked at for their endings.
_LONG = 6
#: Kinds of characters, as in `_points`.
_ALPHA, _WORD = 8, 16


class Scores:
    """The points of each language in one text. Readings take one from the pool and give it back."""

    def __init__(self) -> None:
        self.points = array("i", bytes(4 * _MOST))


class Tongue:
    """The word lists, letters and endings of languages, and the ranges of scripts; immutable.

    Args:
        words: Word → languages that list it.
        letters: Letter → languages that use it and the home language does not.
        endings: Language → endings of its words.
        home: The language that listed words are not asked for endings in.
        accents: (first, last code point, language, points) of ranges of letters that count once.
        scripts: (first, last code point, number of the script) in multiples of 16.
    """

    def __init__(
        self,
        words: Mapping[str, Sequence[str]],
        letters: Mapping[str, Sequence[str]],
        endings: Mapping[str, Iterable[str]],
        home: str,
        accents: Sequence[tuple[int, int, str, int]],
        scripts: Sequence[tuple[int, int, int]],
    ) -> None:
        seen = {name for found in (*words.values(), *letters.values()) for name in found}
        #: In alphabetic order: of equal scores the first one counts.
        self.names = tuple(
            sorted(seen | set(endings) | {home} | {name for _, _, name, _ in accents})
        )
        if len(self.names) > _MOST:
            raise ValueError(f"{len(self.names)} languages: at most {_MOST} can be told apart")
        number = {name: at for at, name in enumerate(self.names)}
        self.home = number[home]
        self.seed = hash("parley-language") & _MASK
        rows: list[tuple[int, int]] = []
        starts = [0]
        numbers: dict[int, int] = {}
        local: list[int] = []
        for word, found in words.items():
            numbers[self.word_hash(word)] = len(local)
            points = 1 if len(word) == 1 else 4 if len(found) == 1 else 2
            rows += [(number[name], points) for name in found]
            starts.append(len(rows))
            local.append(home in found)
        table: dict[int, int] = {}
        for letter, found in letters.items():
            table[ord(letter)] = len(starts) - 1
            rows += [(number[name], 2 if len(found) == 1 else 1) for name in found]
            starts.append(len(rows))
        self.row_from = array("i", starts)
        self.row_names = array("i", [name for name, _ in rows] or [0])
        self.row_points = array("i", [points for _, points in rows] or [0])
        self.local = array("B", local or [0])
        self.word_keys, self.word_rows, self.word_mask = _table(numbers)
        self.letters = array("i", [table.get(code, -1) for code in range(_LETTERS)])
        self._plant(endings)
        self.pool: list[Scores] = []
        self.accents = [(low, high, number[name], points) for low, high, name, points in accents]
        blocks = bytearray(4_096)
        for low, high, script in scripts:
            for block in range(low >> 4, (high >> 4) + 1):
                blocks[block] = script + 1
        self.blocks = blocks
        self.scripts = max((script for _, _, script in scripts), default=-1) + 1

    def _plant(self, endings: Mapping[str, Iterable[str]]) -> None:
        """Grow the trie of endings, read from the last letter."""
        edges: dict[tuple[int, int], int] = {}
        accepts = [0]
        #: Whether endings have such last two letters: most words end there.
        self.last = bytearray(_PAIRS)
        for name, found in endings.items():
            for ending in found:
                node = 0
                for char in reversed(ending):
                    node = edges.setdefault((node, ord(char)), len(accepts))
                    if node == len(accepts):
                        accepts.append(0)
                accepts[node] |= 1 << self.names.index(name)
                pair = _pair(ord(ending[-1]), ord(ending[-2]))
                self.last[pair] = 1
        self.accepts = array("Q", accepts)
        keys = {node * _ROW + code + 1: to for (node, code), to in edges.items()}
        self.ending_keys, self.ending_to, self.ending_mask = _table(keys)

    def word_hash(self, word: str) -> int:
        """Return the keyed hash of a word; never 0."""
        h = self.seed
        for i in range(len(word)):
            h = _step(h, ord(word[i]))
        return int(_end(h))

    def survey(  # noqa: C901 - one pass over the characters
        self, sample: str
    ) -> tuple[int, int, bool, int]:
        """Return what scripts a folded text is in.

        Returns:
            Latin letters; the first script that makes up a quarter of all letters, or -1; whether kana
            stands in it; Han characters.
        """
        counts = array("i", bytes(4 * (self.scripts + 2)))
        seen = counts
        latin = 0
        letters = 0
        han = 0
        kana = False
        for k in range(len(sample)):
            c = sample[k]
            code = ord(c)
            if code < 128:
                if 97 <= code <= 122 or 65 <= code <= 90:
                    latin += 1
                    letters += 1
                continue
            if code < 65_536:
                seen[self.blocks[code >> 4]] += 1
                if 0x3041 <= code <= 0x30FC:
                    kana = kana or code <= 0x3096 or 0x30A1 <= code <= 0x30FA or code == 0x30FC
                elif 0x4E00 <= code <= 0x9FFF or 0x3400 <= code <= 0x4DBF:
                    han += 1
                elif 0xFF66 <= code <= 0xFF9D:
                    kana = True
            if c.isalpha():
                letters += 1
                if code < 0x250 or 0x1E00 <= code <= 0x1EFF:
                    latin += 1
        foreign = -1
        if letters > 0:
            for script in range(self.scripts):
                if 4 * seen[script + 1] >= letters:
                    foreign = script
                    break
        return latin, foreign, kana, han

    def evidence(self, sample: str) -> tuple[int, int, int, int]:
        """Return what the words, letters and endings of a folded text speak for; see `evidence_in`."""
        points = reader().read(sample)
        found: tuple[int, int, int, int] = self.evidence_in(points)
        reader().give(points)
        return found

    def evidence_in(self, points: Points) -> tuple[int, int, int, int]:
        """Return what the words, letters and endings of a folded text speak for.

        Returns:
            Words; points of the home language; number of the best other language, or -1; its points.
        """
        pooled = self.pool.pop() if self.pool else Scores()
        scores = pooled.points
        for name in range(len(self.names)):
            scores[name] = 0
        codes = points.codes
        kinds = points.kinds
        total = points.total
        words = 0
        i = 0
        before = False
        while i < total:
            if before or not kinds[i] & _ALPHA:
                before = bool(kinds[i] & _WORD)
                i += 1
                continue
            start = i
            end = 0
            h = word = self.seed
            while True:
                while kinds[i] & _ALPHA:
                    h = _step(h, codes[i])
                    i += 1
                if kinds[i] & _WORD:
                    break  # a digit or _ belongs to it: only what stands before the last ' is a word
                end = i
                word = h
                if i < total and codes[i] == 39 and kinds[i + 1] & _ALPHA:
                    h = _step(h, 39)
                    i += 1
                    continue
                break
            before = bool(kinds[i] & _WORD)
            if end > start:
                words += 1
                self._weigh(_end(word), points, start, end, pooled)
        if not points.text.isascii():
            self._letters(points.text, pooled)
        best = -1
        top = 0
        for name in range(len(self.names)):
            if name != self.home and scores[name] > top:
                best = name
                top = scores[name]
        home = scores[self.home]
        self.pool.append(pooled)
        return words, home, best, top

    def _weigh(self, h: Any, points: Any, start: Any, end: Any, pooled: Any) -> Any:
        """Add the points of one word."""
        at = h & self.word_mask
        number = -1
        while True:
            seen = self.word_keys[at]
            if seen == h:
                number = self.word_rows[at]
                break
            if seen == 0:
                break
            at = (at + 1) & self.word_mask
        if number >= 0:
            for k in range(self.row_from[number], self.row_from[number + 1]):
                pooled.points[self.row_names[k]] += self.row_points[k]
            if self.local[number]:
                return 0
        if end - start < _LONG:
            return 0
        bits = self._endings(points, start, end)
        name = 0
        while bits:
            if bits & 1:
                pooled.points[name] += 1
            bits >>= 1
            name += 1
        return 0

    def _endings(self, points: Any, start: Any, end: Any) -> Any:
        """Return the languages, one bit each, that a word ends like."""
        bits = 0
        node = 0
        if not self.last[_pair(points.codes[end - 1], points.codes[end - 2])]:
            return 0
        for k in range(end - start):
            wanted = node * _ROW + points.codes[end - 1 - k] + 1
            at = wanted & self.ending_mask
            node = -1
            while True:
                seen = self.ending_keys[at]
                if seen == wanted:
                    node = self.ending_to[at]
                    break
                if seen == 0:
                    break
                at = (at + 1) & self.ending_mask
            if node < 0:
                break
            bits |= self.accepts[node]
        return bits

    def _letters(self, sample: Any, pooled: Any) -> Any:
        """Add the points of letters that the home language does not use."""
        scores = pooled.points
        high = 0
        for k in range(len(sample)):
            code = ord(sample[k])
            if code < 128:
                continue
            high = code if code > high else high
            if code < _LETTERS:
                number = self.letters[code]
                if number >= 0:
                    for j in range(self.row_from[number], self.row_from[number + 1]):
                        scores[self.row_names[j]] += self.row_points[j]
        if high:
            for low, last, name, points in self.accents:
                if any(low <= ord(c) <= last for c in sample):
                    scores[name] += points
        return 0


def _pair(last: Any, before: Any) -> Any:
    return (last & 63) << 6 | (before & 63)


def _step(h: Any, code: Any) -> Any:
    h = ((h ^ code) * _PRIME) & _MASK
    return h ^ (h >> 29)


def _end(h: Any) -> Any:
    h = ((h ^ (h >> 32)) * _MIX) & _MASK
    h ^= h >> 31
    return h if h else 1


def _table(entries: Mapping[int, int]) -> tuple[Any, Any, int]:
    """Return keys, values and mask of an open-addressed table at most half full."""
    size = 8
    while size < 2 * len(entries) + 1:
        size *= 2
    keys = array("Q", bytes(8 * size))
    values = array("i", bytes(4 * size))
    for key, value in entries.items():
        at = key & (size - 1)
        while keys[at]:
            at = (at + 1) & (size - 1)
        keys[at] = key
        values[at] = value
    return keys, values, size - 1
