"""English tags of several words → Japanese compounds, at compile time only.

Each cut of a tag into two parts gives compounds: through the patterns of `data/japanese_parts.tsv` where one
part has any (`lessons`: ~教室, ~を習う; `used`: 中古~), else of the forms of both parts put together
(トレイルランニング + シューズ). Of several forms of a part in katakana those that sound less like the English
word than others are left out: スタンディング and not ランク for standing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import product
from pathlib import Path
from typing import Final

from fastpath.japanese import HIRAGANA, KANJI, KATAKANA, char_class
from fastpath.text import canonical_tag, fold

PARTS: Final = Path(__file__).parent / "data" / "japanese_parts.tsv"
SLOT: Final = "~"
#: Forms of a part that are put together with those of another.
_MOST: Final = 5
#: A word of Latin letters so short is written so in Japanese too (PDF編集, TOEIC対策).
_ACRONYM: Final = 5
#: How alike a word and its katakana are at least, and how much less than the best.
_ALIKE: Final = 0.6
_LESS: Final = 0.15
_ROWS: Final = {
    "": "アイウエオ", "k": "カキクケコ", "s": "サシスセソ", "t": "タチツテト", "n": "ナニヌネノ",
    "h": "ハヒフヘホ", "m": "マミムメモ", "y": "ヤユヨ", "r": "ラリルレロ", "w": "ワヲ", "g": "ガギグゲゴ",
    "z": "ザジズゼゾ", "d": "ダヂヅデド", "b": "バビブベボ", "p": "パピプペポ",
}  # fmt: skip
_SOUNDS: Final = {kana: row for row, line in _ROWS.items() for kana in line} | {
    "ン": "n",
    "ヴ": "b",
}
#: English letters that sound like others; r before a consonant is not heard.
_SAID: Final = tuple(
    (re.compile(pattern), sound)
    for pattern, sound in (
        ("tion|sion", "shn"), ("ph", "f"), ("tch|ch", "t"), ("ck", "k"), ("th", "s"), ("sh", "s"), ("wh", "w"),
        ("c(?=[eiy])", "s"), ("[cq]", "k"), ("x", "ks"), ("r(?![aeiouy])", ""), ("l", "r"), ("v", "b"), ("f", "h"),
        ("g(?=[ei])|j", "z"), ("[^a-z]|[aeiou]|y(?![aeiou])", ""), (r"(.)\1+", r"\1"),
    )
)  # fmt: skip


def read_lists(path: Path) -> dict[str, tuple[str, ...]]:
    """Return a table by English word or tag: word, tab, what is said for it, by commas; # starts a comment."""
    table: dict[str, tuple[str, ...]] = {}
    for line in path.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            word, _, said = line.partition("\t")
            table[canonical_tag(word)] = tuple(fold(one.strip()) for one in said.split(","))
    return table


