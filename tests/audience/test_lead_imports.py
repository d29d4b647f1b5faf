"""Imports on a real database: each lead once, nobody who must not be written to, nothing of another tenant."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select, text

from audience.imports import MOST_PROBLEMS, Importer
from audience.repository import Leads
from audience.rule import AudienceRule
from audience.service import AudienceService
from audience.tables import Lead, LeadImport, Suppression
from audience.types import LawfulBasis, Terms
from bootstrap.services import Services
from domain.errors import Conflict, ParleyError
from tests.support.campaigns import advertiser

pytestmark = pytest.mark.asyncio

KEY = b"k" * 32
TERMS = Terms(
    source="newsletter", lawful_basis=LawfulBasis.CONSENT, consent_text="Yes, write to me about shoes.",
    consent_at=datetime(2026, 5, 1, tzinfo=UTC), country="JP",
)  # fmt: skip
LIST = """email,phone,first name,company,job title,interests,consent date,unsubscribed
a@kaze.example,03-1234-5678,Aiko,,Head of Retail,trail shoes,2026-09-01,
b@gmail.com,,Ben,,,,2021-01-01,
A@Kaze.example,,,Kaze,,socks,2026-09-01,
c@roc.example,,Cleo,=cmd(),,diabetes,2026-09-01,
not a mail,,Dan,,,,2026-09-01,
gone@roc.example,,Gil,,,,2026-09-01,yes
"""


def written(folder: Path, content: str | bytes, name: str = "list.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


async def take_in(services: Services, org_id: str, path: Path, terms: Terms = TERMS) -> LeadImport:
    importer = Importer(services.db, services.ids, services.clock, KEY)
    return await importer.run(org_id, path, terms, name=path.name, sha256="0" * 64, by="test")


async def leads(services: Services, org_id: str) -> dict[str, Lead]:
    async with services.db.tenant(org_id) as session:
        return {lead.email: lead for lead in (await session.scalars(select(Lead))).all()}


async def test_a_list_comes_in_once_and_says_what_became_of_each_row(
    services: Services, tmp_path: Path
) -> None:
    org_id = await advertiser(services)
    done = await take_in(services, org_id, written(tmp_path, LIST))
    assert (done.status, done.rows, done.added, done.merged) == ("done", 6, 3, 0)
    assert (done.unchanged, done.suppressed, done.rejected) == (1, 1, 1)
    assert done.counts == {"formula": 1, "special_category": 1, "email": 1, "no_contact": 1}
    assert [(p["line"], p["code"]) for p in done.problems][-1] == (6, "no_contact")
    assert "not a mail" not in str(done.problems)
    found = await leads(services, org_id)
    assert set(found) == {"a@kaze.example", "b@gmail.com", "c@roc.example"}
    aiko = found["a@kaze.example"]
    assert (aiko.phone, aiko.company, aiko.country, aiko.language) == (
        "+81312345678",
        "Kaze",
        "JP",
        "jpn",
    )
    assert (aiko.lawful_basis, aiko.source, aiko.purposes) == (
        "consent",
        "newsletter",
        ["marketing"],
    )
    assert aiko.interests == ["trail shoes", "socks"]
    assert (aiko.grade, "decides" in aiko.reasons) == ("A", True)
    assert (found["b@gmail.com"].grade, "consent_old" in found["b@gmail.com"].reasons) == (
        "D",
        True,
    )
    assert found["c@roc.example"].enriched["company"] == "domain of the e-mail address"
    again = await take_in(services, org_id, written(tmp_path, LIST))
    assert (again.added, again.merged, again.unchanged) == (0, 0, 4)
    assert len(await leads(services, org_id)) == 3


async def test_two_imports_at_once_bring_each_lead_once(services: Services, tmp_path: Path) -> None:
    org_id = await advertiser(services)
    rows = [f"p{n}@kaze.example,09012{n:06d},P{n}" for n in range(5_000)]
    one = written(tmp_path, "\n".join(["email,phone,first name", *rows]), "one.csv")
    # The same people in another order: rows would wait for each other crosswise.
    two = written(tmp_path, "\n".join(["email,phone,first name", *reversed(rows)]), "two.csv")
    done = await asyncio.gather(*(take_in(services, org_id, path) for path in (one, two, one)))
    assert sum(part.added for part in done) == 5_000
    assert sum(part.unchanged for part in done) == 10_000
    async with services.db.tenant(org_id) as session:
        assert await Leads(session).size() == 5_000


async def test_a_lead_learns_but_forgets_nothing(services: Services, tmp_path: Path) -> None:
    org_id = await advertiser(services)
    header = "email,phone,name,company,consent date,consent text\n"
    first = (
        header
        + "a@kaze.example,,Aiko Sato,Kaze,2026-05-01,I agree to letters.\n"
        + ",+81312345678,Ben,,2026-05-01,Old words here\n"
    )
    await take_in(services, org_id, written(tmp_path, first))
    second = header + (
        "a@kaze.example,+81312345678,Other Name,Other,2026-08-01,I agree to letters and more.\n"
        "b@roc.example,+81312345678,Ben,Roc,2026-04-01,Older words\n"
    )
    done = await take_in(services, org_id, written(tmp_path, second))
    assert (done.added, done.merged, done.unchanged) == (0, 1, 1)
    async with services.db.tenant(org_id) as session:
        found = (await session.scalars(select(Lead).order_by(Lead.email.desc()))).all()
    aiko, ben = found
    assert (aiko.given_name, aiko.company, aiko.consent_text) == (
        "Aiko",
        "Kaze",
        "I agree to letters and more.",
    )
    # The number is somebody else's already; nobody gets two rows for it.
    assert (aiko.phone, ben.phone, ben.consent_text) == ("", "+81312345678", "Old words here")


async def test_the_erased_and_the_suppressed_do_not_come_back(
    services: Services, tmp_path: Path
) -> None:
    org_id, other = await advertiser(services), await advertiser(services, "Somebody else")
    path = written(tmp_path, LIST)
    await take_in(services, org_id, path)
    await take_in(services, other, path)
    async with services.db.tenant(org_id) as session:
        service = AudienceService(session, services.ids, services.clock, KEY)
        assert await service.erase(org_id, ["A@kaze.example"]) == 1
        assert await service.suppress(org_id, ["b@gmail.com", "x@never.example"]) == 1
        with pytest.raises(ParleyError) as error:
            await service.erase(org_id, ["nobody"])
        assert error.value.code == "contact_unreadable"
    phone_only = written(tmp_path, "phone,name\n03-1234-5678,Aiko\n", "phone.csv")
    done = await take_in(services, org_id, phone_only)
    assert (done.added, done.suppressed) == (0, 1)
    again = await take_in(services, org_id, path)
    assert (again.added, again.suppressed) == (0, 3)
    assert set(await leads(services, org_id)) == {"c@roc.example"}
    assert len(await leads(services, other)) == 3
    async with services.db.tenant(org_id) as session:
        left = (await session.scalars(select(Suppression))).all()
        assert {row.why for row in left} == {"unsubscribed", "erased", "listed"}
        # Nothing of the person is left in any table but keyed hashes.
        for table in ("leads", "lead_imports", "lead_suppressions"):
            rows = (
                await session.execute(text(f"SELECT row_to_json(t)::text FROM {table} t"))
            ).scalars()
            assert not any("aiko" in row.lower() or "a@kaze" in row.lower() for row in rows)


async def test_an_import_of_one_tenant_is_invisible_to_another(
    services: Services, tmp_path: Path
) -> None:
    org_id, other = await advertiser(services), await advertiser(services, "Somebody else")
    done = await take_in(services, org_id, written(tmp_path, LIST))
    async with services.db.tenant(other) as session:
        assert await Leads(session).size() == 0
        assert await Leads(session).best(10) == []
        service = AudienceService(session, services.ids, services.clock, KEY)
        assert await service.erase(other, ["a@kaze.example"]) == 0
        for table in ("lead_imports", "leads"):
            found = await session.execute(
                text(f"SELECT count(*) FROM {table} WHERE org_id = :org"), {"org": org_id}
            )
            assert found.scalar() == 0
    assert len(await leads(services, org_id)) == 3
    assert done.org_id == org_id


async def test_audiences_choose_by_interest_and_place_only(
    services: Services, tmp_path: Path
) -> None:
    org_id = await advertiser(services)
    await take_in(services, org_id, written(tmp_path, LIST))
    async with services.db.tenant(org_id) as session:
        service = AudienceService(session, services.ids, services.clock, KEY)
        row = await service.add_audience(
            org_id, "Shoes in Japan", AudienceRule(interests=("trail shoes",), countries=("JP",))
        )
        assert await service.size(row) == 1
        assert await service.leads.size(AudienceRule(grades=("A", "D"))) >= 2
        known = await service.known()
        assert (known.leads, known.bases, known.interests) == (
            3,
            {"consent": 3},
            {"socks": 1, "trail shoes": 1},
        )
        for name, rule in (
            ("Diabetics and diabetes", AudienceRule()), ("x", AudienceRule(interests=("pregnancy", "pregnant"))),
            ("x", AudienceRule(countries=("Japan",))), ("x", AudienceRule(grades=("Z",))),
        ):  # fmt: skip
            with pytest.raises(ParleyError) as error:
                await service.add_audience(org_id, name, rule)
            assert error.value.code in ("special_category", "rule_value")
    async with services.db.tenant(org_id) as session:
        service = AudienceService(session, services.ids, services.clock, KEY)
        with pytest.raises(Conflict):
            await service.add_audience(org_id, "Shoes in Japan", AudienceRule())


async def test_problems_are_counted_all_and_kept_in_part(
    services: Services, tmp_path: Path
) -> None:
    org_id = await advertiser(services)
    path = written(tmp_path, "email\n" + "no\n" * 5_000 + "a@b.example\n")
    done = await take_in(services, org_id, path)
    assert (done.rows, done.rejected, done.added) == (5_001, 5_000, 1)
    assert len(done.problems) == MOST_PROBLEMS
    assert done.counts == {"email": 5_000, "no_contact": 5_000}


async def test_broken_bytes_cost_their_row(services: Services, tmp_path: Path) -> None:
    org_id = await advertiser(services)
    data = (
        "email,name\na@b.example,佐藤\n".encode() + b"b@b.example,\xff\xfe\n" + b"c@b.example,x\n"
    )
    done = await take_in(services, org_id, written(tmp_path, data))
    assert (done.added, done.counts) == (2, {"encoding": 1})


async def test_a_file_that_is_no_list_leaves_no_trace(services: Services, tmp_path: Path) -> None:
    org_id = await advertiser(services)
    with pytest.raises(ParleyError):
        await take_in(services, org_id, written(tmp_path, "a,b\n1,2\n"))
    async with services.db.tenant(org_id) as session:
        assert (await session.scalars(select(LeadImport))).all() == []
