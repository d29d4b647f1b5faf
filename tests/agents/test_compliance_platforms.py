"""Platform rules, the second reader, the tracker and the report."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.compliance import load_rules, review
from agents.compliance import second as second_module
from agents.compliance.platform_rules import (
    PlatformRules,
    load_platform_rules,
    read_platform_rules,
)
from agents.compliance.platforms import KINDS, Audience, PlatformAd, check_platform, width, worst
from agents.compliance.report import as_html, as_json
from agents.compliance.schemas import ComplianceFinding, ComplianceReport, Verdict
from agents.compliance.second import SecondFinding, SecondReading, read_again, stricter
from agents.compliance.tracker import compare, since, touched
from domain.brief import Brief
from domain.errors import BadInput, Unavailable
from domain.formats import AdFormat
from llm.offline.copywriter_types import BrandKit, Claim, Copy, CreativeDraft

DAY = date(2026, 12, 1)
FULL: dict[str, dict[str, tuple[str, ...]]] = {
    "google": {
        "headline": ("Trail shoes", "Grip in mud", "Free of fuss"),
        "long_headline": ("Trail shoes with rubber lugs",),
        "description": ("Rubber lugs grip mud.", "Made for wet paths."),
        "business_name": ("Kaze Trail",),
    },
    "meta": {"primary_text": ("Rubber lugs grip mud.",), "headline": ("Trail shoes",)},
    "linkedin": {"intro": ("Rubber lugs grip mud.",), "headline": ("Trail shoes",)},
    "tiktok": {"ad_text": ("Rubber lugs grip mud.",), "business_name": ("Kaze Trail",)},
    "producthunt": {"tagline": ("Trail shoes that grip",)},
    "in_chat": {"title": ("Trail shoes",)},
}


def ad(platform: str = "meta", **changes: Any) -> PlatformAd:
    texts = {**FULL[platform], **changes.pop("texts", {})}
    base = PlatformAd(
        key="a", platform=platform, texts=texts, payer="Kaze K.K.", beneficiary="Kaze K.K.",
        label="Ad", landing_url="https://kaze-trail.example/",
    )  # fmt: skip
    return msgspec.structs.replace(base, **changes)


def rules_of(one: PlatformAd) -> set[str]:
    return {finding.rule for finding in check_platform(one, DAY)}


@pytest.mark.parametrize("platform", sorted(FULL))
def test_a_decent_ad_passes_on_every_platform(platform: str) -> None:
    assert check_platform(ad(platform), DAY) == ()


BROKEN = [
    ("google_headline_width", ad("google", texts={"headline": ("a" * 31, "b", "c")})),
    ("google_headline_width", ad("google", texts={"headline": ("山" * 16, "b", "c")})),
    ("google_headline_least", ad("google", texts={"headline": ("one",)})),
    ("google_description_most", ad("google", texts={"description": tuple("abcdef")})),
    ("google_emoji", ad("google", texts={"headline": ("Shoes 👟", "b", "c")})),
    ("google_half_width_kana", ad("google", texts={"headline": ("ｸﾂ", "b", "c")})),
    ("google_repeated_marks", ad("google", texts={"description": ("Go!!", "b")})),
    ("google_headline_exclamation", ad("google", texts={"headline": ("Go!", "b", "c")})),
    ("google_shouting", ad("google", texts={"headline": ("TRAIL SHOES", "b", "c")})),
    ("google_spacing", ad("google", texts={"headline": ("S h o e s x", "b", "c")})),
    ("google_phone", ad("google", texts={"description": ("Call 03-1234-5678", "b")})),
    ("google_political_eu", ad("google", geos=("DE",), texts={"headline": ("Vote for us", "b", "c")})),
    ("meta_primary_text_soft", ad(texts={"primary_text": ("a" * 126,)})),
    ("meta_headline_hard", ad(texts={"headline": ("a" * 256,)})),
    ("meta_headline_most", ad(texts={"headline": tuple("abcdef")})),
    ("meta_personal_attribute", ad(texts={"primary_text": ("Are you diabetic?",)})),
    ("meta_personal_attribute", ad(texts={"primary_text": ("あなたの借金を減らす",)})),
    ("meta_negative_self", ad(texts={"primary_text": ("Tired of your fat belly?",)})),
    ("meta_before_after", ad(texts={"primary_text": ("Before and after",)})),
    ("meta_fake_interface", ad(texts={"primary_text": ("Press the play button",)})),
    ("meta_special_age", ad(category="housing", audience=Audience(min_age=25))),
    ("meta_special_age", ad(category="credit", audience=Audience())),
    ("meta_special_gender", ad(category="employment", audience=Audience(min_age=18, genders=("f",)))),
    ("meta_special_postcode", ad(category="housing", audience=Audience(min_age=18, postcodes=("1",)))),
    ("meta_special_lookalike", ad(category="housing", audience=Audience(min_age=18, lookalike=True))),
    ("linkedin_headline_hard", ad("linkedin", texts={"headline": ("a" * 201,)})),
    ("linkedin_emoji", ad("linkedin", texts={"intro": ("👟👟👟👟👟",)})),
    ("linkedin_affiliation", ad("linkedin", texts={"intro": ("A LinkedIn certified tool",)})),
    ("linkedin_url", ad("linkedin", landing_url="ftp://x.example/")),
    ("tiktok_text_latin", ad("tiktok", texts={"ad_text": ("a" * 101,)})),
    ("tiktok_text_cjk", ad("tiktok", texts={"ad_text": ("靴" * 51,)})),
    ("tiktok_braces", ad("tiktok", texts={"ad_text": ("see #shoes",)})),
    ("tiktok_special_expansion", ad("tiktok", category="credit", audience=Audience(min_age=18, expansion=True))),
    ("producthunt_tagline", ad("producthunt", texts={"tagline": ("a" * 61,)})),
    ("dsa_payer", ad(payer=" ")),
    ("dsa_beneficiary", ad(beneficiary="")),
    ("disclosure", ad(label="")),
    ("special_data", ad(audience=Audience(keywords=("people with diabetes",)))),
    ("age_gated", ad(texts={"headline": ("A dry white wine",)})),
    ("age_gated", ad(geos=("JP",), audience=Audience(min_age=18), texts={"headline": ("日本酒",)})),
    ("iab_sensitive", ad(topics=("Politics",))),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "broken"), BROKEN, ids=lambda v: v if isinstance(v, str) else "")
def test_each_breach_is_found_under_its_rule(rule: str, broken: PlatformAd) -> None:
    assert rule in rules_of(broken)


def test_what_is_allowed_is_not_found() -> None:
    assert "age_gated" not in rules_of(
        ad(geos=("JP",), audience=Audience(min_age=20), texts={"headline": ("日本酒",)})
    )
    assert check_platform(ad(category="housing", audience=Audience(min_age=18)), DAY) == ()
    assert "google_political_eu" not in rules_of(
        ad("google", geos=("US",), texts={"headline": ("Vote for us", "b", "c")})
    )
    soft = check_platform(ad(texts={"primary_text": ("a" * 126,)}), DAY)
    assert worst(soft) == "pass"


def test_every_row_is_whole_and_its_kind_known() -> None:
    rules = load_platform_rules()
    assert len(rules.rows) >= 60
    assert {"google", "meta", "linkedin", "tiktok", "all"} <= {r.platform for r in rules.rows}
    for row in rules.rows:
        assert row.kind in KINDS, row.id
        assert row.source, row.id
        assert row.message.endswith("."), row.id
        assert row.valid_from <= row.expires_on, row.id
    assert rules.expired(date(2026, 11, 21)) == ()
    assert len(rules.expired(date(2030, 1, 1))) == len(rules.rows)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("a\tb", "has 2 columns"),
        ("a\tall\tpayer\trequired\t\tmaybe\ts\t2026-01-01\t2026-01-01\t2026-01-02\tm.", "severity"),
        ("a\tall\tpayer\trequired\t\twarn\ts\t2026-13-01\t2026-01-01\t2026-01-02\tm.", "dates"),
    ],
)
def test_rules_that_break_their_form_name_the_line(line: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        read_platform_rules(line)


@given(st.text(max_size=60))
def test_columns_are_between_one_and_two_a_character(text: str) -> None:
    assert len(text) <= width(text) <= 2 * len(text)


def draft(
    description: str = "Rubber lugs grip muddy paths.", key: str = "S1:card"
) -> CreativeDraft:
    return CreativeDraft(
        key=key, product_key="S1", format=AdFormat.ACTION_CARD,
        texts={"eng": Copy(title="Kaze Ridge", description=description, cta_text="See details")},
        tags=("trail shoes",), landing_url="https://kaze-trail.example/s1",
        claims=(Claim(sentence=description, where="f", language="eng", support="Rubber lugs, 280 g."),),
    )  # fmt: skip


class Router:
    """A live model's place: answers or fails as told."""

    spec = "openai:some"
    canary = "kanaria-test"

    def __init__(self, *findings: SecondFinding, rule_based: bool = False, down: bool = False):
        self.findings, self.rule_based, self.down = findings, rule_based, down

    async def structured(self, task: str, schema: Any, messages: Any, canary: str) -> Any:
        assert 'trust="untrusted"' in messages[1]["content"]
        assert canary in messages[0]["content"]
        if self.down:
            raise Unavailable("model_down", "The model cannot be reached; try again.")
        value = SecondReading(findings=list(self.findings))
        return type("A", (), {"value": value, "rule_based": self.rule_based})()


