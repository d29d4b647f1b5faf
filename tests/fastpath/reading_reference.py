"""The reading of a turn once more, slowly and plainly: what the compiled loops must agree with."""

from __future__ import annotations

import hashlib
import re
from functools import cache

from fastpath import language
from fastpath.japanese import KATAKANA, char_class
from fastpath.language import Evidence
from fastpath.phrases import DATA, read_lexicon
from fastpath.text import fold

_TOKEN = re.compile(
    r"[^\W_](?:[\u0300-\u036f]*[^\W_]|[\u0300-\u036f]*'[^\W_]|[\u0300-\u036f])*|[.!?\n]"
)
_INSIDE = re.compile("['\u0300-\u036f]")
_AGES = {str(age) for age in range(5, 18)}
_GRADES = {f"{n}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(n, 'th') }" for n in range(1, 13)}
_LATIN = re.compile(r"(?<!\w)[^\W\d_]+(?:'[^\W\d_]+)*(?!\w)")
_MONEY = re.compile(
    r"[$€£¥]\s?\d|\d\s?(?:円|万円|ドル|usd|eur|dollars|bucks)|\b(?:under|below|around|max) \d"
)
_MODEL = re.compile(r"\b(?=\w*\d)(?=\w*[a-z])[a-z0-9]{3,}\b")
_KANA = re.compile("[\u3041-\u3096\u30a1-\u30fa\u30fc\uff66-\uff9d]")
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")

Rows = list[tuple[str, str]]


@cache
def _rows(name: str) -> Rows:
    return read_lexicon(name)


def phrases_slowly(folded: str) -> tuple[set[str], set[str], bool]:
    """Return gate categories, intent signals, and whether only greetings are said."""
    tokens = [_INSIDE.sub("", token) for token in _TOKEN.findall(folded)]
    gate, _ = _words(_rows("gate_eng.tsv"), tokens)
    signals, _ = _words(_rows("intent_eng.tsv"), tokens)
    rest = folded
    if not folded.isascii():
        gate |= _fragments(_rows("gate_jpn.tsv"), folded)
        signals |= _fragments(_rows("intent_jpn.tsv"), folded)
        greetings = [p for category, p in _rows("intent_jpn.tsv") if category == "greeting"]
        for phrase in sorted(greetings, key=lambda p: (-len(p), p)):
            rest = rest.replace(phrase, " ")
    left = [_INSIDE.sub("", token) for token in _TOKEN.findall(rest)]
    _, covered = _words(_rows("intent_eng.tsv"), left)
    covered |= {at for at, token in enumerate(left) if token in ".!?\n"}
    return gate, signals, len(covered) == len(left)


def _words(rows: Rows, tokens: list[str]) -> tuple[set[str], set[int]]:
    """Return the categories, and the words that greetings cover."""
    hits: list[tuple[str, int, int]] = []
    hashed = {phrase[1:]: category for category, phrase in rows if phrase.startswith("~")}
    for category, phrase in rows:
        if phrase.startswith("~"):
            continue
        parts = phrase.replace("'", "").split()
        for start, token in enumerate(tokens):
            if _fits(parts[0], token):
                ends = _follow(parts, 1, tokens, start + 1)
                hits += [(category, start, end) for end in ends]
    hidden = {
        at for category, start, end in hits if category == "exception" for at in range(start, end)
    }
    found = {
        category
        for category, start, end in hits
        if category != "exception" and hidden.isdisjoint(range(start, end))
    }
    for token in tokens:
        digest = hashlib.blake2b(token.encode("utf-8", "replace"), digest_size=8).hexdigest()
        if 2 < len(token) < 14 and digest in hashed:
            found.add(hashed[digest])
    greeted = {
        at for category, start, end in hits if category == "greeting" for at in range(start, end)
    }
    return found, greeted


def _follow(parts: list[str], number: int, tokens: list[str], at: int) -> list[int]:
    if number == len(parts):
        return [at]
    if parts[number] != "...":
        fits = at < len(tokens) and _fits(parts[number], tokens[at])
        return _follow(parts, number + 1, tokens, at + 1) if fits else []
    if number + 1 == len(parts):
        return [at]
    for skip in range(4):
        if at + skip < len(tokens) and _fits(parts[number + 1], tokens[at + skip]):
            return _follow(parts, number + 2, tokens, at + skip + 1)
    return []


def _fits(part: str, token: str) -> bool:
    if part == "{age}":
        return token in _AGES
    if part == "{grade}":
        return token in _GRADES
    return token.startswith(part[:-1]) if part.endswith("*") else token == part


