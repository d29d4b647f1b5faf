"""The inner loops: keyed hashing, probing and scanning over flat arrays.

Pure-Python mode Cython: the same source runs as plain Python and, where a C compiler was there at
set-up, as a compiled extension. `core_info` says which. Both give the same results; every found key is
verified against its string, so that nobody can craft a collision.
"""

from __future__ import annotations

from typing import Any

try:
    import cython
except ImportError:  # Cython is a build tool; plain Python needs only its names
    from fastpath import _nocython as cython

MASK = 0xFFFFFFFFFFFFFFFF
_PRIME = 0x9E3779B97F4A7C15
_MIX = 0xBF58476D1CE4E5B9


def is_compiled() -> bool:
    """Return whether this module runs as machine code."""
    return bool(cython.compiled)


def core_info() -> dict[str, Any]:
    """Return whether the inner loops run as machine code, and from which file."""
    compiled = is_compiled()
    note = "compiled" if compiled else "plain Python: correct, but slower than compiled"
    return {"compiled": compiled, "module": __file__, "note": note}


def start_hash(seed: int) -> int:
    """Return the state before the first character, from the snapshot's 64-bit secret."""
    return (seed ^ _PRIME) & MASK


def extend(state: int, text: str, start: int, end: int) -> int:
    """Feed `text[start:end]` into a hash state."""
    # Typed locals keep the loop free of Python objects where it is compiled.
    h: cython.ulonglong = state
    prime: cython.ulonglong = _PRIME
    mask: cython.ulonglong = MASK
    i: cython.longlong
    for i in range(start, end):
        h = ((h ^ ord(text[i])) * prime) & mask
        h ^= h >> 29
    return int(h)


def finish(state: int) -> int:
    """Return the final 64-bit hash of a state; never 0, which marks an empty slot."""
    h: cython.ulonglong = state
    factor: cython.ulonglong = _MIX
    mask: cython.ulonglong = MASK
    h = ((h ^ (h >> 32)) * factor) & mask
    h ^= h >> 31
    return int(h) if h else 1


def hash_text(seed: int, text: str) -> int:
    """Return the keyed hash of a whole string."""
    return finish(extend(start_hash(seed), text, 0, len(text)))


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
    mask: cython.ulonglong = len(slots) - 1
    at: cython.ulonglong = wanted & mask
    while True:
        seen = int(slots[at])
        if seen == 0:
            return -1
        if seen == wanted:
            key = int(keys[at])
            if bytes(blob[offsets[key] : offsets[key + 1]]) == text.encode("utf-8", "replace"):
                return key
        at = (at + 1) & mask


def scan_words(tables: Any, words: list[str], longest: int) -> list[tuple[int, int, int]]:
    """Return (first word, number of words, key) of every run of words that is a key.

    Args:
        tables: Object with `seed`, `slots`, `slot_keys`, `key_offsets`, `key_blob`.
        words: Bases of the words, in text order.
        longest: Most words a key has.
    """
    found: list[tuple[int, int, int]] = []
    total: cython.longlong = len(words)
    i: cython.longlong
    n: cython.longlong
    for i in range(total):
        state = start_hash(tables.seed)
        for n in range(1, min(longest, total - i) + 1):
            if n > 1:
                state = extend(state, " ", 0, 1)
            word = words[i + n - 1]
            state = extend(state, word, 0, len(word))
            text = word if n == 1 else " ".join(words[i : i + n])
            key = find(
                tables.slots,
                tables.slot_keys,
                tables.key_offsets,
                tables.key_blob,
                finish(state),
                text,
            )
            if key >= 0:
                found.append((i, n, key))
    return found


def scan_chars(tables: Any, text: str, starts: dict[str, int]) -> list[tuple[int, int, int]]:
    """Return (start, length, key) of every substring that is a key.

    Args:
        tables: As in `scan_words`.
        text: Folded text.
        starts: First characters of the unspaced keys, with the most characters a key with it has.
    """
    found: list[tuple[int, int, int]] = []
    total: cython.longlong = len(text)
    i: cython.longlong
    n: cython.longlong
    for i in range(total):
        longest = starts.get(text[i], 0)
        if longest == 0:
            continue
        state = start_hash(tables.seed)
        for n in range(1, min(longest, total - i) + 1):
            state = extend(state, text, i + n - 1, i + n)
            key = find(
                tables.slots,
                tables.slot_keys,
                tables.key_offsets,
                tables.key_blob,
                finish(state),
                text[i : i + n],
            )
            if key >= 0:
                found.append((i, n, key))
    return found


def gather(
    post_offsets: Any, post_ads: Any, tags: list[int], cap: int
) -> tuple[list[tuple[int, int]], int]:
    """Return ([(ad, position in `tags`)], how many were cut), best tag first, each ad once.

    Args:
        post_offsets: Where the ads of each tag start.
        post_ads: Ads of all tags.
        tags: Tag numbers, most relevant first.
        cap: Most ads to return.
    """
    seen: set[int] = set()
    out: list[tuple[int, int]] = []
    cut = 0
    i: cython.longlong
    for i in range(len(tags)):
        tag = tags[i]
        for ad in post_ads[int(post_offsets[tag]) : int(post_offsets[tag + 1])].tolist():
            if ad in seen:
                continue
            seen.add(ad)
            if len(out) < cap:
                out.append((ad, i))
            else:
                cut += 1
    return out, cut