class Parts:
    """Puts compounds together.

    Args:
        patterns: `read_lists` of `PARTS`.
        forms: Forms of a word or of words in one piece, best first.
        spelt: A word in singular and plural.
    """

    def __init__(
        self,
        patterns: Mapping[str, tuple[str, ...]],
        forms: Callable[[str], Sequence[str]],
        spelt: Callable[[str], Iterable[str]],
    ) -> None:
        self._patterns = patterns
        self._forms = forms
        self._spelt = spelt

    def composed(self, words: Sequence[str]) -> list[str]:
        """Return the compounds of a tag of several words, best first."""
        ranked: dict[str, int] = {}
        for cut in range(len(words) - 1, 0, -1):
            head, tail = words[:cut], words[cut:]
            for rank, form in self._joined(head, tail):
                ranked[form] = min(rank, ranked.get(form, rank))
        return sorted(ranked, key=ranked.__getitem__)

    def _joined(self, head: Sequence[str], tail: Sequence[str]) -> Iterable[tuple[int, str]]:
        """Return compounds of two parts, each with how far from the best it is."""
        behind, before = self._patterns_of(tail, last=True), self._patterns_of(head, last=False)
        neither = not behind and not before
        heads = self._plain(head)[:_MOST] if behind or neither else []
        tails = self._plain(tail)[:_MOST] if before or neither else []
        if before:
            # What a dog or a home has done to it is not said by 犬 or 家.
            behind = [pattern for pattern in behind if pattern != SLOT]
        for patterns, forms in ((behind, heads), (before, tails)):
            for at, pattern in enumerate(patterns):
                for rank, form in enumerate(forms):
                    yield from _filled(pattern, form, at + 2 * rank)
        if neither:
            for (at, one), (rank, two) in product(enumerate(heads), enumerate(tails)):
                for further, form in enumerate(_join(one, two)):
                    yield 2 * (at + rank) + further, form

    def _patterns_of(self, words: Sequence[str], *, last: bool) -> list[str]:
        """Return the patterns of a part in its place: lessons are what is behind, used what is before."""
        out: list[str] = []
        for word in self._spelt(" ".join(words)):
            rows = self._patterns.get(word, ())
            at_home = bool(rows) and rows[0].startswith(SLOT) is last
            out += [row for row in rows if at_home or row.startswith(SLOT) is last]
        return list(dict.fromkeys(out))

    def _plain(self, words: Sequence[str]) -> list[str]:
        """Return the forms of one part by itself."""
        name = " ".join(words)
        bare = [
            p.replace(SLOT, "") for word in self._spelt(name) for p in self._patterns.get(word, ())
        ]
        own = [
            form for form in bare if form and form[0] not in "をの" and form[-1] not in "をのいな"
        ]
        if len(own) >= _MOST:
            return own
        known = [f for f in self._forms(name) if len(f) > 1 or char_class(f) == KANJI]
        if own or known:
            return list(dict.fromkeys([*own, *(known if own else sounding_alike(name, known))]))
        if len(words) > 1:
            return self.composed(words)
        return [name] if len(name) <= _ACRONYM else []


def _filled(pattern: str, form: str, rank: int) -> Iterable[tuple[int, str]]:
    """Return a pattern with a form in it, also joined by の and 用, each with its rank."""
    before, _, after = pattern.partition(SLOT)
    if pattern == SLOT:
        yield rank, form
        return
    if (before and char_class(before[-1]) == HIRAGANA) or (
        after and char_class(after[0]) == HIRAGANA
    ):
        yield rank, before + form + after
        return
    yield rank, before + form + after
    if not after.startswith("用"):
        yield rank + 5, (f"{before}の{form}" if before else f"{form}の{after}")
        if not before:
            yield rank + 8, f"{form}用{after}"
            yield rank + 9, f"{form}用の{after}"


def _join(head: str, tail: str) -> list[str]:
    """Return how two forms become one compound: directly, or with の or 用 between them."""
    last, first = char_class(head[-1]), char_class(tail[0])
    if HIRAGANA in (last, first):
        return [head + "の" + tail]
    if last == first == KATAKANA or len(tail) > 1:
        return [head + tail, head + "の" + tail, f"{head}用{tail}", f"{head}用の{tail}"]
    return [head + "の" + tail] if first == KANJI and last == KANJI else [head + tail]


def sounding_alike(name: str, forms: Sequence[str]) -> list[str]:
    """Return forms without the katakana that sounds less like an English name than other katakana does."""
    alike = {form: likeness(name, form) for form in forms if _katakana(form)}
    best = max(alike.values(), default=0.0)
    if best < _ALIKE:
        return list(forms)
    kept = [form for form, like in alike.items() if like >= best - _LESS]
    return [form for form in forms if form not in alike or form in kept]


def likeness(name: str, katakana: str) -> float:
    """Return from 0 to 1 how much a word in katakana sounds like an English one, by the consonants of both."""
    said = name.lower()
    for pattern, sound in _SAID:
        said = pattern.sub(sound, said)
    heard = re.sub(r"(.)\1+", r"\1", "".join(_SOUNDS.get(kana, "") for kana in katakana))
    return SequenceMatcher(None, said, heard, autojunk=False).ratio()


def _katakana(form: str) -> bool:
    return all(char_class(char) == KATAKANA for char in form)
