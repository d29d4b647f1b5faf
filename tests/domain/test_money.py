"""Money is whole micros of one currency, whatever it is read from or written as."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadInput
from domain.money import CURRENCIES, MAX_MICROS, MICROS, Money, check_currency, exponent

currencies = st.sampled_from(sorted(CURRENCIES))
amounts = st.integers(-MAX_MICROS, MAX_MICROS)


@pytest.mark.parametrize(
    ("text", "currency", "micros"),
    [
        ("12.50", "USD", 12_500_000),
        ("0.000001", "USD", 1),
        ("-3", "EUR", -3_000_000),
        ("300", "JPY", 300_000_000),
        ("0.5", "JPY", 500_000),
        ("1.234", "KWD", 1_234_000),
        (" 7 ", "USD", 7_000_000),
        ("1e3", "USD", 1_000_000_000),
        ("１２", "JPY", 12_000_000),
        ("999999999999.999999", "USD", MAX_MICROS - 1),
    ],
)
def test_amounts_are_read_exactly(text: str, currency: str, micros: int) -> None:
    assert Money.parse(text, currency) == Money(micros, currency)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "bad_amount"), ("free", "bad_amount"), ("1,000", "bad_amount"), ("$5", "bad_amount"),
        ("nan", "bad_amount"), ("inf", "bad_amount"), ("sNaN", "bad_amount"),
        ("0.0000001", "bad_amount"), ("1" + "0" * 40 + ".5", "amount_too_large"),
        ("1e13", "amount_too_large"), ("1e99999999", "bad_amount"), ("9" * 5000, "bad_amount"),
        ("123456789012345678901.00000049", "amount_too_large"),
        ("0." + "1" * 50, "bad_amount"), ("1" * 20 + "e-25", "bad_amount"),
    ],
)  # fmt: skip
def test_what_is_no_amount_is_refused_in_one_short_sentence(text: str, code: str) -> None:
    with pytest.raises(BadInput) as caught:
        Money.parse(text, "USD")
    assert caught.value.code == code
    assert len(caught.value.detail) < 100


@pytest.mark.parametrize("currency", ["", "usd", "XXX", "BTC", "US", "USDD"])
def test_unknown_currencies_are_refused(currency: str) -> None:
    for build in (
        lambda: check_currency(currency),
        lambda: Money.parse("1", currency),
        lambda: Money.of_minor(1, currency),
    ):
        with pytest.raises(BadInput) as caught:
            build()
        assert caught.value.code == "unknown_currency"


@pytest.mark.parametrize(("currency", "places"), [("USD", 2), ("JPY", 0), ("KWD", 3), ("KRW", 0)])
def test_minor_units_have_their_currencys_size(currency: str, places: int) -> None:
    assert exponent(currency) == places
    assert Money.of_minor(1, currency).micros == 10 ** (6 - places)
    assert Money.of_minor(-250, currency).minor() == -250


def test_minor_units_are_rounded_half_to_even() -> None:
    assert [Money(micros, "USD").minor() for micros in (5_000, 15_000, 25_000, 25_001)] == [
        0,
        2,
        2,
        3,
    ]
    assert [Money(micros, "JPY").minor() for micros in (500_000, 1_500_000, -1_500_000)] == [
        0,
        2,
        -2,
    ]


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (Money(15_000_000, "USD"), "15.00 USD"),
        (Money(300_000_000, "JPY"), "300 JPY"),
        (Money(3_000_000_000, "USD"), "3,000.00 USD"),
        (Money(1_234_567, "USD"), "1.234567 USD"),
        (Money(500_000, "JPY"), "0.5 JPY"),
        (Money(-1_500_000, "EUR"), "-1.50 EUR"),
        (Money(-1, "USD"), "-0.000001 USD"),
        (Money(0, "KWD"), "0.000 KWD"),
    ],
)
def test_money_is_written_with_its_currencys_decimals_at_least(money: Money, text: str) -> None:
    assert str(money) == text


@given(amounts, currencies)
def test_what_is_written_reads_the_same(micros: int, currency: str) -> None:
    money = Money(micros, currency)
    written, _, code = str(money).rpartition(" ")
    assert Money.parse(written.replace(",", ""), code) == money
    assert Decimal(written.replace(",", "")) * MICROS == micros


@given(st.integers(-(10**11), 10**11), currencies)
def test_minor_units_come_back(minor: int, currency: str) -> None:
    assert Money.of_minor(minor, currency).minor() == minor


@given(amounts, amounts, currencies)
def test_sums_are_exact(a: int, b: int, currency: str) -> None:
    one, other = Money(a, currency), Money(b, currency)
    assert (one + other - other, one - one) == (one, Money(0, currency))
    assert one + -one == Money(0, currency)
    assert (one < other, one <= other, one > other) == (a < b, a <= b, a > b)


def test_currencies_do_not_mix() -> None:
    dollars, yen = Money(1, "USD"), Money(1, "JPY")
    for mix in (
        lambda: dollars + yen,
        lambda: dollars - yen,
        lambda: dollars < yen,
        lambda: dollars <= yen,
    ):
        with pytest.raises(BadInput) as caught:
            mix()
        assert caught.value.code == "currency_mismatch"
    assert dollars != yen


@pytest.mark.parametrize("minor", [10**30, -(10**30)])
def test_absurd_sums_are_refused_before_they_reach_a_table(minor: int) -> None:
    with pytest.raises(BadInput) as caught:
        Money.of_minor(minor, "USD")
    assert caught.value.code == "amount_too_large"