class Offline:
    """The rule-based model's place."""

    spec = "offline"


def first(*drafts: CreativeDraft) -> ComplianceReport:
    return review(drafts, BrandKit(payer="K"), Brief(goal="g"))


@pytest.mark.asyncio
async def test_the_second_reader_works_by_rules_without_a_model() -> None:
    drafts = [
        draft("Weighs 190 g."),
        draft("Are you overweight?", "S2"),
        draft("Weighs 280 g.", "S3"),
    ]
    report, warnings = await read_again(Offline(), drafts, first(*drafts))  # type: ignore[arg-type]
    assert warnings == ()
    found = {(f.draft_key, f.rule) for f in report.findings}
    assert ("S1:card", "second_number") in found
    assert ("S2", "second_reader_trait") in found
    assert not any(key == "S3" for key, _ in found)
    assert {v.draft_key: v.outcome for v in report.verdicts} == {
        "S1:card": "pass", "S2": "revise", "S3": "pass",
    }  # fmt: skip


@pytest.mark.asyncio
async def test_a_model_adds_and_what_it_invents_is_dropped() -> None:
    router = Router(
        SecondFinding(draft_key="S1:card", severity="block", language="eng", excerpt="grip muddy", reason="odd"),
        SecondFinding(draft_key="S1:card", severity="warn", language="eng", excerpt="not there", reason="odd"),
        SecondFinding(draft_key="nobody", severity="block", reason="odd"),
    )  # fmt: skip
    report, _ = await read_again(router, [draft()], first(draft()))  # type: ignore[arg-type]
    assert [v.outcome for v in report.verdicts] == ["block"]
    assert [f.excerpt for f in report.findings if f.rule == "second_reader"] == ["grip muddy", ""]