def _fragments(rows: Rows, folded: str) -> set[str]:
    text = re.sub(r"\s+", " ", folded)
    hide = sorted(
        {p for category, p in rows if category == "exception"}, key=lambda p: (-len(p), p)
    )
    if hide:
        text = re.sub("|".join(map(re.escape, hide)), "\0", text)
    found = set()
    for category, phrase in rows:
        if category != "exception" and phrase in text:
            pattern = re.escape(phrase)
            if phrase.isascii():
                pattern = rf"(?<![a-z0-9]){pattern}(?![a-z0-9])"
            elif len(phrase) <= 3 and all(char_class(char) == KATAKANA for char in phrase):
                pattern = f"(?<![ァ-ヺー]){pattern}(?![ァ-ヺー])"
            if re.search(pattern, text):
                found.add(category)
    return found


def numbers_slowly(folded: str) -> tuple[bool, bool]:
    """Return whether a price and whether a model name stands in a folded text."""
    return _MONEY.search(folded) is not None, _MODEL.search(folded) is not None


@cache
def _profile() -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for name, words in _lists():
        for word in words if name != language._SHARED else ():
            found.setdefault(word, []).append(name)
    return {word: tuple(names) for word, names in found.items()}


@cache
def _english_too() -> frozenset[str]:
    return frozenset(w for name, words in _lists() if name == language._SHARED for w in words)


def _lists() -> list[tuple[str, list[str]]]:
    lines = (DATA / "latin_words.tsv").read_text("utf-8").splitlines()
    parts = [line.partition("\t") for line in lines if line and not line.startswith("#")]
    return [(name, list(dict.fromkeys(words.split()))) for name, _, words in parts]


def evidence_slowly(text: str) -> Evidence:
    """Return what a text says about its language."""
    sample = fold(text[:2_000])
    letters = sum(char.isalpha() for char in sample)
    latin = sum(c.isalpha() and (c < "\u0250" or "\u1e00" <= c <= "\u1eff") for c in sample)
    if not sample.isascii():
        counts: dict[str, int] = {}
        for name, first, last in language._SCRIPTS:
            counts.setdefault(name, 0)
            counts[name] += sum(first <= ord(char) <= last for char in sample)
        for name, count in counts.items():
            if 4 * count >= letters > 0:
                return Evidence(name, "script")
        if _KANA.search(sample):
            return Evidence("jpn", "script")
        han = len(_HAN.findall(sample))
        if han and 3 * han >= latin:
            return language._han(sample)
        if not latin:
            return Evidence("und", "default", "nothing")
    words = _LATIN.findall(sample)
    if sample.isascii() and not words:
        return Evidence("und", "default", "nothing")
    return _weigh(words, sample)


def _weigh(words: list[str], sample: str) -> Evidence:
    english, best, other, needed = _scores(words, sample)
    if other > english and other >= needed and _more_than_one_shared(sample, best):
        return Evidence(best, "words")
    return Evidence("eng", "words") if english else Evidence("eng", "default", "latin")


def _more_than_one_shared(sample: str, best: str) -> bool:
    """Return whether a text is of another language still, without its only word that English has too."""
    letters = re.findall(r"[^\W\d_]+|[\W\d_]+", sample)
    shared = {w for w in letters if w in _english_too() and best in _profile().get(w, ())}
    if len(shared) != 1:
        return True
    rest = "".join(word for word in letters if word not in shared)
    english, _, other, needed = _scores(_LATIN.findall(rest), rest)
    return other > english and other >= needed


def _scores(words: list[str], sample: str) -> tuple[int, str, int, int]:
    scores: dict[str, int] = {}
    for word in words:
        names = _profile().get(word, ())
        for name in names:
            points = 1 if len(word) == 1 else 4 if len(names) == 1 else 2
            scores[name] = scores.get(name, 0) + points
        if len(word) >= 6 and "eng" not in names:
            for name, endings in language._ENDINGS:
                scores[name] = scores.get(name, 0) + word.endswith(endings)
    for char in sample:
        for name in language._LETTERS.get(char, ()):
            scores[name] = scores.get(name, 0) + (2 if len(language._LETTERS[char]) == 1 else 1)
    if any("\u1ea0" <= char <= "\u1ef9" for char in sample):
        scores["vie"] = scores.get("vie", 0) + 6
    english = scores.pop("eng", 0)
    best = max(sorted(scores), key=lambda name: scores[name], default="eng")
    needed = (3 if len(words) <= 4 else 4) if english == 0 else english + max(2, len(words) // 4)
    return english, best, scores.get(best, 0), needed
