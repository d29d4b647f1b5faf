# cython: boundscheck=True, wraparound=False, initializedcheck=False, nonecheck=True, cdivision=True
"""The inner loops of matching: keyed hashing, probing and scanning over flat arrays.

The same source runs as plain Python and, where a C compiler was there at set-up, as a compiled extension
(types: `_core.pxd`). Every found key is verified against its string: nobody can craft a collision.
"""

from __future__ import annotations

from array import array
from typing import Any

try:
    import cython
except ImportError:  # Cython is a build tool; plain Python needs only its names
    from fastpath import _nocython as cython

_MASK = 0xFFFFFFFFFFFFFFFF
_PRIME = 0x9E3779B97F4A7C15
_MIX = 0xBF58476D1CE4E5B9
#: Marks of a word: a dot in front belongs to it, + or # behind do, its base may not stand for it.
_DOT, _TAIL, _SHORT = 1, 2, 4
_MOST_WORDS = 4


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


def fill(slots: Any, numbers: Any, seed: int, keys: list[str]) -> None:
    """Write the hash and the number of every key into empty tables of a power of two slots.

    Args:
        slots: uint64 zeros.
        numbers: int32 beside them.
        seed: Of the hashes.
        keys: Distinct strings, fewer than there are slots.
    """
    _fill(memoryview(slots), memoryview(numbers), seed, keys)


def _fill(table: Any, beside: Any, seed: Any, keys: Any) -> Any:
    mask = len(table) - 1
    for number in range(len(keys)):
        wanted = _hash(seed, keys[number])
        at = wanted & mask
        while table[at]:
            at = (at + 1) & mask
        table[at] = wanted
        beside[at] = number


def find(slots: Any, keys: Any, offsets: Any, blob: Any, wanted: int, text: str) -> int:
    """Return the number of the key equal to `text` whose hash is `wanted`, or -1.

    Args:
        slots: uint64 hashes, 0 = empty; a power of two, probed linearly.
        keys: int32 key numbers beside them.
        offsets: Where each key starts in `blob`.
        blob: UTF-8 strings of all keys.
        wanted: `hash_text` of the string.
        text: The string, compared before a key is believed.
    """
    mask = len(slots) - 1
    at = wanted & mask
    while True:
        seen = int(slots[at])
        if seen == 0:
            return -1
        if seen == wanted:
            key = int(keys[at])
            if bytes(blob[offsets[key] : offsets[key + 1]]) == text.encode("utf-8", "replace"):
                return key
        at = (at + 1) & mask


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


def _letter(c: Any) -> Any:
    """Return whether a character is a letter or digit outside the Japanese scripts."""
    code = ord(c)
    if code < 128:
        return 97 <= code <= 122 or 48 <= code <= 57 or 65 <= code <= 90
    return c.isalnum() and not japanese(c)


def _word_end(text: Any, at: Any) -> Any:
    """Return where the word that starts at `at` ends."""
    total = len(text)
    i = at + 1
    while i < total:
        c = text[i]
        if _letter(c) or 0x300 <= ord(c) <= 0x36F:
            i += 1
        elif c == "'" and i + 1 < total and _letter(text[i + 1]):
            i += 2
        else:
            break
    return i


def _owns_dot(text: Any, start: Any) -> Any:
    """Return whether the dot before a word belongs to it: it follows a blank or an opening sign."""
    if start == 0 or text[start - 1] != ".":
        return False
    if start == 1:
        return True
    c = text[start - 2]
    return c.isspace() or c in "([{\"'/"


def _owns_tail(text: Any, end: Any) -> Any:
    """Return whether + or # behind a word belong to it; a single one between two words does not."""
    total = len(text)
    i = end
    while i < total and (text[i] == "+" or text[i] == "#"):
        i += 1
    return i > end and not (i == end + 1 and i < total and _letter(text[i]))


def _breaks(text: Any, start: Any, end: Any) -> Any:
    """Return whether what stands between two words ends a phrase (`text._BREAK`)."""
    for i in range(start, end):
        c = text[i]
        code = ord(c)
        if code < 128:
            if c in ".!?,;:" or (c == "-" and i + 1 < end and text[i + 1] == "-"):
                return True
            if c == "\n":
                for j in range(i + 1, end):
                    d = text[j]
                    if d == "\n":
                        return True
                    if not d.isspace():
                        if not (d.isalnum() or d == "_"):
                            return True
                        break
        elif code in (0x2026, 0x3001, 0x3002, 0x2014, 0x2015, 0xFFFD) or japanese(c):
            return True
    return False


