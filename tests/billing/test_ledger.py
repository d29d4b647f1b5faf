"""Money: balanced, once, never over the budget."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from billing.service import PLATFORM, BillingService, Charge, Posted, balances, unbalanced
from billing.tables import LedgerEntry, LedgerLine
from bootstrap.services import Services
from catalog.access import AccessService
from domain.ids import stable_id
from domain.money import Money
from domain.time import utc

pytestmark = pytest.mark.asyncio

CAMPAIGN = stable_id("cmp", "c")


async def orgs(services: Services) -> tuple[str, str]:
    async with services.db.system() as session:
        access = AccessService(session, services.ids, services.clock, services.new_secret)
        advertiser = await access.create_organisation("advertiser", "A")
        publisher = await access.create_organisation("publisher", "P")
        return advertiser.id, publisher.id


def charge(event: str, orgs: tuple[str, str], micros: int = 420_000, **caps: int | None) -> Charge:
    return Charge(
        event_id=event,
        kind="click",
        campaign_id=CAMPAIGN,
        advertiser_id=orgs[0],
        publisher_id=orgs[1],
        amount=Money(micros, "USD"),
        budget_total_micros=caps.get("total"),
        budget_daily_micros=caps.get("daily"),
    )


async def post(services: Services, item: Charge) -> Posted:
    async with services.db.system() as session:
        return await BillingService(session, services.ids, services.clock).charge(item)


async def test_a_click_moves_money_that_sums_to_zero(services: Services) -> None:
    advertiser, publisher = both = await orgs(services)
    posted = await post(services, charge("e1", both))
    assert posted == Posted(True, False, 420_000, 420_000)
    async with services.db.system() as session:
        assert await balances(session) == {
            (f"receivable:{advertiser}", "USD"): 420_000,
            (f"payable:{publisher}", "USD"): -294_000,
            ("revenue:platform", "USD"): -126_000,
        }
        assert await unbalanced(session) == 0
    async with services.db.tenant(publisher) as session:
        assert await balances(session) == {(f"payable:{publisher}", "USD"): -294_000}


async def test_the_same_event_cannot_post_twice(services: Services) -> None:
    both = await orgs(services)
    await post(services, charge("e1", both))
    with pytest.raises(IntegrityError):
        await post(services, charge("e1", both))
    async with services.db.system() as session:
        spend = await BillingService(session, services.ids, services.clock).spend_of([CAMPAIGN])
    assert spend[CAMPAIGN].total_micros == 420_000


@pytest.mark.parametrize("cap", ["total", "daily"])
async def test_many_clicks_at_once_never_pass_the_budget(services: Services, cap: str) -> None:
    both = await orgs(services)
    posted = await asyncio.gather(
        *(post(services, charge(f"e{n}", both, 300_000, **{cap: 1_000_000})) for n in range(12))
    )
    assert sum(p.charged for p in posted) == 3
    async with services.db.system() as session:
        spend = await BillingService(session, services.ids, services.clock).spend_of([CAMPAIGN])
        assert spend[CAMPAIGN].total_micros == spend[CAMPAIGN].today_micros == 900_000
        assert await session.scalar(select(func.count()).select_from(LedgerEntry)) == 3
        assert await unbalanced(session) == 0


async def test_exhaustion_is_told(services: Services) -> None:
    both = await orgs(services)
    assert not (await post(services, charge("a", both, 400, total=1_000))).exhausted
    last = await post(services, charge("b", both, 400, total=1_000))
    assert (last.charged, last.exhausted) == (True, True)
    over = await post(services, charge("c", both, 400, total=1_000))
    assert (over.charged, over.exhausted, over.spent_total_micros) == (False, True, 800)


@pytest.mark.parametrize("amounts", [(100, -99), (100,), (100, -50, -51)])
async def test_the_database_refuses_an_unbalanced_entry(
    services: Services, amounts: tuple[int, ...]
) -> None:
    advertiser, _ = await orgs(services)
    with pytest.raises(DBAPIError, match="does not balance"):
        async with services.db.system() as session:
            now = utc(services.clock.now_ms())
            session.add(
                LedgerEntry(
                    id="txn_x", created_at=now, event_id="x", kind="click", currency="USD",
                    campaign_id=CAMPAIGN,
                )
            )  # fmt: skip
            await session.flush()
            for number, amount in enumerate(amounts):
                session.add(
                    LedgerLine(
                        id=f"txn_x:{number}", org_id=advertiser, created_at=now, entry_id="txn_x",
                        account="a", currency="USD", amount_micros=amount,
                    )
                )  # fmt: skip
    async with services.db.system() as session:
        assert await session.scalar(select(func.count()).select_from(LedgerLine)) == 0


async def test_the_platforms_own_lines_are_nobody_elses(services: Services) -> None:
    both = await orgs(services)
    await post(services, charge("e1", both))
    for org in both:
        async with services.db.tenant(org) as session:
            seen = (await session.scalars(text("SELECT DISTINCT org_id FROM ledger_lines"))).all()
            assert seen == [org]
            assert PLATFORM not in seen
