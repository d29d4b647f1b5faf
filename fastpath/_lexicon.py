# cython: boundscheck=True, wraparound=False, initializedcheck=False, nonecheck=True, cdivision=True
"""Word phrases of a lexicon as a trie over hashed words; types for the compiled form are in `_lexicon.pxd`.

A phrase is a row of parts: an exact word, `word*` (any ending), `{class}` (one of a set of words) and `...` (up
to three words between). Each distinct part is a symbol; a text word shows the symbols that fit it. The hash
is keyed per process, so nobody can craft a word that passes for another.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fastpath._points import Points, reader

_PRIME = 0x9E3779B97F4A7C15
_MIX = 0xBF58476D1CE4E5B9
_MASK = 0xFFFFFFFFFFFFFFFF
_GAP = 3
#: Words remembered as harmless: so many sets of so many, the latest of a set first.
_SETS = 16_384
_WAYS = 4
_PREFIX = 0x5851F42D4C957F2D
_ROW = 1_048_576
_LONGEST_PREFIX = 31
_OPENINGS = 4_096
_ONE = 1
#: Kinds of characters, as in `_points`.
_ALNUM, _OVER, _SENTENCE = 4, 128, 2048
#: Bits of categories; (category, first word, end word) of each phrase; whether words are left; (start, end).
Found = tuple[int, list[tuple[int, int, int]], bool, list[tuple[int, int]]]
#: Texts up to this length share scratch; longer ones bring their own.
_SHARED = 4_096


def _step(h: Any, code: Any) -> Any:
    h = ((h ^ code) * _PRIME) & _MASK
    return h ^ (h >> 29)


def _end(h: Any) -> Any:
    h = ((h ^ (h >> 32)) * _MIX) & _MASK
    h ^= h >> 31
    return h if h else 1


class Table:
    """Non-zero 64-bit hash → number, in open addressing at most half full.

    Args:
        entries: What it holds; hashes are not 0, numbers are not negative.
    """

    def __init__(self, entries: Mapping[int, int]) -> None:
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
        self.keys = keys
        self.values = values
        self.mask = size - 1

    def get(self, key: Any) -> Any:
        """Return the number of a hash, or -1."""
        at = key & self.mask
        while True:
            seen = self.keys[at]
            if seen == key:
                return self.values[at]
            if seen == 0:
                return -1
            at = (at + 1) & self.mask


class Scratch:
    """Where one scan keeps what the words of a text show. Scans take one from the pool and give it back.

    Args:
        total: Most characters of a text.
    """

    def __init__(self, total: int) -> None:
        self.bits = 0
        self.covered = 0
        self.symbols = array("i", bytes(4 * (4 * total + 8)))
        self.marks = bytearray(total + 2)
        self.offsets = array("i", bytes(4 * (total + 2)))


class Lexicon:
    """All phrases of one lexicon; immutable but for the memory of harmless words.

    Args:
        rows: (category number, parts) pairs; a part is a word, `word*`, `...`, or a name in `classes`.
        classes: Words of each class.
        cover: Number of the category that `scan` looks at as a cover of the text, or -1.
        watch: Whether `scan` also names the words of 3 to 13 letters not yet known to be harmless.
    """

    def __init__(
        self,
        rows: Iterable[tuple[int, Sequence[str]]],
        classes: Mapping[str, frozenset[str]],
        *,
        cover: int = -1,
        watch: bool = False,
    ) -> None:
        self.seed = hash("parley-lexicon") & _MASK
        self.watch = watch
        self.cover = cover
        self.memo = array("Q", bytes(8 * _SETS * _WAYS))
        self.pool: list[Scratch] = []
        symbols: dict[str, int] = {}
        edges: dict[tuple[int, int], int] = {}
        gaps: dict[int, int] = {}
        accepts: dict[int, list[int]] = {}
        nodes = 1
        for category, parts in rows:
            if parts[0] == "..." or parts[0] in classes:
                continue  # a phrase starts with a word
            node = 0
            for part in parts:
                if part == "...":
                    if node not in gaps:
                        gaps[node] = nodes
                        nodes += 1
                    node = gaps[node]
                    continue
                symbol = symbols.setdefault(part, len(symbols))
                if (node, symbol) not in edges:
                    edges[node, symbol] = nodes
                    nodes += 1
                node = edges[node, symbol]
            accepts.setdefault(node, []).append(category)
        self._symbols(symbols, classes)
        self.edges = Table({_edge(node, symbol): to for (node, symbol), to in edges.items()})
        self.roots = array(
            "i", [edges.get((0, symbol), -1) for symbol in range(len(symbols))] or [0]
        )
        self.gap_to = array("i", [gaps.get(node, -1) for node in range(nodes)])
        flat: list[int] = []
        ends = [0]
        for node in range(nodes):
            flat += accepts.get(node, ())
            ends.append(len(flat))
        self.accept_from = array("i", ends)
        self.accepts = array("i", flat or [0])

    def _symbols(self, symbols: dict[str, int], classes: Mapping[str, frozenset[str]]) -> None:
        rows: dict[str, list[int]] = {}
        prefixes: dict[int, int] = {}
        self.lengths = 0
        openings = [0] * _OPENINGS
        for part, symbol in symbols.items():
            if part in classes:
                for word in classes[part]:
                    rows.setdefault(word, []).append(symbol)
            elif part.endswith("*"):
                length = len(part) - 1
                if not 0 < length <= _LONGEST_PREFIX:
                    raise ValueError(
                        f"{part!r}: an open ending needs 1 to {_LONGEST_PREFIX} letters"
                    )
                prefixes[self.prefix_hash(part.removesuffix("*"))] = symbol
                if length == 1:
                    self.lengths = 2
                else:
                    openings[self.opening(part)] |= 1 << length
            else:
                rows.setdefault(part, []).append(symbol)
        starts = [0]
        flat: list[int] = []
        numbers: dict[int, int] = {}
        for number, (word, found) in enumerate(sorted(rows.items())):
            numbers[self.word_hash(word)] = number
            flat += found
            starts.append(len(flat))
        self.row_from = array("i", starts)
        self.row = array("i", flat or [0])
        self.openings = array("I", openings)
        self.words = Table(numbers)
        self.prefixes = Table(prefixes)

    def word_hash(self, word: str) -> int:
        """Return the hash of a whole word."""
        h = self.seed
        for i in range(len(word)):
            h = _step(h, ord(word[i]))
        return int(_end(h))

    def prefix_hash(self, word: str) -> int:
        """Return the hash of the start of a word."""
        h = self.seed
        for i in range(len(word)):
            h = _step(h, ord(word[i]))
        return int(_end(h ^ _PREFIX))

    def opening(self, word: str) -> int:
        """Return where the lengths of the prefixes stand that start with the first two letters of a word."""
        return int(_step(_step(self.seed, ord(word[0])), ord(word[1])) & (_OPENINGS - 1))

    def harmless(self, word: str) -> None:
        """Remember that a word need not be looked at again."""
        h = self.word_hash(word)
        first = (h >> 40 & (_SETS - 1)) * _WAYS
        for way in range(_WAYS - 1, 0, -1):
            self.memo[first + way] = self.memo[first + way - 1]
        self.memo[first] = h

    def _is_harmless(self, h: Any) -> Any:
        """Return whether a word with that hash has been looked at."""
        first = (h >> 40 & (_SETS - 1)) * _WAYS
        for way in range(_WAYS):  # noqa: SIM110 - compiled
            if self.memo[first + way] == h:
                return True
        return False

    def scan(self, text: str) -> Found:
        """Return what stands in a folded text; see `scan_in`."""
        points = reader().read(text)
        found: Found = self.scan_in(points)
        reader().give(points)
        return found

    def scan_in(self, points: Points) -> Found:
        """Return what stands in a folded text.

        Sentence marks count as words.

        Returns:
            Bits of the categories found; (category, first word, end word) of each phrase found; whether
            the cover leaves a word that is no mark; (start, end) of words to be looked at.
        """
        total = points.total
        shared = total <= _SHARED
        scratch = self.pool.pop() if shared and self.pool else Scratch(max(total, _SHARED))
        found: Found = self._scan(points, scratch)
        if shared:
            self.pool.append(scratch)
        return found

    def _scan(self, points: Any, scratch: Any) -> Any:  # noqa: C901 - one pass over the characters
        codes = points.codes
        kinds = points.kinds
        openings = self.openings
        total = points.total
        symbols = scratch.symbols
        offsets = scratch.offsets
        marks = scratch.marks
        watched: list[tuple[int, int]] = []
        count = 0
        used = 0
        i = 0
        while i < total:
            kind = kinds[i]
            if not kind & _ALNUM:
                if kind & _SENTENCE:
                    marks[count] = 1
                    used = self._show(_end(_step(self.seed, codes[i])), scratch, used)
                    count += 1
                    offsets[count] = used
                i += 1
                continue
            h = self.seed
            start = i
            length = 0
            lengths = self.lengths
            while True:
                h = _step(h, codes[i])
                length += 1
                if length == 2:
                    lengths = openings[h & (_OPENINGS - 1)]
                if lengths and length <= _LONGEST_PREFIX and (lengths >> length) & 1:
                    symbol = self.prefixes.get(_end(h ^ _PREFIX))
                    if symbol >= 0:
                        symbols[used] = symbol
                        used += 1
                i += 1
                while kinds[i] & _OVER:
                    i += 1  # marks over and through letters do not hide the word
                if kinds[i] & _ALNUM:
                    continue
                if i < total and codes[i] == 39 and kinds[i + 1] & _ALNUM:
                    i += 1
                    continue
                break
            h = _end(h)
            if self.watch and 2 < length < 14 and not self._is_harmless(h):
                watched.append((start, i))
            used = self._show(h, scratch, used)
            marks[count] = 0
            count += 1
            offsets[count] = used
        scratch.bits = 0
        scratch.covered = 0
        left = False
        hits: list[tuple[int, int, int]] = []
        for at in range(count):
            for k in range(offsets[at], offsets[at + 1]):
                node = self.roots[symbols[k]]
                if node >= 0:
                    self._walk(node, at, at + 1, count, scratch, hits)
            left = left or (at >= scratch.covered and not marks[at])
        return scratch.bits, hits, left, watched

    def _show(self, h: Any, scratch: Any, used: Any) -> Any:
        """Write down the symbols of a whole word; returns how many are written."""
        number = self.words.get(h)
        if number < 0:
            return used
        for k in range(self.row_from[number], self.row_from[number + 1]):
            scratch.symbols[used] = self.row[k]
            used += 1
        return used

    def _walk(self, node: Any, start: Any, at: Any, count: Any, scratch: Any, hits: Any) -> Any:
        """Follow the trie from a node reached before word `at`."""
        self._accept(node, start, at, scratch, hits)
        if at < count:
            for k in range(scratch.offsets[at], scratch.offsets[at + 1]):
                to = self.edges.get(_edge(node, scratch.symbols[k]))
                if to >= 0:
                    self._walk(to, start, at + 1, count, scratch, hits)
        gap = self.gap_to[node]
        if gap < 0:
            return 0
        self._accept(gap, start, at, scratch, hits)
        for skip in range(_GAP + 1):
            if at + skip >= count:
                return 0
            for k in range(scratch.offsets[at + skip], scratch.offsets[at + skip + 1]):
                # The nearest word that fits a part is the one that counts.
                first = True
                for j in range(scratch.offsets[at], scratch.offsets[at + skip]):
                    if scratch.symbols[j] == scratch.symbols[k]:
                        first = False
                        break
                to = self.edges.get(_edge(gap, scratch.symbols[k])) if first else -1
                if to >= 0:
                    self._walk(to, start, at + skip + 1, count, scratch, hits)
        return 0

    def _accept(self, node: Any, start: Any, end: Any, scratch: Any, hits: Any) -> Any:
        """Note the phrases that end at a node."""
        for k in range(self.accept_from[node], self.accept_from[node + 1]):
            category = self.accepts[k]
            scratch.bits |= _ONE << category
            hits.append((category, start, end))
            if category == self.cover and end > scratch.covered:
                scratch.covered = end
        return 0


def _edge(node: Any, symbol: Any) -> Any:
    """Return the spread key of (node, symbol)."""
    h = ((node * _ROW + symbol + 1) * _MIX) & _MASK
    h ^= h >> 31
    return h if h else 1
