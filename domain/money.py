"""Money as integer micros plus an ISO 4217 currency. Floats never touch it.

One unit of a currency is 1,000,000 micros, whatever its number of decimals: 15 dollars are
15_000_000 micros USD, 300 yen are 300_000_000 micros JPY. "Minor" amounts (cents, yen) appear only at
the edges, in the brief and on invoices.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal, Inexact, InvalidOperation, Overflow
from typing import TypeVar

import msgspec

from domain.errors import BadInput

MICROS = 1_000_000
N = TypeVar("N", int, Decimal)

#: A trillion units: more than anybody spends, less than a database's 64-bit integer holds.
MAX_MICROS = 10**18

#: Inexact is trapped: an amount is taken to the last digit or not at all.
_EXACT = Context(prec=60, traps=[Inexact, InvalidOperation, Overflow])

#: Decimals of the currencies that do not have two. Source: ISO 4217:2015 table A.1, checked 2026-11.
_EXPONENTS: dict[str, int] = {
    "BHD": 3, "CLP": 0, "IQD": 3, "ISK": 0, "JOD": 3, "JPY": 0, "KRW": 0, "KWD": 3,
    "LYD": 3, "OMR": 3, "PYG": 0, "TND": 3, "UGX": 0, "VND": 0, "XAF": 0, "XOF": 0, "XPF": 0,
}  # fmt: skip

#: Currencies that campaigns may be paid in.
CURRENCIES: frozenset[str] = frozenset(
    [
        "AED",
        "ARS",
        "AUD",
        "BHD",
        "BRL",
        "CAD",
        "CHF",
        "CLP",
        "CNY",
        "COP",
        "CZK",
        "DKK",
        "EGP",
        "EUR",
        "GBP",
        "HKD",
        "HUF",
        "IDR",
        "ILS",
        "INR",
        "ISK",
        "JOD",
        "JPY",
        "KRW",
        "KWD",
        "MXN",
        "MYR",
        "NGN",
        "NOK",
        "NZD",
        "OMR",
        "PEN",
        "PHP",
        "PLN",
        "RON",
        "SAR",
        "SEK",
        "SGD",
        "THB",
        "TND",
        "TRY",
        "TWD",
        "UAH",
        "USD",
        "VND",
        "ZAR",
    ]
)


def exponent(currency: str) -> int:
    """Return the number of decimals of a currency (USD 2, JPY 0, KWD 3)."""
    return _EXPONENTS.get(currency, 2)


class Money(msgspec.Struct, frozen=True, order=False):
    """An amount of money.

    Attributes:
        micros: Amount in millionths of one currency unit; may be negative.
        currency: ISO 4217 code, upper case.
    """

    micros: int
    currency: str

    @classmethod
    def of_minor(cls, minor: int, currency: str) -> Money:
        """Build from minor units (cents for USD, yen for JPY)."""
        check_currency(currency)
        return cls(_bounded(minor * 10 ** (6 - exponent(currency))), currency)

    @classmethod
    def parse(cls, amount: str, currency: str) -> Money:
        """Build from a decimal string such as `"12.50"`.

        Raises:
            BadInput: if it is not a number, has more decimals than micros can hold, or is absurdly large.
        """
        check_currency(currency)
        try:
            micros = _EXACT.multiply(_EXACT.create_decimal(amount.strip()), MICROS)
        except ArithmeticError as error:
            raise _no_amount(amount) from error
        if not micros.is_finite():
            raise _no_amount(amount)
        _bounded(micros)
        if micros != micros.to_integral_value():
            raise BadInput("bad_amount", f"{amount[:40]!r} has more than six decimals.")
        return cls(int(micros), currency)

    def minor(self) -> int:
        """Return the amount in minor units, rounded half-even."""
        unit = Decimal(10 ** (6 - exponent(self.currency)))
        return int((Decimal(self.micros) / unit).quantize(Decimal(1), ROUND_HALF_EVEN))

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.micros + other.micros, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.micros - other.micros, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.micros, self.currency)

    def __lt__(self, other: Money) -> bool:
        self._same(other)
        return self.micros < other.micros

    def __le__(self, other: Money) -> bool:
        self._same(other)
        return self.micros <= other.micros

    def __str__(self) -> str:
        places = max(exponent(self.currency), _needed_places(self.micros))
        sign, whole = ("-" if self.micros < 0 else ""), abs(self.micros)
        units, rest = divmod(whole, MICROS)
        decimals = f".{rest:06d}"[: places + 1] if places else ""
        return f"{sign}{units:,}{decimals} {self.currency}"

    def _same(self, other: Money) -> None:
        if self.currency != other.currency:
            raise BadInput(
                "currency_mismatch", f"{self.currency} and {other.currency} cannot be combined."
            )


def check_currency(currency: str) -> str:
    """Return the code unchanged, or raise `BadInput` with what would be accepted."""
    if currency not in CURRENCIES:
        raise BadInput(
            "unknown_currency",
            f"{currency!r} is not a currency Parley can bill in; use an ISO 4217 code such as USD or JPY.",
        )
    return currency


def _bounded(micros: N) -> N:
    if abs(micros) > MAX_MICROS:
        raise BadInput(
            "amount_too_large", "Amounts of more than a trillion units cannot be booked; check it."
        )
    return micros


def _no_amount(amount: str) -> BadInput:
    return BadInput("bad_amount", f"{amount[:40]!r} is not an amount of money.")


def _needed_places(micros: int) -> int:
    rest = abs(micros) % MICROS
    places = 6
    while places and rest % 10 == 0:
        rest //= 10
        places -= 1
    return places if abs(micros) % MICROS else 0
