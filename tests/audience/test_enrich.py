"""What is added to leads: from their own fields; others are asked only about people who agreed to that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from audience.enrich import Derived, OwnFields, derive, enrich
from audience.scoring import features, rules, score, sentences
from audience.types import LawfulBasis, LeadDraft
from domain.errors import Unavailable

pytestmark = pytest.mark.asyncio

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def lead(**more: object) -> LeadDraft:
    given = {
        "email": "a@kaze-trail.co.jp",
        "source": "crm",
        "lawful_basis": LawfulBasis.CONSENT,
        **more,
    }
    return LeadDraft(**given)  # type: ignore[arg-type]


@dataclass
class Vendor:
    """A vendor that remembers whom it was asked about."""

    says: tuple[Derived, ...] = ()
    fails: bool = False
    external: bool = True
    asked: list[str] = field(default_factory=list)

    async def __call__(self, lead: LeadDraft) -> Sequence[Derived]:
        self.asked.append(lead.email)
        if self.fails:
            raise Unavailable("vendor_down", "The vendor does not answer; try again.")
        return self.says


async def test_own_fields_say_company_country_and_language() -> None:
    assert {(d.field, d.value) for d in derive(lead())} == {
        ("company", "Kaze Trail"), ("country", "JP"), ("language", "jpn"),
    }  # fmt: skip
    assert {(d.field, d.value) for d in derive(lead(email="a@gmail.com", phone="+81312345678"))} == {
        ("country", "JP"), ("language", "jpn"),
    }  # fmt: skip
    # What is used all over the world says nothing, and what is stated is not overwritten.
    assert [d.field for d in derive(lead(email="a@kaze.io", company="Kaze KK"))] == []
    assert [d.field for d in derive(lead(email="a@gmail.com", phone="+12125550100"))] == []


async def test_nobody_is_asked_about_people_who_did_not_agree_to_it() -> None:
    vendor = Vendor(
        (
            Derived("job_title", "Head of Retail", "vendor"),
            Derived("email", "x@y.example", "vendor"),
        )
    )
    for draft in (
        lead(), lead(lawful_basis=LawfulBasis.CONTRACT, purposes=("marketing", "enrichment")),
    ):  # fmt: skip
        filled, found, problems = await enrich(draft, [OwnFields(), vendor])
        assert vendor.asked == []
        assert (filled.job_title, filled.company, problems) == ("", "Kaze Trail", ())
        assert all(one.how for one in found)
    filled, found, _ = await enrich(lead(purposes=("marketing", "enrichment")), [vendor])
    assert vendor.asked == ["a@kaze-trail.co.jp"]
    # Only empty fields of the list are filled; an address is never replaced.
    assert (filled.job_title, filled.email, len(found)) == (
        "Head of Retail",
        "a@kaze-trail.co.jp",
        1,
    )


async def test_a_vendor_that_is_down_costs_nothing_else() -> None:
    agreed = lead(purposes=("marketing", "enrichment"))
    filled, _, problems = await enrich(agreed, [Vendor(fails=True), OwnFields()])
    assert problems == ("The vendor does not answer; try again.",)
    assert filled.company == "Kaze Trail"


async def test_scores_are_sums_of_named_rules_within_bounds() -> None:
    recent = datetime(2026, 10, 1, tzinfo=UTC)
    found = score(
        lead(consent_at=recent, job_title="代表取締役", phone="+81312345678", given_name="A"), NOW
    )
    assert (found.points, found.grade) == (73, "A")
    assert set(found.reasons) == {"consent_recent", "work_email", "phone", "named", "decides"}
    assert "The title says that they decide. (+20)" in sentences(found.reasons)
    thrown = score(
        lead(email="info@mailinator.com", consent_at=datetime(2020, 1, 1, tzinfo=UTC)), NOW
    )
    assert (thrown.points, thrown.grade) == (0, "D")
    assert sentences(["a rule that is gone"]) == ("a rule that is gone",)
    assert len({rule.id for rule in rules()}) == len(rules())
    known = features(lead(), NOW)
    assert all(isinstance(rule.holds(known), bool) for rule in rules())
