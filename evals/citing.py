"""Looks up whether the words that support a statement stand in what somebody else has written."""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Iterator

from evals.observed import Observation

_TAG = re.compile(r"<(script|style)\b[^>]*>|</(?:script|style)>|<[^>]+>")
_PRICED = re.compile(r"(?:(.+): )?([\d.,]+) ([A-Z]{3})", re.DOTALL)
#: A price as copy shows it, and what its currency is called in a feed.
_SHOWN = re.compile(r"(\$|¥|€|£)?([\d,]+(?:\.\d+)?)(ドル|円|ユーロ|ポンド)?")
_CODES = {
    "$": "usd",
    "ドル": "usd",
    "¥": "jpy",
    "円": "jpy",
    "€": "eur",
    "ユーロ": "eur",
    "£": "gbp",
    "ポンド": "gbp",
}
#: Words of a product's name and kind, which copy may use in any number.
_KINDS = "#tags"
_ESCAPE = re.compile(r"\\u[0-9a-fA-F]{4}")


def unsupported(seen: Observation) -> Iterator[str]:
    """Yield every statement whose support cannot be found, and every claim that no ad makes."""
    sources = plain(" ".join(_unescaped(text) for text in seen.published.values()))
    written = plain(" ".join(seen.written))
    for one in seen.supports:
        if one.where.endswith(_KINDS):
            strange = [word for word in one.support.split() if not _is_said(word, sources)]
            if strange:
                yield f"{one.sentence[:80]!r} rests on {strange}, which no source says"
        elif one.support and not _stands(one.support, sources):
            yield f"{one.sentence[:80]!r} rests on {one.support[:80]!r}, which stands nowhere"
        elif not one.support:
            yield f"{one.sentence[:80]!r} rests on nothing"
        elif plain(one.sentence) not in written:
            yield f"{one.sentence[:80]!r} is claimed, and no ad or report says it"


def _stands(support: str, sources: str) -> bool:
    """Return whether words stand in the sources; a price with its name may stand in two fields of one row."""
    if plain(support) in sources:
        return True
    priced = _PRICED.fullmatch(support)
    if priced is not None:
        return all(plain(part) in sources for part in priced.groups() if part)
    shown = _SHOWN.fullmatch(support)
    return shown is not None and _is_price(shown[2], shown[1] or shown[3] or "", sources)


def _is_price(number: str, sign: str, sources: str) -> bool:
    """Return whether a source states this amount in the currency of the sign, whatever its decimals."""
    amount = re.escape(number.replace(",", "").removesuffix(".00"))
    return re.search(rf"(?<![\d.]){amount}(?:\.0+)?{_CODES.get(sign, '-')}", sources) is not None


def _is_said(word: str, sources: str) -> bool:
    """Return whether a word stands in the sources, one or many of it."""
    low = plain(word)
    return any(form in sources for form in (low, low.removesuffix("s"), low.removesuffix("es")))


def plain(text: str) -> str:
    """Return a text without markup, differences of case, of width, and of white space."""
    bare = html.unescape(_TAG.sub(" ", text))
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", bare)).casefold()


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda found: str(json.loads(f'"{found[0]}"')), text)
