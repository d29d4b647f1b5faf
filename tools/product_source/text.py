"""Cleaning, sentence splitting and language of text that strangers wrote."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from domain.invisible import INVISIBLE

#: Longest fact, in characters (`domain.product.Fact`).
FACT_CHARS = 300

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_SPACE = re.compile(r"\s+")
_KANA = re.compile(r"[\u3041-\u3096\u30a1-\u30fa\uff66-\uff9d]")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_HANGUL = re.compile(r"[\uac00-\ud7a3]")
_SENTENCE_END = re.compile(
    r"(?<=[。！？])(?![」』）])|(?<=[.!?])[\"'”’)]*\s+(?=[^\sa-z])|\s*[•●▪■◆✔✓]\s*|\s*\n\s*"
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|approx|incl|max|min|no|vs|dr|mr|mrs|st|oz|lbs?|ft|dia|qty|vol)|\b[A-Z])\.$",
    re.I,
)

_ISO1 = {
    "en": "eng", "ja": "jpn", "fr": "fra", "de": "deu", "es": "spa", "it": "ita",
    "zh": "zho", "ko": "kor", "pt": "por", "nl": "nld", "pl": "pol", "sv": "swe",
}  # fmt: skip


def clean(text: str) -> str:
    """Return text without invisible or control characters, NFC, whitespace as single blanks."""
    visible = INVISIBLE.sub("", _CONTROL.sub(" ", text))
    return _SPACE.sub(" ", unicodedata.normalize("NFC", visible)).strip()


def iso3(tag: str | None) -> str | None:
    """Return the ISO 639-3 code of an HTML `lang` value such as `ja-JP`; None if not known."""
    if not tag:
        return None
    head = tag.strip().lower().replace("_", "-").split("-")[0]
    return _ISO1.get(head, head if head in _ISO1.values() else None)


def language_of(text: str, hint: str | None = None) -> str:
    """Return the ISO 639-3 code of a text.

    Args:
        text: Cleaned text.
        hint: Code that the surrounding document states, used where the script does not decide.

    Returns:
        `jpn` if there is kana; for Han characters alone the hint or `zho`; for other scripts the hint
        or `und`; for Latin letters the hint unless it names an East Asian language, else `eng`.
    """
    if _KANA.search(text):
        return "jpn"
    if _HAN.search(text):
        return hint if hint in {"jpn", "zho", "kor"} else "zho"
    if _HANGUL.search(text):
        return "kor"
    letters = [c for c in text if c.isalpha()]
    if letters and sum(c > "\u024f" for c in letters) * 2 > len(letters):
        return hint or "und"
    return hint if hint and hint not in {"jpn", "zho", "kor"} else "eng"


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a text, each cleaned and at most `FACT_CHARS` characters.

    A longer sentence is left out rather than cut: half a sentence can say the opposite of the whole.
    """
    pending = ""
    for part in _SENTENCE_END.split(text):
        piece = clean(part or "")
        if not piece:
            continue
        pending = f"{pending} {piece}" if pending else piece
        if _ABBREVIATION.search(pending):
            continue
        yield from _bounded(pending)
        pending = ""
    if pending:
        yield from _bounded(pending)


def _bounded(sentence: str) -> Iterator[str]:
    if len(sentence) <= FACT_CHARS:
        if any(c.isalnum() for c in sentence):
            yield sentence
        return
    for part in re.split(r"(?<=;)\s+|\|\|", sentence):
        if 0 < len(part) <= FACT_CHARS and any(c.isalnum() for c in part):
            yield part.strip()