class Matcher:
    """The key table of one snapshot and what its keys stand for.

    Args:
        tables: Object with the arrays of `layout.ARRAYS` as attributes, and `seed`.
        longest: Most words a key has.
        contracted: Words whose 's is never a possessive.
    """

    def __init__(self, tables: Any, longest: int, contracted: frozenset[str]) -> None:
        self.start = (tables.seed ^ _PRIME) & _MASK
        self.longest = min(longest, _MOST_WORDS)
        self.contracted = contracted
        self.slots = memoryview(tables.slots)
        self.slot_keys = memoryview(tables.slot_keys)
        self.key_offsets = memoryview(tables.key_offsets)
        self.key_blob = memoryview(tables.key_blob)
        self.key_form_offsets = memoryview(tables.key_form_offsets)
        self.key_forms = memoryview(tables.key_forms)
        self.form_offsets = memoryview(tables.form_offsets)
        self.form_plain = memoryview(tables.form_plain)
        self.form_tag_offsets = memoryview(tables.form_tag_offsets)
        self.form_tags = memoryview(tables.form_tags)
        self.mask = len(self.slots) - 1

    def words(self, text: str) -> tuple[set[int], list[tuple[int, int]]]:
        """Scan a folded text for keys made of words.

        Returns:
            Plain surface forms that fit; (number of the first word, form) of those with symbols of their
            own, to be judged by `text.fits`.
        """
        found: set[int] = set()
        unsure: list[tuple[int, int]] = []
        total = len(text)
        starts = array("i", bytes(4 * (total // 2 + 2)))
        ends = array("i", bytes(4 * (total // 2 + 2)))
        bases = array("i", bytes(4 * (total // 2 + 2)))
        flags = array("i", bytes(4 * (total // 2 + 2)))
        one = two = three = four = self.start
        count = 0
        i = 0
        while i < total:
            if not _letter(text[i]):
                i += 1
                continue
            end = _word_end(text, i)
            base = end
            mark = 0
            if end - i > 2 and text[end - 1] == "s" and text[end - 2] == "'":
                base = end - 2
                if text[i:base] in self.contracted:
                    mark = _SHORT
            if _owns_dot(text, i):
                mark |= _DOT
            if _owns_tail(text, end):
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
                code = ord(text[k])
                one = _step(one, code)
                two = _step(two, code)
                three = _step(three, code)
                four = _step(four, code)
            count += 1
            for size in range(1, min(self.longest, count) + 1):
                h = one
                if size > 1:
                    h = two if size == 2 else three if size == 3 else four
                key = self._key(_finish(h), text, starts, bases, count - size, count)
                if key >= 0:
                    self._fit(key, text, starts, ends, flags, count - size, count, found, unsure)
            i = end
        return found, unsure

    def _key(self, wanted: Any, text: Any, starts: Any, bases: Any, first: Any, last: Any) -> Any:
        """Return the key that words `first` to `last` (exclusive) are, or -1."""
        at = wanted & self.mask
        while True:
            seen = self.slots[at]
            if seen == 0:
                return -1
            if seen == wanted:
                key = self.slot_keys[at]
                if self._same(key, text, starts, bases, first, last):
                    return key
            at = (at + 1) & self.mask

    def _same(self, key: Any, text: Any, starts: Any, bases: Any, first: Any, last: Any) -> Any:
        """Compare a key with words joined by single blanks, character by character."""
        at = self.key_offsets[key]
        end = self.key_offsets[key + 1]
        for word in range(first, last):
            if word > first:
                if at >= end or self.key_blob[at] != 32:
                    return False
                at += 1
            for k in range(starts[word], bases[word]):
                code = ord(text[k])
                if code >= 128:
                    return self._same_encoded(key, text, starts, bases, first, last)
                if at >= end or self.key_blob[at] != code:
                    return False
                at += 1
        return at == end

    def _same_encoded(
        self, key: Any, text: Any, starts: Any, bases: Any, first: Any, last: Any
    ) -> Any:
        joined = " ".join([text[starts[word] : bases[word]] for word in range(first, last)])
        return self._is(key, joined)

    def _is(self, key: Any, text: Any) -> Any:
        wanted = text.encode("utf-8", "replace")
        start = self.key_offsets[key]
        if self.key_offsets[key + 1] - start != len(wanted):
            return False
        return all(self.key_blob[start + k] == wanted[k] for k in range(len(wanted)))

    def _fit(
        self,
        key: Any,
        text: Any,
        starts: Any,
        ends: Any,
        flags: Any,
        first: Any,
        last: Any,
        found: Any,
        unsure: Any,
    ) -> Any:
        """Sort the forms of a key into those that fit and those that have to be looked at."""
        plain = not (flags[first] & _DOT or flags[last - 1] & _TAIL)
        for word in range(first, last):
            if not plain:
                break
            if flags[word] & _SHORT or (
                word + 1 < last
                and (
                    flags[word] & _TAIL
                    or flags[word + 1] & _DOT
                    or _breaks(text, ends[word], starts[word + 1])
                )
            ):
                plain = False
        for k in range(self.key_form_offsets[key], self.key_form_offsets[key + 1]):
            form = self.key_forms[k]
            if not self.form_plain[form]:
                unsure.append((first, form))
            elif plain:
                found.add(form)

    def characters(self, text: str, longest: Any) -> list[tuple[int, int, int]]:
        """Return (start, end, form) of every substring of a folded text that is an unspaced key.

        Args:
            text: Folded text.
            longest: First characters of such keys, with the most characters a key with it has.
        """
        hits: list[tuple[int, int, int]] = []
        total = len(text)
        for i in range(total):
            limit = longest.get(text[i], 0)
            h = self.start
            unspaced = False
            for end in range(i + 1, min(i + limit, total) + 1):
                c = text[end - 1]
                h = _step(h, ord(c))
                unspaced = unspaced or japanese(c)
                if not unspaced:
                    continue  # what has no Japanese character is matched by words
                wanted = _finish(h)
                at = wanted & self.mask
                while True:
                    seen = self.slots[at]
                    if seen == 0:
                        break
                    if seen == wanted:
                        key = self.slot_keys[at]
                        if self._is(key, text[i:end]):
                            for k in range(
                                self.key_form_offsets[key], self.key_form_offsets[key + 1]
                            ):
                                hits.append((i, end, self.key_forms[k]))
                            break
                    at = (at + 1) & self.mask
        return hits

    def tags(self, forms: Any) -> dict[int, int]:
        """Return tag → the form that showed it: the longest, of equally long ones the first."""
        found: dict[int, int] = {}
        for form in forms:
            length = self.form_offsets[form + 1] - self.form_offsets[form]
            for k in range(self.form_tag_offsets[form], self.form_tag_offsets[form + 1]):
                tag = self.form_tags[k]
                known = found.get(tag)
                if (
                    known is None
                    or length > self.form_offsets[known + 1] - self.form_offsets[known]
                ):
                    found[tag] = form
        return dict(sorted(found.items()))
