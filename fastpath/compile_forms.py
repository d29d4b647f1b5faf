"""Compile time: the table of surface forms, in which a conversation's words are looked up."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from fastpath._core import hash_text
from fastpath.compile_rows import Rows
from fastpath.compile_strings import Strings
from fastpath.compile_tags import Tags
from fastpath.expand import Expansion
from fastpath.form_keys import japanese_in, key_and_plain

#: Forms that share the leading bits of their hash, on average.
_PER_BUCKET: Final = 3
_HASH_BITS: Final = 64


class Forms:
    """The surface forms in the order of their key's hash, and the table that finds them.

    Attributes:
        arrays: See `layout.ARRAYS`. count: forms. bits: leading bits that choose a bucket.
        longest: most words of a key. starts: first characters of Japanese keys and the longest with each.

    Args:
        tags: All tags.
        expansion: Their Japanese forms.
        seed: Of the hashes.
    """

    def __init__(self, tags: Tags, expansion: Expansion, seed: int) -> None:
        own = np.flatnonzero(~tags.silent)
        extra, pairs = _extra(tags, expansion)
        starts: dict[str, int] = {}
        odd = own[~tags.plain[own]].tolist()
        said = tags.strings.take(odd).texts() if odd else []
        plain = np.concatenate([tags.plain, np.zeros(len(extra), dtype=bool)]).astype(np.uint8)
        longest = int(tags.blanks[own][tags.plain[own]].max(initial=-1)) + 1
        keys = np.zeros(len(extra), dtype=np.uint64)
        for number, form in [*zip(odd, said, strict=True), *enumerate(extra, tags.count)]:
            key, plain[number] = key_and_plain(form)
            if japanese_in(form):
                starts[form[0]] = max(starts.get(form[0], 0), len(form))
            else:
                longest = max(longest, key.count(" ") + 1)
            if number >= tags.count:
                keys[number - tags.count] = hash_text(seed, key)
        self.longest = longest
        self.starts = dict(sorted(starts.items()))
        self.count = tags.count + len(extra)
        hashes = np.concatenate([tags.keys, keys])
        silent = np.concatenate([tags.silent, np.zeros(len(extra), dtype=bool)])
        order = np.lexsort((hashes, silent)) if len(extra) else np.arange(tags.count)
        place = np.empty(self.count, dtype=np.int64)
        place[order] = np.arange(self.count)
        keyed = self.count - int(silent.sum())
        self.bits = max(1, (keyed // _PER_BUCKET).bit_length())
        ranked = hashes[order[:keyed]]
        leading = (ranked >> np.uint64(_HASH_BITS - self.bits)).astype(np.int64)
        form_tags = Rows.of_pairs(
            place[np.concatenate([own, pairs[:, 0]])],
            np.concatenate([own, pairs[:, 1]]),
            self.count,
        ).sorted(tags.count)
        offsets, blob = (tags.strings + Strings.of(extra)).take(order).gathered()
        self.arrays = {
            "buckets": np.searchsorted(leading, np.arange((1 << self.bits) + 1)),
            "prints": ranked & np.uint64(0xFFFF),
            "form_offsets": offsets,
            "form_blob": blob,
            "form_plain": plain[order],
            "form_tag_offsets": form_tags.offsets,
            "form_tags": form_tags.values,
            "tag_form": place[: tags.count],
        }


def _extra(tags: Tags, expansion: Expansion) -> tuple[list[str], Any]:
    """Return the forms that are no tag's own, and (form, tag) of all that stand for another tag.

    A topic's name is not said, and Japanese is looked for without the blanks between words.
    """
    none = np.zeros((0, 2), dtype=np.int64)
    quiet = {n: i for i, n in enumerate(tags.names) if tags.silent[i]} if tags.silent.any() else {}
    listed: dict[str, list[str]] = {name: list(row) for name, row in expansion.forms.items() if row}
    for name in quiet:
        shown = tags.words.get(name)
        if shown is None:
            listed.setdefault(name, []).append(name)
        else:
            listed[name] = [one for word in shown for one in (word, *expansion.forms.get(word, ()))]
    if not listed:
        return [], none
    number = {name: i for i, name in enumerate(tags.names)}
    forms = dict(number)
    extra: list[str] = []
    pairs: set[tuple[int, int]] = set()
    for name, row in listed.items():
        tag = number.get(name)
        if tag is None:
            continue
        for text in row:
            form = text.replace(" ", "") if japanese_in(text) else text
            if form not in forms:
                forms[form] = tags.count + len(extra)
                extra.append(form)
            if forms[form] != tag or name in quiet:
                pairs.add((forms[form], tag))
    return extra, np.asarray(sorted(pairs), dtype=np.int64).reshape(-1, 2) if pairs else none
