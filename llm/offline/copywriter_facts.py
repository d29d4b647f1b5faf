"""Which facts may be quoted, how they are shortened without changing what they say, and prices."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation

from domain.product import Fact, Product

_CONTACT = re.compile(
    r"https?:|www\.|@\w|\b[\w-]+\.(?:com|net|org|cn|jp|io|co)\b|\+?\d[\d\- ()]{8,}\d", re.I
)
#: Sentences that speak to somebody else than the person who reads the ad.
_ADDRESSED = re.compile(
    r"\b(?:please|click|note:|seller|listing|warning|size chart|see (?:photo|picture|description)|ignore"
    r"|instructions?|prompt|assistant|model:|sku|contact us|e-?mail us|call|i|i'm|my|your order)\b"
    r"|指示|無視|お問い合わせ|電話",
    re.I,
)
#: Words that compliance looks at closely; facts without them are quoted first.
_DELICATE = re.compile(
    r"\b(?:best|finest|perfect(?:ly)?|guarante\w*|cures?|heals?|treats?|prevents?|free|cheap\w*|lowest|"
    r"ultimate|#1|number one|most|never|always|100 ?%|doctor|clinical\w*|anti-aging|weight|amazing)\b"
    r"|無料|最高|最安|日本一|世界一|絶対|必ず|治|効果",
    re.I,
)
_SHOUTED = re.compile(r"\b[A-Z]{5,}\b")
_ODD = re.compile(
    r"[\U0001f000-\U0001ffff\u2600-\u27bf|<>{}\[\]_^~\\*]|!!|\?\?|\.\.|…|;\s*\w+;|\ufffd"
)
#: A sentence needs ordinary words; names and numbers alone are a label.
_PLAIN = re.compile(r"(?<![\w-])[a-z]{2,}(?![\w-])")
#: A sentence that begins like this leans on one that is not quoted.
_LEANING = re.compile(r"(?:and|but|or|so|which|that|this means|also|then|these|those|they)\b", re.I)
#: A clause that limits what stands before it; cutting it off would make a larger promise.
_LIMITING = re.compile(
    r"\b(?:if|when|unless|except|only|until|but|although|though|on orders|over|from|with|without|not|no"
    r"|never|free|up to|subject|while|may|might|can|selected|some|most|%)\b",
    re.I,
)
#: An offer is quoted with everything that stands around it, or not at all.
_OFFER = re.compile(r"\bfree\b|\d ?%|\boff\b|\bguarante|無料|割引|保証", re.I)
_CLAUSE = re.compile(
    r"(?<=\w);\s+|\s[-–—]\s|,\s+(?:and|which|so|making|featuring|allowing|giving)\s+"
)

_SIGNS = {"USD": "$", "GBP": "£", "EUR": "€", "JPY": "¥"}
_JAPANESE_UNITS = {"USD": "ドル", "JPY": "円", "EUR": "ユーロ", "GBP": "ポンド"}


def quotable(
    facts: Iterable[Fact], language: str, avoid: Iterable[str], limit: int
) -> Iterator[tuple[str, Fact]]:
    """Yield (sentence of at most `limit` characters, its fact), safest first, otherwise in order.

    A sentence is the fact itself, or its first clause where cutting the rest takes no condition away.
    """
    avoided = tuple(word.casefold() for word in avoid)
    fitting = [fact for fact in facts if fact.language == language and _usable(fact.text)]
    fitting.sort(key=lambda fact: bool(_DELICATE.search(fact.text)))
    for fact in fitting:
        sentence = shorten(fact.text, limit)
        if sentence and not any(word in sentence.casefold() for word in avoided):
            yield ended(sentence, language), fact


def shorten(text: str, limit: int) -> str | None:
    """Return the text, or its first clause if that fits and stands for itself, or None."""
    room = limit - 1
    if len(text) <= room:
        return text
    if _OFFER.search(text):
        return None
    for cut in reversed(list(_CLAUSE.finditer(text))):
        head, tail = text[: cut.start()], text[cut.end() :]
        if len(head) <= room and len(head.split()) >= 4 and not _LIMITING.search(tail):
            return head
    return None


def ended(sentence: str, language: str) -> str:
    """Return the sentence with a capital first letter and a full stop."""
    if language == "jpn":
        return (
            sentence if sentence.endswith(("。", "！", "？", "」")) else f"{sentence.rstrip('.')}。"
        )
    sentence = sentence[0].upper() + sentence[1:]
    return sentence if sentence.endswith((".", "!", "?")) else f"{sentence.rstrip(' ,;:')}."


def price_english(product: Product) -> str | None:
    """Return the price as an English sentence writes it: `$138`, `$1,299.50`, `138 CHF`."""
    amount = _amount(product)
    if amount is None or product.currency is None:
        return None
    sign = _SIGNS.get(product.currency)
    return f"{sign}{amount}" if sign else f"{amount} {product.currency}"


def price_japanese(product: Product) -> str | None:
    """Return the price as a Japanese sentence writes it: `138ドル`, `21,800円`."""
    amount = _amount(product)
    if amount is None or product.currency is None:
        return None
    unit = _JAPANESE_UNITS.get(product.currency)
    return f"{amount}{unit}" if unit else f"{amount} {product.currency}"


def _amount(product: Product) -> str | None:
    try:
        amount = Decimal(product.price or "")
    except InvalidOperation:
        return None
    if not amount.is_finite() or amount <= 0:
        return None
    return f"{amount:,.0f}" if amount == amount.to_integral_value() else f"{amount:,f}"


def _usable(text: str) -> bool:
    if not text.strip() or _ODD.search(text) or _CONTACT.search(text) or _ADDRESSED.search(text):
        return False
    if _SHOUTED.search(text) or text.count('"') % 2 or text.count("(") != text.count(")"):
        return False
    if text.isascii() and (len(_PLAIN.findall(text)) < 2 or _LEANING.match(text)):
        return False
    if text.endswith("?") or not (text[0].isalnum() or text[0] in "「『"):
        return False
    # A run of labels without a verb ("Material: Cotton Color: Red") reads like a form, not like a person.
    return text.count(":") < 2 and (len(text.split()) >= 3 or not text.isascii())
