# cython: boundscheck=True, wraparound=False, initializedcheck=False, nonecheck=True, cdivision=True
"""The inner loops of matching: keyed hashing and scanning over flat arrays.

The same source runs as plain Python and, where a C compiler was there at set-up, as a compiled extension
(types: `_core.pxd`). Every found form is verified against its string: nobody can craft a collision.
"""

from __future__ import annotations

from array import array
from typing import Any

from fastpath._points import Points, Scratch, japanese, reader, run_of

try:
    import cython
except ImportError:  # Cython is a build tool; plain Python needs only its names
    from fastpath import _nocython as cython

_MASK = 0xFFFFFFFFFFFFFFFF
_PRIME = 0x9E3779B97F4A7C15
_MIX = 0xBF58476D1CE4E5B9
#: Marks of a word: a dot in front belongs to it, + or # behind do, its base may not stand for it.
#: It may begin a longer key.
_DOT, _TAIL, _SHORT, _OPENS = 1, 2, 4, 8
#: Bits of the hash of a word that `openings` looks at, and what they are above.
OPENING_BITS = 18
_OPENING = 64 - OPENING_BITS
_MOST_WORDS = 4
#: Kinds of characters, as in `_points`.
_LETTER, _JOINED, _BLANK, _BREAK = 2, 128, 512, 1024
_TABLE = 65_536
#: `form_keys.MARK`, and how far the words that it marks reach beyond a form.
_MARK = 0xFFFE
_AROUND = 8
#: Texts up to this length share scratch; longer ones bring their own.
_SHARED = 4_096


def is_compiled() -> bool:
    """Return whether this module runs as machine code."""
    return bool(cython.compiled)


def core_info() -> dict[str, Any]:
    """Return whether the inner loops run as machine code, and from which file."""
    compiled = is_compiled()
    note = "compiled" if compiled else "plain Python: correct, but slower than compiled"
    return {"compiled": compiled, "module": __file__, "note": note}


def _step(h: Any, code: Any) -> Any:
    h = ((h ^ code) * _PRIME) & _MASK
    return h ^ (h >> 29)


def _finish(h: Any) -> Any:
    h = ((h ^ (h >> 32)) * _MIX) & _MASK
    h ^= h >> 31
    return h if h else 1


def hash_text(seed: int, text: str) -> int:
    """Return the keyed 64-bit hash of a string; never 0, which marks an empty slot."""
    return int(_hash(seed, text))


def _hash(seed: Any, text: Any) -> Any:
    h = (seed ^ _PRIME) & _MASK
    for i in range(len(text)):
        h = _step(h, ord(text[i]))
    return _finish(h)


def _word_end(points: Any, at: Any) -> Any:
    """Return where the word that starts at `at` ends."""
    i = at + 1
    while True:
        if points.kinds[i] & (_LETTER | _JOINED):
            i += 1
        elif points.codes[i] == 39 and points.kinds[i + 1] & _LETTER:
            i += 2
        else:
            return i


def _owns_dot(points: Any, start: Any) -> Any:
    """Return whether the dot before a word belongs to it: it follows a blank or an opening sign."""
    if start == 0 or points.codes[start - 1] != 46:
        return False
    if start == 1 or points.kinds[start - 2] & _BLANK:
        return True
    return points.text[start - 2] in "([{\"'/"


def _owns_tail(points: Any, end: Any) -> Any:
    """Return whether + or # behind a word belong to it; a single one between two words does not."""
    i = end
    while points.codes[i] == 43 or points.codes[i] == 35:
        i += 1
    return i > end and not (i == end + 1 and points.kinds[i] & _LETTER)


def _breaks(points: Any, start: Any, end: Any) -> Any:
    """Return whether what stands between two words ends a phrase (`text._BREAK`)."""
    codes = points.codes
    kinds = points.kinds
    for i in range(start, end):
        code = codes[i]
        if kinds[i] & _BREAK or (code == 45 and i + 1 < end and codes[i + 1] == 45):
            return True
        if code == 10:
            for j in range(i + 1, end):
                if codes[j] == 10:
                    return True
                if not kinds[j] & _BLANK:
                    c = points.text[j]
                    if not (c.isalnum() or c == "_"):
                        return True
                    break
    return False


