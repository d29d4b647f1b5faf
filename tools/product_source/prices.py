"""Stated prices to decimal strings and ISO 4217 codes."""

from __future__ import annotations

import re
from decimal import Decimal

from domain.money import CURRENCIES, exponent

#: Signs that name one currency; `$` is US dollars unless the feed names another (issue brief).
_SIGNS: dict[str, str] = {
    "US$": "USD", "A$": "AUD", "C$": "CAD", "CA$": "CAD", "AU$": "AUD", "NZ$": "NZD", "HK$": "HKD",
    "NT$": "TWD", "S$": "SGD", "R$": "BRL", "$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "￥": "JPY",
    "円": "JPY", "₹": "INR", "₩": "KRW", "ドル": "USD", "米ドル": "USD", "ユーロ": "EUR", "ポンド": "GBP",
}  # fmt: skip
_NUMBER = r"\d{1,3}(?:[,.' ]\d{3})+(?:[.,]\d{1,4})?|\d+(?:[.,]\d{1,4})?"
_PRICE = re.compile(rf"^(?P<before>[^\d\-−]{{0,12}})(?P<number>{_NUMBER})(?P<after>[^\d]{{0,24}})$")
_NOISE = re.compile(r"税込|税抜|税別|（|）|\(|\)|incl\.?|excl\.?|tax|vat|約", re.I)
_FULL_WIDTH = str.maketrans("０１２３４５６７８９，．", "0123456789,.")


def parse_price(stated: str, currency: str | None = None) -> tuple[str, str | None] | None:
    """Return (amount, ISO 4217 code or None) of a stated price, or None if it is no single price.

    Args:
        stated: For example `12.99 USD`, `$1,299.00`, `1,200円`, `€1.299,00`.
        currency: What the feed says elsewhere; the price's own sign wins unless it is a bare `$`.
    """
    text = _NOISE.sub("", stated.translate(_FULL_WIDTH)).strip()
    match = _PRICE.match(text)
    if match is None:
        return None
    declared = currency.strip().upper() if currency else None
    found, clear = _currency_of(match["before"], match["after"])
    if found is None and not clear:
        return None
    if declared in CURRENCIES and (found is None or "$" in stated):
        found = declared
    amount = _amount(match["number"], found)
    return None if amount is None else (amount, found)


def _currency_of(before: str, after: str) -> tuple[str | None, bool]:
    """Return (code, whether the words around the number were understood)."""
    for word in (before.strip(), after.strip()):
        if not word:
            continue
        if word in _SIGNS:
            return _SIGNS[word], True
        if word.upper() in CURRENCIES:
            return word.upper(), True
    return None, not (before.strip() or after.strip())


def _amount(number: str, currency: str | None) -> str | None:
    digits = number.replace("'", "").replace(" ", "")
    comma, dot = digits.rfind(","), digits.rfind(".")
    if comma >= 0 and dot >= 0:
        thousands = "," if dot > comma else "."
        digits = digits.replace(thousands, "").replace(",", ".")
    elif comma >= 0:
        digits = digits.replace(",", "" if _groups(digits, ",") else ".")
    elif digits.count(".") > 1 or (_groups(digits, ".") and exponent(currency or "") == 0):
        digits = digits.replace(".", "")
    elif _groups(digits, ".") and dot >= 0 and exponent(currency or "") != 3:
        # 1.299 is a thousand in Berlin and one and a bit in London; a wrong price is worse than none.
        return None
    return f"{Decimal(digits):f}"


def _groups(digits: str, mark: str) -> bool:
    head, *rest = digits.split(mark)
    return 1 <= len(head) <= 3 and all(len(part) == 3 for part in rest)
