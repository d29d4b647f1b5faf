"""Catalogue files: good rows are used, broken ones are named."""

from __future__ import annotations

import json

import pytest

from catalog.files import export_of, read_ad_rows
from domain.errors import BadInput

NOW = 1_700_000_000_000
GOOD = {
    "advertiser": "Kaze",
    "title": "Trail shoes",
    "description": "Light shoes for mud.",
    "url": "https://kaze.example/shoes",
    "tags": ["Trail Shoes"],
    "bid": "0.42",
    "budget_total": "100",
}


def rows(*items: object) -> bytes:
    return "\n".join(item if isinstance(item, str) else json.dumps(item) for item in items).encode()


def test_good_rows_become_an_export() -> None:
    found, problems = read_ad_rows(
        rows(GOOD, {**GOOD, "advertiser": "Other", "format": "static"}), NOW
    )
    assert problems == []
    export = export_of(found)
    assert [ad.bid_micros for ad in export.ads] == [420_000, 420_000]
    assert {ad.tags for ad in export.ads} == {("trail shoes",)}
    assert len({ad.ad_id for ad in export.ads}) == 2
    assert export_of(found) == export


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("{", "not JSON"),
        ([], "Expected `object`"),
        ({k: v for k, v in GOOD.items() if k != "url"}, "url"),
        ({**GOOD, "bid": "-1"}, "more than zero"),
        ({**GOOD, "bid": "a lot"}, "not an amount"),
        ({**GOOD, "currency": "ZORK"}, "not a currency"),
        ({**GOOD, "tags": []}, "tags"),
        ({**GOOD, "ends_ms": 1}, "past"),
        ({**GOOD, "surprise": 1}, "surprise"),
        ({**GOOD, "title": "x" * 61}, "60 characters"),
    ],
)
def test_a_broken_row_is_named_and_the_rest_is_used(row: object, reason: str) -> None:
    found, problems = read_ad_rows(rows(GOOD, row, GOOD), NOW)
    assert [number for number, _ in found] == [1, 3]
    assert [problem.line for problem in problems] == [2]
    assert reason in problems[0].reason


def test_an_array_is_as_good_as_lines() -> None:
    assert read_ad_rows(json.dumps([GOOD]).encode(), NOW) == read_ad_rows(rows(GOOD), NOW)


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"[1, 2", b"[" * 100_000])
def test_what_is_not_a_catalogue_is_refused(data: bytes) -> None:
    with pytest.raises(BadInput):
        read_ad_rows(data, NOW)