@pytest.mark.asyncio
async def test_a_model_that_is_down_leaves_the_rules_reading_and_a_warning() -> None:
    report, warnings = await read_again(Router(down=True), [draft()], first(draft()))  # type: ignore[arg-type]
    assert [v.outcome for v in report.verdicts] == ["pass"]
    assert "left out" in warnings[0]


_OUTCOMES = st.sampled_from(["pass", "revise", "block"])
_SEVERITIES = st.sampled_from(["warn", "revise", "block"])
_RANK = {"pass": 0, "warn": 0, "revise": 1, "block": 2}


@given(
    st.lists(_OUTCOMES, max_size=6), st.lists(st.tuples(st.integers(0, 7), _SEVERITIES), max_size=9)
)
def test_no_verdict_ever_becomes_milder(outcomes: list[Any], found: list[tuple[int, Any]]) -> None:
    report = ComplianceReport(
        verdicts=tuple(Verdict(draft_key=str(i), outcome=o) for i, o in enumerate(outcomes))
    )
    added = [
        ComplianceFinding(draft_key=str(i), rule="r", severity=s, message="m.") for i, s in found
    ]
    after = stricter(report, added)
    assert [v.draft_key for v in after.verdicts] == [v.draft_key for v in report.verdicts]
    for old, new in zip(report.verdicts, after.verdicts, strict=True):
        own = [_RANK[f.severity] for f in added if f.draft_key == old.draft_key]
        assert _RANK[new.outcome] == max([_RANK[old.outcome], *own])


