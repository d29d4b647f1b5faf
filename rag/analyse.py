"""The analyser: text to index terms, the same for what is stored and for what is asked.

English words are lower-cased, freed of accents and possessives, stripped of stop words and stemmed (Snowball).
Japanese is cut by Sudachi into its shortest units (mode A) in normalised form, without function words, and
besides into character bigrams; without Sudachi the bigrams stand alone. Mixed text gives both.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Protocol

import Stemmer  # type: ignore[import-not-found]

#: Raised whenever the same text gives other terms; a stored index made by another one is refused.
REVISION = 1

_KANA_RANGES = "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff"
_JAPANESE = rf"\u3005-\u3007{_KANA_RANGES}\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_RUN = re.compile(rf"(?P<ja>[{_JAPANESE}]+)|(?P<word>[^\W_{_JAPANESE}]+(?:'[^\W\d_{_JAPANESE}]+)?)")
_JAPANESE_CHARACTER = re.compile(f"[{_JAPANESE}]")
_KANA = re.compile(r"[\u3041-\u3096\u30a1-\u30fa]")

_STOPS = """
a about all also am an and any are as at be been being but by can could did do does for from had has have
he her him his how i if in into is it its me my no nor not of on or our out s shall she should so some
such t than that the their them then there these they this those to too us was we were what when where
which who whom why will with would you your
"""
#: Frequent English words that say nothing about a subject.
STOP_WORDS = frozenset(_STOPS.split())

#: Sudachi parts of speech that carry grammar, not content (first level, second level or `*`).
_FUNCTION_WORDS = frozenset(
    {"助詞", "助動詞", "補助記号", "記号", "空白", "連体詞", "接続詞", "感動詞", "代名詞"}
)
#: Light verbs, which stand in almost every sentence.
_LIGHT = frozenset({"為る", "居る", "有る", "成る", "言う", "事", "物", "何", "誰"})


class Tokeniser(Protocol):
    """Cuts a run of Japanese characters into content words in normalised form."""

    def __call__(self, text: str) -> list[str]:
        """Return the words of a run, in order."""
        ...


class Analyser:
    """Turns text into terms.

    Args:
        japanese: Cuts Japanese into words; None leaves it to the bigrams.
        japanese_id: What made those words, e.g. `sudachi-20250825`; part of the analyser's id.

    Attributes:
        id: Stored with every index; terms of two analysers do not mix.
        content_terms: Words of a text, or its bigrams where it has none; remembered for the latest texts.
    """

    def __init__(self, japanese: Tokeniser | None = None, japanese_id: str = "bigram") -> None:
        self._japanese = japanese
        self._stem = Stemmer.Stemmer("english")
        self.content_terms = lru_cache(maxsize=8_192)(self._content_terms)
        self.id = f"parley-{REVISION}/en-snowball/ja-{japanese_id if japanese else 'bigram'}"

    def words(self, text: str) -> list[str]:
        """Return the content words of a text in order, repeated as they repeat."""
        out: list[str] = []
        for japanese, word in _runs(fold(text)):
            if japanese:
                out.extend(self._japanese(japanese) if self._japanese else ())
            elif (plain := _bare(word)) and plain not in STOP_WORDS:
                out.append(self._stem.stemWord(plain))
        return out

    def surfaces(self, text: str) -> list[tuple[str, str]]:
        """Return (term, word as written, lower case) of the English words of a text, in order."""
        found = (_bare(word) for _, word in _runs(fold(text)) if word)
        return [(self._stem.stemWord(w), w) for w in found if w and w not in STOP_WORDS]

    def grams(self, text: str) -> list[str]:
        """Return the character bigrams of the Japanese in a text; a lone character stands for itself."""
        out: list[str] = []
        if text.isascii():
            return out
        for run, _ in _runs(fold(text)):
            if run:
                out.extend(run[i : i + 2] for i in range(max(1, len(run) - 1)))
        return out

    def _content_terms(self, text: str) -> tuple[str, ...]:
        return tuple(self.words(text) or self.grams(text))


def fold(text: str) -> str:
    """Return the text in lower case, compatibility forms unified, Latin accents dropped.

    Japanese voicing marks are kept: without them が would be か.
    """
    text = unicodedata.normalize("NFKC", text).lower().replace("\u2019", "'")
    if text.isascii():
        return text
    return "".join(_unaccented(c) if "\u00c0" <= c <= "\u024f" else c for c in text)


def is_japanese(text: str) -> bool:
    """Tell whether a text is Japanese: it has kana, or Chinese characters and hardly any Latin words."""
    if _KANA.search(text):
        return True
    japanese = len(_JAPANESE_CHARACTER.findall(text))
    return japanese > 0 and japanese >= sum(c.isascii() and c.isalpha() for c in text) / 4


def language_of(text: str) -> str:
    """Return `jpn` or `eng` for a text, by its script."""
    return "jpn" if is_japanese(text) else "eng"


@lru_cache(maxsize=1)
def default_analyser() -> Analyser:
    """Return the analyser of this installation: with Sudachi where it and its dictionary are installed."""
    try:
        # Loads a dictionary of 200 MB: only where somebody analyses.
        from sudachipy import Dictionary, SplitMode  # type: ignore[import-untyped]  # noqa: PLC0415

        edition = version("sudachidict-core")
    except (ImportError, PackageNotFoundError):
        return Analyser()
    dictionary = Dictionary(dict="core")
    # A tokenizer refuses a second caller while it works; the dictionary behind them is one.
    own = threading.local()

    def cut(text: str) -> list[str]:
        found: list[str] = []
        if not hasattr(own, "tokenizer"):
            own.tokenizer = dictionary.tokenizer(mode=SplitMode.A)
        for part in _pieces(text):
            for morpheme in own.tokenizer.tokenize(part):
                if morpheme.part_of_speech()[0] in _FUNCTION_WORDS:
                    continue
                word = morpheme.normalized_form()
                if word not in _LIGHT:
                    found.append(word)
        return found

    return Analyser(cut, f"sudachi-{edition}")


def _pieces(text: str, size: int = 8_000) -> Iterable[str]:
    # Sudachi refuses input above 49,149 bytes.
    return (text[i : i + size] for i in range(0, len(text), size))


def _runs(text: str) -> Iterable[tuple[str, str]]:
    return ((m.group("ja") or "", m.group("word") or "") for m in _RUN.finditer(text))


def _bare(word: str) -> str:
    head, apostrophe, tail = word.partition("'")
    return head if tail in ("", "s") else head + tail if apostrophe else word


@lru_cache(maxsize=1024)
def _unaccented(character: str) -> str:
    return "".join(
        c for c in unicodedata.normalize("NFD", character) if not unicodedata.combining(c)
    )
