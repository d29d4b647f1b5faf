"""The published matching rule for Japanese: where a surface form may stand inside unspaced text.

Japanese has no blanks, so a form that is found as a substring may be a piece of a longer word. A hit counts
only if both its edges look like word edges (checked against `tests/fastpath/jpn_tags.jsonl`):

- **katakana** edge: no katakana and no ー beside it (`シューズ` is not in `ランニングシューズ`).
- **Latin** edge: no Latin letter or digit beside it.
- **kanji** edge: no kanji beside it, with two exceptions for forms of two characters and more: the form
  stands at the very start or end of the run of kanji and what is left of the run on the other side has two
  characters or more (自動車｜保険, 保険｜会社, but not 東｜京都), or is one affix of a short list (保険｜料,
  新｜商品). A single kanji never stands beside another, and kana after it must be a particle (靴を, not 食べる).
- **hiragana** edge: what stands beside it is not hiragana, or is a particle.

Every form that fits counts, also one inside a longer one (コーヒー in コーヒー豆, as `coffee` in `coffee beans`):
whether an ad matches must not depend on what other advertisers wrote.
"""

from __future__ import annotations

from typing import Final

KANJI, KATAKANA, HIRAGANA, LATIN, OTHER = range(5)

_PREFIX_KANJI: Final = frozenset("新旧各全初再超激")
_SUFFIX_KANJI: Final = frozenset("店用料先中前後代費券証品向的力系好名内外時術法業界都府県市区駅港")
_PARTICLES_AFTER: Final = (
    "を", "が", "は", "に", "の", "で", "と", "も", "や", "へ", "か", "って", "など", "だ", "より", "まで",
    "くらい", "ぐらい", "しか", "じゃ", "なら", "な", "ね", "よ", "み", "っぽ", "さん", "ほし",
    "ばか", "つき", "あり", "ください", "下さい",
)  # fmt: skip
_SURU: Final = ("し", "す", "さ", "せ", "でき", "たい")
_PARTICLES_BEFORE: Final = frozenset("をがはにのでともやへかいなおごたるくすうきし、")


def char_class(char: str) -> int:
    """Return the script class of one character."""
    code = ord(char)
    if 0x4E00 <= code <= 0x9FFF or 0x3400 <= code <= 0x4DBF or code in (0x3005, 0x3006, 0x3007):
        return KANJI
    if 0xF900 <= code <= 0xFAFF or code >= 0x20000:
        return KANJI
    if 0x30A1 <= code <= 0x30FA or 0x30FC <= code <= 0x30FF or 0x31F0 <= code <= 0x31FF:
        return KATAKANA
    if 0x3041 <= code <= 0x3096 or 0x309D <= code <= 0x309F:
        return HIRAGANA
    return LATIN if char.isalnum() else OTHER


def is_japanese(char: str) -> bool:
    """Return whether a character is kanji or kana."""
    return char_class(char) < LATIN


def stands_alone(text: str, start: int, end: int) -> bool:
    """Return whether `text[start:end]` looks like a word of its own. `text` is folded."""
    first, last = char_class(text[start]), char_class(text[end - 1])
    before = char_class(text[start - 1]) if start else OTHER
    after = char_class(text[end]) if end < len(text) else OTHER
    if first in (KATAKANA, LATIN) and before == first:
        return False
    if last in (KATAKANA, LATIN) and after == last:
        return False
    if first == HIRAGANA and before == HIRAGANA and text[start - 1] not in _PARTICLES_BEFORE:
        return False
    if after == HIRAGANA and not _kana_may_follow(text, start, end, last):
        return False
    left = _kanji_run_left(text, start) if first == KANJI else 0
    right = _kanji_run_right(text, end) if last == KANJI else 0
    return _kanji_edges_fit(text, start, end, left, right)


def _kana_may_follow(text: str, start: int, end: int, last: int) -> bool:
    """Particles may follow anything; after two kanji and more any kana may, save inside one word."""
    if text.startswith(_PARTICLES_AFTER, end):
        return True
    if last == KATAKANA:
        return True
    if last == KANJI:
        return end - start > 1
    return end - start > 1 and text.startswith(_SURU, end)


def _kanji_edges_fit(text: str, start: int, end: int, left: int, right: int) -> bool:
    if left == 0 and right == 0:
        return True
    if end - start == 1 or (left and right):
        return False
    if left:
        return left >= 2 or text[start - 1] in _PREFIX_KANJI
    return right >= 2 or text[end] in _SUFFIX_KANJI


def _kanji_run_left(text: str, start: int) -> int:
    """Return how many kanji stand directly before `start`, counting to 2."""
    count = 0
    while count < 2 and start - count > 0 and char_class(text[start - count - 1]) == KANJI:
        count += 1
    return count


def _kanji_run_right(text: str, end: int) -> int:
    """Return how many kanji stand directly after `end`, counting to 2."""
    count = 0
    while count < 2 and end + count < len(text) and char_class(text[end + count]) == KANJI:
        count += 1
    return count