class Matcher:
    """The form table of one snapshot and what its forms stand for.

    Args:
        tables: Object with the arrays of `layout.ARRAYS` as attributes, `seed` and `bucket_bits`.
        longest: Most words a key has.
        contracted: Words whose 's is never a possessive.
    """

    def __init__(self, tables: Any, longest: int, contracted: frozenset[str]) -> None:
        self.start = (tables.seed ^ _PRIME) & _MASK
        self.longest = min(longest, _MOST_WORDS)
        self.contracted = contracted
        self.shift = 64 - tables.bucket_bits
        self.buckets = memoryview(tables.buckets)
        self.prints = memoryview(tables.prints)
        self.form_offsets = memoryview(tables.form_offsets)
        self.form_blob = memoryview(tables.form_blob)
        self.form_plain = memoryview(tables.form_plain)
        self.form_tag_offsets = memoryview(tables.form_tag_offsets)
        self.form_tags = memoryview(tables.form_tags)
        self.pool: list[Scratch] = []
        self.limits = array("i", bytes(4 * _TABLE))
        self.known: dict[str, int] | None = None
        #: See `openings`: until they are known, each word may begin a key.
        self.opening = bytearray(b"\xff" * (1 << OPENING_BITS - 3))

    def words(self, text: str) -> tuple[set[int], list[tuple[int, int]]]:
        """Scan a folded text for keys made of words; see `words_in`."""
        points = reader().read(text)
        found: tuple[set[int], list[tuple[int, int]]] = self.words_in(points)
        reader().give(points)
        return found

    def words_in(self, points: Points) -> tuple[set[int], list[tuple[int, int]]]:
        """Scan a folded text for keys made of words.

        Returns:
            Plain surface forms that fit; (number of the first word, form) of those with symbols of their
            own that may stand there, to be compared and judged by `text.fits`.
        """
        found: set[int] = set()
        unsure: list[tuple[int, int]] = []
        total = points.total
        shared = total <= _SHARED
        scratch = self.pool.pop() if shared and self.pool else Scratch(max(total, _SHARED))
        count = self._keys(self._cut(points, scratch), scratch)
        for at in range(count):
            wanted = scratch.hashes[at]
            bucket = wanted >> self.shift
            for form in range(self.buckets[bucket], self.buckets[bucket + 1]):
                if self.prints[form] == wanted & 0xFFFF:
                    self._look(form, points, scratch, scratch.places[at], found, unsure)
        if shared:
            self.pool.append(scratch)
        return found, unsure

    def _keys(self, count: Any, scratch: Any) -> Any:
        """Keep the hashes whose buckets hold something, before the first is judged; returns how many."""
        # Look-ups that nothing depends on do not wait for each other.
        hashes = scratch.hashes
        places = scratch.places
        buckets = self.buckets
        flags = scratch.flags
        opening = self.opening
        longest = self.longest
        kept = 0
        for word in range(count):
            wanted = _finish(hashes[_MOST_WORDS * word]) >> _OPENING
            if opening[wanted >> 3] >> (wanted & 7) & 1:
                flags[word] |= _OPENS
            for size in range(longest if word >= longest else word + 1):
                if size and not flags[word - size] & _OPENS:
                    continue
                place = _MOST_WORDS * word + size
                wanted = _finish(hashes[place])
                bucket = wanted >> self.shift
                hashes[kept] = wanted
                places[kept] = place
                kept += buckets[bucket] != buckets[bucket + 1]
        return kept

    def _cut(self, points: Any, scratch: Any) -> Any:
        """Write down the words of a text with the hashes of the phrases they end; returns how many."""
        codes = points.codes
        kinds = points.kinds
        starts = scratch.starts
        ends = scratch.ends
        bases = scratch.bases
        flags = scratch.flags
        hashes = scratch.hashes
        total = points.total
        one = two = three = four = self.start
        count = 0
        i = 0
        while i < total:
            if not kinds[i] & _LETTER:
                i += 1
                continue
            end = _word_end(points, i)
            base = end
            mark = 0
            if end - i > 2 and codes[end - 1] == 115 and codes[end - 2] == 39:
                base = end - 2
                if points.text[i:base] in self.contracted:
                    mark = _SHORT
            if i > 0 and codes[i - 1] == 46 and _owns_dot(points, i):
                mark |= _DOT
            if _owns_tail(points, end):
                mark |= _TAIL
            starts[count] = i
            ends[count] = end
            bases[count] = base
            flags[count] = mark
            # Four hashes side by side: phrases of one to four words that end with this word.
            four = _step(three, 32)
            three = _step(two, 32)
            two = _step(one, 32)
            one = self.start
            for k in range(i, base):
                code = codes[k]
                one = _step(one, code)
                two = _step(two, code)
                three = _step(three, code)
                four = _step(four, code)
            at = _MOST_WORDS * count
            hashes[at] = one
            hashes[at + 1] = two
            hashes[at + 2] = three
            hashes[at + 3] = four
            count += 1
            i = end
        return count

    def _look(
        self, form: Any, points: Any, scratch: Any, place: Any, found: Any, unsure: Any
    ) -> Any:
        """Sort a form with the hash of some words: it is none of them, fits, or may fit."""
        last = place // _MOST_WORDS + 1
        first = last - 1 - place % _MOST_WORDS
        if not self.form_plain[form]:
            unsure.append((first, form))
        elif self._same(form, points, scratch, first, last) and self._bare(
            points, scratch, first, last
        ):
            found.add(form)

    def _same(self, form: Any, points: Any, scratch: Any, first: Any, last: Any) -> Any:
        """Compare a plain form with words joined by single blanks, character by character."""
        at = self.form_offsets[form]
        end = self.form_offsets[form + 1]
        for word in range(first, last):
            if word > first:
                if at >= end or self.form_blob[at] != 32:
                    return False
                at += 1
            for k in range(scratch.starts[word], scratch.bases[word]):
                code = points.codes[k]
                if code >= 128:
                    spans = zip(scratch.starts[first:last], scratch.bases[first:last], strict=True)
                    return self._is(form, " ".join([points.text[a:b] for a, b in spans]))
                if at >= end or self.form_blob[at] != code:
                    return False
                at += 1
        return at == end

    def _is(self, form: Any, text: Any) -> Any:
        wanted = text.encode("utf-8", "replace")
        start = self.form_offsets[form]
        if self.form_offsets[form + 1] - start != len(wanted):
            return False
        return all(self.form_blob[start + k] == wanted[k] for k in range(len(wanted)))

    def _bare(self, points: Any, scratch: Any, first: Any, last: Any) -> Any:
        """Return whether some words stand together, with nothing that belongs to one of them."""
        flags = scratch.flags
        if flags[first] & _DOT or flags[last - 1] & _TAIL:
            return False
        for word in range(first, last):
            if flags[word] & _SHORT or (
                word + 1 < last
                and (
                    flags[word] & _TAIL
                    or flags[word + 1] & _DOT
                    or _breaks(points, scratch.ends[word], scratch.starts[word + 1])
                )
            ):
                return False
        return True

    def characters(self, text: str, longest: Any) -> list[tuple[int, int, int]]:
        """Return (start, end, form) of the substrings of a folded text that are unspaced keys.

        Those cut out of a run of katakana or Latin letters are left out: they never stand alone.

        Args:
            text: Folded text.
            longest: First characters of such keys, with the most characters a key with it has.
        """
        hits: list[tuple[int, int, int]] = []
        if self.known is not longest:
            self._learn(longest)
        total = len(text)
        before = 0
        for i in range(total):
            kind = run_of(text[i])
            code = ord(text[i])
            limit = self.limits[code] if code < _TABLE else longest.get(text[i], 0)
            if limit == 0 or (kind and kind == before):
                before = kind
                continue  # no form, or none that may start inside a run of katakana or Latin letters
            before = kind
            h = self.start
            unspaced = False
            for end in range(i + 1, min(i + limit, total) + 1):
                c = text[end - 1]
                h = _step(h, ord(c))
                unspaced = unspaced or japanese(c)
                if not unspaced:
                    continue  # what has no Japanese character is matched by words
                kind = run_of(c)
                if kind and end < total and run_of(text[end]) == kind:
                    continue  # nor may it end there
                wanted = _finish(h)
                bucket = wanted >> self.shift
                for form in range(self.buckets[bucket], self.buckets[bucket + 1]):
                    if self.prints[form] == wanted & 0xFFFF and self._is(form, text[i:end]):
                        hits.append((i, end, form))
        return hits

    def inside(self, text: str, start: Any, end: Any) -> Any:
        """Return whether `text[start:end]` (folded) is part of a longer word in which it does not count."""
        marked = chr(_MARK) + text[start:end] + chr(_MARK)
        lead = self.start
        for i in range(len(marked)):
            lead = _step(lead, ord(marked[i]))
        last = min(len(text), end + _AROUND)
        for first in range(max(0, start - _AROUND), start + 1):
            h = lead
            for i in range(first, last):
                h = _step(h, ord(text[i]))
                wanted = _finish(h)
                bucket = wanted >> self.shift
                for form in range(self.buckets[bucket], self.buckets[bucket + 1]):
                    near = i + 1 >= end and self.prints[form] == wanted & 0xFFFF
                    if near and self._is(form, marked + text[first : i + 1]):
                        return True
        return False

    def _learn(self, longest: Any) -> Any:
        """Put the lengths of keys by first character into a table."""
        for char, length in longest.items():
            if ord(char) < _TABLE and ord(char) != _MARK:
                self.limits[ord(char)] = length
        self.known = longest

    def tags(self, forms: Any) -> dict[int, int]:
        """Return tag → the form that showed it: the longest, of equally long ones the first."""
        found: dict[int, int] = {}
        last = -1
        ordered = True
        for form in forms:
            length = self.form_offsets[form + 1] - self.form_offsets[form]
            for k in range(self.form_tag_offsets[form], self.form_tag_offsets[form + 1]):
                tag = self.form_tags[k]
                if tag > last:
                    last = tag
                    found[tag] = form
                    continue
                ordered = False
                known = found.get(tag)
                if (
                    known is None
                    or length > self.form_offsets[known + 1] - self.form_offsets[known]
                ):
                    found[tag] = form
        return found if ordered else dict(sorted(found.items()))
