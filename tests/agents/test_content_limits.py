"""Lengths and numbers of texts: data, counting, and agreement with what compliance knows."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.compliance.platform_rules import load_platform_rules
from agents.compliance.platforms import width
from agents.content_creator import limits
from domain.brief import CHANNELS
from domain.errors import BadInput, NotFound


def test_every_row_has_a_source_and_dates() -> None:
    rows = limits.load_limits()
    assert {row.platform for row in rows} == set(CHANNELS)
    assert all(row.source and row.checked_on < row.expires_on for row in rows)
    assert len({(r.platform, r.format, r.field) for r in rows}) == len(rows)
    assert limits.expired(date(2026, 11, 22)) == ()
    assert {row.platform for row in limits.expired(date(2027, 6, 1))} == set(CHANNELS) - {"in_chat"}


def test_the_default_formats_are_known() -> None:
    for platform, name in limits.DEFAULT_FORMATS.items():
        assert [r.format for r in limits.fields_of(platform)] == [name] * len(
            limits.fields_of(platform)
        )


def test_creation_and_compliance_agree_on_the_limits() -> None:
    """Two files, one truth: where both name a field of the default format, the hard numbers are equal."""
    compared = 0
    for rule in load_platform_rules().rows:
        found = [
            r
            for r in limits.load_limits()
            if (r.platform, r.field) == (rule.platform, rule.field)
            and r.format == limits.DEFAULT_FORMATS[r.platform]
        ]
        for row in found:
            stated = {
                "max_width": row.hard,
                "min_count": row.least,
                "max_count": row.most,
                "max_chars_cjk": row.cjk,
                "max_chars": row.soft if rule.severity == "warn" else row.hard,
            }.get(rule.kind)
            if stated is not None:
                assert stated == int(rule.value), rule.id
                compared += 1
    assert compared >= 25


@pytest.mark.parametrize(
    ("platform", "field", "text", "weights"),
    [
        ("google", "headline", "x" * 30, []),
        ("google", "headline", "x" * 31, ["hard"]),
        ("google", "headline", "あ" * 15, []),
        ("google", "headline", "あ" * 16, ["hard"]),
        ("google", "headline", "ｱ" * 30, []),
        ("meta", "headline", "x" * 28, ["soft"]),
        ("meta", "headline", "x" * 256, ["hard"]),
        ("tiktok", "ad_text", "x" * 100, []),
        ("tiktok", "ad_text", "あ" * 50, []),
        ("tiktok", "ad_text", "あ" * 51, ["hard"]),
        ("tiktok", "business_name", "あ" * 11, ["hard"]),
        ("linkedin", "intro", "x" * 600, ["soft"]),
        ("linkedin", "intro", "x" * 601, ["hard"]),
        ("in_chat", "title", " ", ["hard"]),
    ],
)  # fmt: skip
def test_length_is_counted_the_platforms_way(
    platform: str, field: str, text: str, weights: list[str]
) -> None:
    assert [b.weight for b in limits.check(platform, field, text)] == weights


@given(st.text(max_size=60))
def test_columns_are_counted_as_compliance_counts_them(text: str) -> None:
    assert limits.columns(text) == width(text)


def test_numbers_of_texts_are_checked() -> None:
    good = {
        "headline": ["Kaze Ridge", "Trail running shoes", "Kaze Trail"],
        "long_headline": ["4 mm rubber lugs grip muddy paths."],
        "description": ["4 mm rubber lugs grip muddy paths.", "One shoe weighs 268 g."],
        "business_name": ["Kaze Trail"],
    }
    assert limits.check_set("google", good) == ()
    few = limits.check_set("google", {**good, "headline": good["headline"][:2]})
    assert [(b.field, b.weight) for b in few] == [("headline", "hard")]
    long = {**good, "headline": [f"Trail running shoes {n}" for n in range(3)]}
    assert "15 columns" in limits.check_set("google", long)[0].message
    missing = limits.check_set("google", {k: v for k, v in good.items() if k != "business_name"})
    assert missing[0].message == "Write at least 1; there are 0."


def test_what_is_not_known_is_said() -> None:
    with pytest.raises(NotFound, match="poster"):
        limits.check("google", "poster", "x")
    with pytest.raises(NotFound, match="myspace"):
        limits.fields_of("myspace")
    with pytest.raises(BadInput, match=r"a\.b\.c"):
        limits.read_limits("- {id: a.b.c, count: [2, 1], hard: 3, width: columns}")
