"""Lead Sync over a real socket: the wire form, pages, failures; and leads that come in once."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import delete, select

from audience.lead_sync import LeadSync, Synced, draft_of
from audience.linkedin import PAGE, Answered, LinkedInLeads
from audience.service import AudienceService
from audience.tables import Lead, LeadCursor
from audience.types import LawfulBasis, Terms
from bootstrap.services import Services
from domain.errors import ParleyError
from domain.time import FixedClock
from tests.support.campaigns import advertiser
from tests.support.linkedin_wire import TOKEN, LinkedIn, lead, linkedin

pytestmark = pytest.mark.asyncio

NOW = int(datetime(2026, 11, 21, tzinfo=UTC).timestamp() * 1000)
DAY = 86_400_000
OWNER = "urn:li:sponsoredAccount:507"
TERMS = Terms(source="linkedin lead form", lawful_basis=LawfulBasis.CONSENT)
KEY = b"k" * 32


async def page(
    server: LinkedIn, owner: str = OWNER, start: int = 0, **more: Any
) -> tuple[Any, list[float]]:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
        reader = LinkedInLeads(
            client, more.pop("token", TOKEN), base_url=server.url, sleep=sleep, **more
        )
        return await reader.page(owner, NOW - 9 * DAY, NOW, start), waits


async def sync(
    services: Services, org_id: str, server: LinkedIn, *, at: int = NOW, terms: Terms = TERMS
) -> Synced:
    async with httpx.AsyncClient(trust_env=False, timeout=5) as client:

        async def sleep(seconds: float) -> None:
            return None

        forms = LinkedInLeads(client, TOKEN, base_url=server.url, sleep=sleep)
        return await LeadSync(services.db, FixedClock(at), KEY, forms).run(org_id, OWNER, terms)


async def test_an_answer_comes_with_its_consent_in_restli_notation() -> None:
    given = lead("lead-1", NOW - DAY, FIRST_NAME="愛子", WORK_EMAIL="aiko@kaze.example")
    async with linkedin([given]) as server:
        (found, _) = await page(server)
    assert found.next_start is None
    (one,) = found.answers
    assert one == Answered(
        id="lead-1", fields={"FIRST_NAME": "愛子", "WORK_EMAIL": "aiko@kaze.example"}, submitted_ms=NOW - DAY,
        consents=("Yes, Kaze may write to me.",), form="Autumn demo", locale="ja_JP",
    )  # fmt: skip
    # The token is in a header and in no address; brackets stand, the URN inside is escaped.
    (target,) = server.asked
    assert "owner=(sponsoredAccount:urn%3Ali%3AsponsoredAccount%3A507)" in target
    assert TOKEN not in target


async def test_pages_go_on_until_the_end() -> None:
    async with linkedin(
        [lead(f"l{n}", NOW - DAY + n, WORK_EMAIL=f"p{n}@k.example") for n in range(PAGE + 5)]
    ) as server:
        first, _ = await page(server)
        assert (len(first.answers), first.next_start) == (PAGE, PAGE)
        last, _ = await page(server, start=PAGE)
        assert (len(last.answers), last.next_start) == (5, None)


@pytest.mark.parametrize(
    ("faults", "more", "code", "waits"),
    [
        ([(500, ""), (0, "")], {}, None, [1.0, 2.0]),
        ([(429, "Retry-After: 7\r\n")], {}, None, [7.0]),
        ([(429, "Retry-After: 3600\r\n")], {}, "linkedin_busy", []),
        ([(503, "")] * 3, {}, "linkedin_unavailable", [1.0, 2.0]),
        ([], {"token": "other"}, "linkedin_token", []),
        ([], {"version": "202401"}, "linkedin_version", []),
        ([], {"owner": "urn:li:sponsoredAccount:999"}, "linkedin_scope", []),
        ([], {"owner": "urn:li:person:1"}, "linkedin_owner", []),
        ([(400, "")], {}, "linkedin_refused", []),
    ],
)
async def test_failures_have_names_and_only_passing_ones_are_tried_again(
    faults: list[tuple[int, str]], more: dict[str, Any], code: str | None, waits: list[float]
) -> None:
    async with linkedin([lead("l", NOW - DAY, WORK_EMAIL="a@k.example")]) as server:
        server.faults = list(faults)
        if code is None:
            found, waited = await page(server, **more)
            assert (len(found.answers), waited) == (1, waits)
            return
        with pytest.raises(ParleyError) as error:
            await page(server, **more)
        assert error.value.code == code
        assert len(server.asked) == (0 if code == "linkedin_owner" else len(waits) + 1)


async def test_leads_come_in_once_and_the_cursor_moves(services: Services) -> None:
    org_id, other = await advertiser(services), await advertiser(services, "Somebody else")
    given = [
        lead(
            "l1",
            NOW - 200 * DAY,
            FIRST_NAME="Aiko",
            JOB_TITLE="Head of Retail",
            WORK_EMAIL="a@kaze.example",
        ),
        lead("l2", NOW - 2 * DAY, FIRST_NAME="=cmd()", PHONE_NUMBER="090-1234-5678"),
        lead("l3", NOW - DAY, consent=False, WORK_EMAIL="no@kaze.example"),
        lead("l4", NOW - DAY, consent=None, WORK_EMAIL="none@kaze.example"),
        lead("l5", NOW - DAY, test=True, WORK_EMAIL="test@kaze.example"),
        lead("l6", NOW - DAY, FIRST_NAME="Nobody"),
        {"id": "broken", "submittedAt": NOW - DAY},
    ]
    async with linkedin(given) as server:
        done = await sync(services, org_id, server)
        assert (done.read, done.added, done.merged, done.unchanged) == (6, 2, 0, 0)
        assert done.rejected == {"no_consent": 2, "test": 1, "no_contact": 1}
        async with services.db.tenant(org_id) as session:
            aiko, number = (await session.scalars(select(Lead).order_by(Lead.source_ref))).all()
            (cursor,) = (await session.scalars(select(LeadCursor))).all()
        assert (aiko.given_name, aiko.country, aiko.language, aiko.source_ref) == (
            "Aiko",
            "JP",
            "jpn",
            "l1",
        )
        assert (aiko.lawful_basis, aiko.consent_text) == ("consent", "Yes, Kaze may write to me.")
        assert aiko.consent_at == datetime.fromtimestamp((NOW - 200 * DAY) / 1000, UTC)
        assert "came_by_itself" in aiko.reasons
        assert (number.given_name, number.phone) == ("", "+819012345678")
        assert cursor.until_ms == NOW
        # A round looks back an hour, so that what was listed late is not missed; nothing is there twice.
        server.asked.clear()
        server.leads.append(lead("l7", NOW - 600_000, WORK_EMAIL="late@kaze.example"))
        server.leads.append(
            lead("l8", NOW - 600_000, WORK_EMAIL="A@kaze.example", COMPANY_NAME="Kaze KK")
        )
        again = await sync(services, org_id, server, at=NOW + DAY)
        assert len(server.asked) == 1
        assert (again.read, again.added, again.merged, again.until_ms) == (2, 1, 1, NOW + DAY)
        assert (await sync(services, other, server)).added == 3
    async with services.db.tenant(org_id) as session:
        service = AudienceService(session, services.ids, services.clock, KEY)
        assert await service.erase(org_id, ["a@kaze.example"]) == 1
    async with services.db.system() as session:
        await session.execute(delete(LeadCursor))
    async with linkedin(given) as server:
        # All of the year is read again: who was erased stays away.
        done = await sync(services, org_id, server)
        assert (done.added, done.suppressed, done.unchanged) == (0, 1, 1)


async def test_a_round_that_breaks_is_begun_again_and_adds_nothing_twice(
    services: Services,
) -> None:
    org_id = await advertiser(services)
    given = [lead(f"l{n}", NOW - DAY + n, WORK_EMAIL=f"p{n}@k.example") for n in range(PAGE + 20)]
    async with linkedin(given) as server:
        # Twelve windows without answers, one page, and then LinkedIn is away.
        calls = 0
        plain = server._answer

        def breaks(target: str, headers: dict[str, str]) -> tuple[int, str, Any]:
            nonlocal calls
            calls += "start=100" in target
            return (503, "", {}) if "start=100" in target and calls <= 3 else plain(target, headers)

        server._answer = breaks  # type: ignore[method-assign]
        with pytest.raises(ParleyError) as error:
            await sync(services, org_id, server)
        assert error.value.code == "linkedin_unavailable"
        async with services.db.tenant(org_id) as session:
            assert len((await session.scalars(select(Lead))).all()) == PAGE
        done = await sync(services, org_id, server)
        assert (done.added, done.unchanged) == (20, PAGE)


async def test_without_a_box_another_basis_must_be_stated() -> None:
    answer = Answered(id="l", fields={"EMAIL": "a@k.example"}, submitted_ms=NOW)
    rejected: Counter[str] = Counter()
    assert draft_of(answer, TERMS, rejected) is None
    interest = Terms(
        source="linkedin lead form", lawful_basis=LawfulBasis.LEGITIMATE_INTEREST,
        note="They asked for the offer; weighed on 2026-11-01.",
    )  # fmt: skip
    draft = draft_of(answer, interest, rejected)
    assert draft is not None
    assert (draft.lawful_basis, draft.basis_note, draft.consent_at) == (
        "legitimate_interest", interest.note, None,
    )  # fmt: skip
    assert rejected == {"no_consent": 1}
