r"""The published matching rule for words: how text is folded and where a tag of 1 to 4 words fits.

1. Text and tags are NFKC-normalised and case-folded; typographic apostrophes and hyphens become ' and -;
   invisible format characters vanish; trademark signs are boundaries.
2. A word is a run of letters, digits and combining marks outside the Japanese scripts, with apostrophes
   inside it. Accented letters are letters. There is no stemming: a plural is another tag.
3. A tag fits where all its words stand next to each other. Blanks, hyphens, slashes, emoji, quotes and
   brackets may stand between two words; sentence punctuation (. , ; : ! ? … — and an empty line) breaks
   the phrase.
4. `nike's` still is `nike`; `it's`, `don't`, `we'll` are not `it`, `don`, `we`.
5. Symbols in a tag belong to it and must stand in the text: `c++`, `c#`, `.net`, `wi-fi`, `at&t`. The other
   way round, + and # at the end of a word and a dot in front of one belong to that word: `c` is not
   in `c++`, `net` is not in `.net`. `#running` is `running`: a leading # is a boundary.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Final

import msgspec

from fastpath._fold import Folder

#: Letters of the Japanese scripts, as the inside of a character class.
JAPANESE: Final = (
    "\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)

#: What cannot be seen and would hide a word: soft hyphens, zero-width and direction marks, fillers, joiners,
#: variation selectors.
_FORMAT = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_LONE = re.compile("[\ud800-\udfff]")
_FOLD = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u02bc\u00b4\u2032", "'"),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2212", "-"),
        **dict.fromkeys("\u2122\u00ae\u00a9\u2120", " "),
        # A keycap ends an emoji; the word that follows is none of it.
        "\u20e3": " ",
    }
)
_LETTER: Final = rf"(?![{JAPANESE}])[^\W_]"
_ATOM: Final = re.compile(rf"(?:{_LETTER}[\u0300-\u036f]*)+(?:'(?:{_LETTER}[\u0300-\u036f]*)+)*")
_BREAK: Final = re.compile(
    rf"[.!?,;:\u2026\u3002\u3001\u2014\u2015\ufffd{JAPANESE}]|\n\s*\n|\n\s*[^\s\w]|--"
)
_SYMBOLS: Final = re.compile(r"[+#]+")
_BLANKS: Final = re.compile(r"\s+")

#: Words whose 's is a contraction of "is", "has" or "us", never a possessive.
CONTRACTED: Final = frozenset(
    {
        "it",
        "he",
        "she",
        "that",
        "this",
        "what",
        "who",
        "where",
        "when",
        "why",
        "how",
        "there",
        "here",
    }
    | {"let", "one", "everything", "something", "nothing", "everybody", "somebody", "nobody"}
)


def fold(text: str) -> str:
    """Return the canonical form of any string: rule 1. Never fails; lone surrogates become U+FFFD."""
    if text.isascii():
        return text.lower()
    quick = _folder().fold(text)
    return fold_whole(text) if quick is None else quick


def fold_whole(text: str) -> str:
    """Return the canonical form of any string by rule 1, taken step by step: what `fold` must agree with."""
    text = _LONE.sub("\ufffd", text).translate(_FOLD)
    text = unicodedata.normalize("NFKC", _FORMAT.sub("", text)).casefold()
    return unicodedata.normalize("NFKC", text).translate(_FOLD)


@cache
def _folder() -> Folder:
    return Folder(_fold_alone)


def _fold_alone(char: str) -> str | None:
    """Return what a character becomes wherever it stands, or None if its neighbours have a say.

    Only marks and conjoining Hangul join what stands before them when a text is normalised.
    """
    first = _FORMAT.sub("", _LONE.sub("\ufffd", char).translate(_FOLD))
    steps = first + unicodedata.normalize("NFKC", first)
    become = fold_whole(char)
    return None if any(map(_joins, steps + become)) else become


def _joins(char: str) -> bool:
    return (
        unicodedata.category(char).startswith("M")
        or "\u1100" <= char <= "\u11ff"
        or "\ua960" <= char <= "\ua97f"
        or "\ud7b0" <= char <= "\ud7ff"
    )


def without_accents(folded: str) -> str:
    """Return a folded text without its accents: é is e."""
    if folded.isascii():
        return folded
    parts = unicodedata.normalize("NFD", folded)
    return "".join(c for c in parts if unicodedata.category(c) != "Mn")


class Words(msgspec.Struct, frozen=True):
    """A folded text cut into words. All lists have one entry per word.

    Attributes:
        text: The folded text.
        starts, ends: Where each word stands in it.
        raw: The words as written, e.g. `nike's`.
        base: The words without a final 's; what keys are made of.
        bare: Whether `base` may stand for the word (no contraction).
        prefix: Whether a dot in front belongs to the word.
        suffix: Trailing + and # that belong to the word.
        joined: Whether a phrase may go on from this word to the next.
    """

    text: str
    starts: list[int]
    ends: list[int]
    raw: list[str]
    base: list[str]
    bare: list[bool]
    prefix: list[bool]
    suffix: list[str]
    joined: list[bool]


def words_of(folded: str) -> Words:
    """Cut a folded text into words (rule 2) and note what belongs to each (rules 3 to 5)."""
    spans = [match.span() for match in _ATOM.finditer(folded)]
    raw = [folded[start:end] for start, end in spans]
    base = [word.removesuffix("'s") for word in raw]
    prefix = [_owns_dot(folded, start) for start, _ in spans]
    suffix = [_owned_symbols(folded, end) for _, end in spans]
    joined = [
        not suffix[i]
        and not prefix[i + 1]
        and not _BREAK.search(folded, spans[i][1], spans[i + 1][0])
        for i in range(len(spans) - 1)
    ]
    return Words(
        text=folded,
        starts=[start for start, _ in spans],
        ends=[end for _, end in spans],
        raw=raw,
        base=base,
        bare=[r == b or b not in CONTRACTED for r, b in zip(raw, base, strict=True)],
        prefix=prefix,
        suffix=suffix,
        joined=[*joined, False] if spans else [],
    )


def _owns_dot(text: str, start: int) -> bool:
    """Return whether the dot before a word belongs to it: it follows a blank or an opening sign."""
    if start == 0 or text[start - 1] != ".":
        return False
    return start == 1 or text[start - 2].isspace() or text[start - 2] in "([{\"'/"


def _owned_symbols(text: str, end: int) -> str:
    """Return the + and # that end a word; a single one between two words is a boundary instead."""
    match = _SYMBOLS.match(text, end)
    if match is None:
        return ""
    run = match.group()
    return "" if len(run) == 1 and _ATOM.match(text, match.end()) else run