def test_the_tracker_says_what_changed_and_which_ads_it_touches() -> None:
    old = load_platform_rules()
    tighter = replace(old.rows[0], value="12", valid_from=date(2027, 1, 1))
    extra = replace(
        old.rows[-1], id="new_rule", platform="google", field="*", kind="pattern", value="lugs"
    )
    new = PlatformRules((tighter, *old.rows[2:], extra), "h")
    changes = compare(old, new)
    assert {(c.rule, c.what) for c in changes} == {
        (old.rows[0].id, "changed"), (old.rows[1].id, "removed"), ("new_rule", "added"),
    }  # fmt: skip
    changed = next(c for c in changes if c.what == "changed")
    assert (changed.before[0], changed.after[0]) == ("value: 30", "value: 12")
    long = ad("google", texts={"headline": ("Thirteen char", "b", "c")})
    hit = touched(changes, new, [long, ad("meta")], DAY)
    assert {(t.ad, t.rule) for t in hit} == {("a", old.rows[0].id), ("a", "new_rule")}
    assert compare(old, old) == ()


def test_the_tracker_counts_from_a_day() -> None:
    rules, copy_rules = load_platform_rules(), load_rules()
    first_day = min(r.valid_from for r in rules.rows)
    today = first_day + timedelta(days=1)
    assert since(rules, copy_rules, today, today) == ()
    before = since(rules, copy_rules, first_day - timedelta(days=1), today)
    assert {c.what for c in before} == {"comes_into_force"}
    assert len(before) == len(rules.rows) + len(copy_rules.compiled)
    later = since(rules, copy_rules, today, date(2030, 1, 1))
    assert {c.what for c in later} == {"expires"}


def test_the_report_escapes_what_ads_say_and_names_sources() -> None:
    bad = draft("Results guaranteed <script>alert(1)</script>", key="<b>")
    report = first(bad)
    page = as_html(report, read_at="2026-11-21", second_reader="parley-offline-1 (rule-based)")
    assert "<script>" not in page
    assert "&lt;b&gt;" in page
    assert "http" not in page.replace("&", "")
    told = as_json(report, read_at="2026-11-21", second_reader="x")
    assert told["counts"]["pass"] == 0
    assert all(f["source"] for f in told["findings"])
    assert msgspec.json.decode(msgspec.json.encode(told))["rules_hash"] == report.rules_hash


def test_the_second_readers_rules_are_named_apart() -> None:
    ids = {c.rule.id for c in load_rules().compiled} | {r.id for r in load_platform_rules().rows}
    assert not ids & {"second_reader", *(rule for rule, *_ in second_module._SAID)}
