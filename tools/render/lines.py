"""Where lines break: Latin between words, Japanese by kinsoku rules, evenly and without widows."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache

Width = Callable[[str], float]

#: No line begins with these (JIS X 4051, JLREQ 3.1.7): closing marks, small kana, long vowel, repeats.
NOT_FIRST = frozenset(
    "、。，．,.!?！？:;：；・)）]］}｝〉》」』】〕”’%％‰℃°々ゝゞヽヾ〻ー〜…‥"
    "ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ"
)
#: No line ends with these: opening marks, signs of money.
NOT_LAST = frozenset("(（[［{｛〈《「『【〔“‘$¥￥£€#＃@")

_PIECE = re.compile(
    r"[^\S\n]+|[0-9A-Za-zÀ-ɏ$¥£€@#&+'’./,:%_-]+|[ァ-ヺーｦ-ﾟ]+|[一-龥々〆]+|[ぁ-ゖ]+|.", re.S
)
#: A break after these ends of a phrase reads well in Japanese.
_PARTICLE = re.compile(r"(?:は|が|を|に|で|と|の|も|へ|や|から|まで|より|て|、|。|，)$")
#: A run of hiragana in parts: a particle at its beginning, then parts that end in one.
_KANA = re.compile(
    r"^(?:(?:では|でも|には|にも|とは|とも)|で(?![すしき])|[にとのもへはがを])|[^をがは]*[をがは]|[^をがは]+"
)
#: Belongs to the word behind it.
_PREFIX = re.compile(r"[おご]$")
_BREAK_IN_RUN, _BREAK_ELSE, _WIDOW, _SHORT_LAST, _MORE_LINES = 40.0, 0.6, 60.0, 0.34, 6.0
#: Runs longer than this many characters may be broken inside if nothing else helps.
_LONG_RUN = 8


def pieces(text: str) -> list[str]:
    """Return what a line may be broken between: words, or parts of Japanese runs, blanks kept apart."""
    found: list[str] = []
    for piece in _PIECE.findall(text):
        if _kind(piece[0]) == "hiragana":
            found += _phrases(piece)
        elif _is_japanese(piece) and len(piece) > _LONG_RUN:
            found += _halves(piece)
        else:
            found.append(piece)
    return _bound(found)


def break_lines(text: str, most: float, width: Width, *, whole: bool = False) -> list[str] | None:
    """Return the lines of a text that are most even, or None if a piece is wider than a line.

    Args:
        text: One paragraph.
        most: Widest line, in the units of `width`.
        width: Measures a piece of text.
        whole: Never break inside a Japanese word.

    Returns:
        As few lines as possible; among those the most even ones, the last neither a single short word
        nor a few characters if that can be helped.
    """
    parts = pieces(" ".join(text.split()))
    if not parts:
        return []
    measure = cache(width)
    for count in range(1, len(parts) + 1):
        price, lines = _best(tuple(parts), count, most, measure)
        if whole and price >= _BREAK_IN_RUN:
            continue
        if lines:
            # One line more, where fewer would cut through a word.
            more, others = _best(tuple(parts), count + 1, most, measure)
            return others if others and more + _MORE_LINES < price else lines
    return None


def is_widow(lines: Sequence[str], width: Width) -> bool:
    """Tell whether the last of several lines is much shorter than the longest, or one short word."""
    if len(lines) < 2:
        return False
    return width(lines[-1]) < _SHORT_LAST * max(width(line) for line in lines)


def _best(parts: tuple[str, ...], count: int, most: float, width: Width) -> tuple[float, list[str]]:
    """Return the cheapest way to make so many lines and its price; no lines if there is none."""
    size, ideal = len(parts), width("".join(parts)) / count

    @cache
    def price(start: int, left: int) -> tuple[float, int]:
        best = (float("inf"), -1)
        for end in [size] if left == 1 else range(start + 1, size - left + 2):
            line = "".join(parts[start:end]).strip()
            if width(line) > most:
                break
            own = _line(line, ideal, first=start == 0, last=left == 1, only=count == 1)
            rest = 0.0 if left == 1 else price(end, left - 1)[0] + _at(parts, end)
            if own + _evenness(width(line), ideal) + rest < best[0]:
                best = (own + _evenness(width(line), ideal) + rest, end)
        return best

    def _line(line: str, ideal: float, *, first: bool, last: bool, only: bool) -> float:
        starts_wrong = line[:1] in NOT_FIRST and not first
        if not line or starts_wrong or (not last and line[-1] in NOT_LAST):
            return float("inf")
        return _WIDOW if last and not only and width(line) < _SHORT_LAST * ideal else 0.0

    total, end = price(0, count)
    if end < 0:
        return total, []
    lines, start = [], 0
    for left in range(count, 0, -1):
        end = price(start, left)[1]
        lines.append("".join(parts[start:end]).strip())
        start = end
    return total, lines


def _evenness(wide: float, ideal: float) -> float:
    return ((wide - ideal) / ideal) ** 2 * 10 if ideal else 0.0


def _at(parts: tuple[str, ...], end: int) -> float:
    """Return what a break before a piece costs."""
    before, after = parts[end - 1], parts[end]
    if before.isspace() or after.isspace():
        return 0.0
    if _is_japanese(before) and _is_japanese(after):
        if _PARTICLE.search(before):
            return 0.0
        # Kana after kanji is usually the end of the same word; a run that was halved is one word.
        same = _kind(before[-1]) == _kind(after[0])
        ending = _kind(after[0]) == "hiragana"
        return _BREAK_IN_RUN if same or ending else _BREAK_ELSE
    return _BREAK_ELSE


def _bound(found: list[str]) -> list[str]:
    """Return the pieces with marks joined to what they may not be parted from."""
    bound: list[str] = []
    for piece in found:
        sticks = bound and not bound[-1].isspace()
        prefixed = sticks and _PREFIX.fullmatch(bound[-1]) and _is_japanese(piece)
        if sticks and (prefixed or piece[0] in NOT_FIRST or bound[-1][-1] in NOT_LAST):
            bound[-1] += piece
        else:
            bound.append(piece)
    return bound


def _phrases(kana: str) -> list[str]:
    return _KANA.findall(kana)


def _halves(run: str) -> list[str]:
    """Return a long Japanese run in pieces of a few characters, none beginning with a small kana."""
    cut: list[str] = []
    for letter in run:
        if cut and (len(cut[-1]) < 3 or letter in NOT_FIRST):
            cut[-1] += letter
        else:
            cut.append(letter)
    return cut


def _is_japanese(text: str) -> bool:
    return unicodedata.east_asian_width(text[0]) in "WF"


def _kind(letter: str) -> str:
    if "ぁ" <= letter <= "ゖ":
        return "hiragana"
    return "katakana" if "ァ" <= letter <= "ヺ" or letter == "ー" else "other"