def canonical_tag(tag: str) -> str:
    """Return a tag folded, with single blanks between its words."""
    return _BLANKS.sub(" ", fold(tag)).strip()


def key_of(words: Words, start: int = 0, count: int | None = None) -> str:
    """Return the lookup key of a run of words: their bases joined by single blanks."""
    stop = len(words.base) if count is None else start + count
    return " ".join(words.base[start:stop])


def is_plain(tag: str) -> bool:
    """Return whether a canonical tag has nothing in it but words and blanks."""
    words = words_of(tag)
    return " ".join(words.raw) == tag and words.raw == words.base


def fits(words: Words, start: int, tag: Words, *, plain: bool) -> bool:
    """Return whether a tag stands in the text from word `start` on, its keys being equal already.

    Args:
        words: The text.
        start: Index of its first word.
        tag: The canonical tag, cut into words.
        plain: `is_plain` of the tag: the common case, decided without looking at characters.
    """
    count = len(tag.base)
    last = start + count - 1
    if plain:
        return (
            not words.prefix[start]
            and not words.suffix[last]
            and all(words.bare[start : last + 1])
            and all(words.joined[start:last])
        )
    if not all(_same_word(words, start + i, tag.raw[i]) for i in range(count)):
        return False
    for i in range(count - 1):
        between = tag.text[tag.ends[i] : tag.starts[i + 1]]
        if between == " ":
            if not words.joined[start + i]:
                return False
        elif between != _BLANKS.sub(
            " ", words.text[words.ends[start + i] : words.starts[start + i + 1]]
        ):
            return False
    return _edges_fit(words, start, last, tag)


def _same_word(words: Words, index: int, wanted: str) -> bool:
    return words.raw[index] == wanted or (words.base[index] == wanted and words.bare[index])


def _edges_fit(words: Words, start: int, last: int, tag: Words) -> bool:
    """Compare what stands before the first and after the last word with the tag's own symbols."""
    text = words.text
    head = tag.text[: tag.starts[0]]
    begin = words.starts[start] - len(head)
    if head:
        if begin < 0 or text[begin : words.starts[start]] != head:
            return False
        if begin > 0 and (_is_word(text[begin - 1]) or text[begin - 1] == head[0]):
            return False
    elif words.prefix[start]:
        return False
    tail = tag.text[tag.ends[-1] :]
    if not tail:
        return not words.suffix[last]
    end = words.ends[last]
    if text[end : end + len(tail)] != tail:
        return False
    following = text[end + len(tail) : end + len(tail) + 1]
    return not (following and (_is_word(following) or following in "+#"))


def _is_word(char: str) -> bool:
    """Return whether a character is part of a word of a spaced script."""
    return _ATOM.match(char) is not None
