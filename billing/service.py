"""Charging: one billable event, one balanced entry, never over the budget. Never commits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import msgspec
from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from billing.tables import CampaignSpend, LedgerEntry, LedgerLine
from domain.ids import Ids, stable_id
from domain.money import Money
from domain.time import Clock, day_of, utc

#: The day under which a campaign's whole spend is kept.
WHOLE = date(1970, 1, 1)
#: The organisation that owns the platform's own accounts.
PLATFORM = stable_id("org", "platform")
#: What the publisher gets of each charge, in parts per million.
PUBLISHER_SHARE_PPM = 700_000


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """A billable event to post.

    Attributes:
        event_id: Posts at most once.
        kind: `click` or `impression`.
        amount: What the advertiser owes, more than zero.
        budget_total_micros, budget_daily_micros: Caps of the campaign; None = none.
    """

    event_id: str
    kind: str
    campaign_id: str
    advertiser_id: str
    publisher_id: str
    amount: Money
    budget_total_micros: int | None
    budget_daily_micros: int | None


class Posted(msgspec.Struct, frozen=True):
    """What came of a charge.

    Attributes:
        charged: False if the budget did not allow it; nothing was written then.
        exhausted: The campaign cannot pay for another event at this price, in all.
        spent_total_micros, spent_today_micros: After the charge.
    """

    charged: bool
    exhausted: bool
    spent_total_micros: int
    spent_today_micros: int


class Spend(msgspec.Struct, frozen=True):
    """What a campaign has spent, in micros of its currency."""

    campaign_id: str
    total_micros: int
    today_micros: int


class BillingService:
    """Posts charges inside one unit of work of the system role.

    Args:
        session: The open unit of work.
        ids: Where new ids come from.
        clock: Where "now" comes from.
    """

    def __init__(self, session: AsyncSession, ids: Ids, clock: Clock) -> None:
        self.session = session
        self.ids = ids
        self.clock = clock

    async def charge(self, charge: Charge) -> Posted:
        """Post one balanced entry unless a budget forbids it.

        The campaign's spend rows are locked, so two charges at once cannot both take the last cent.
        """
        total, today = await self._lock_spend(charge)
        amount = charge.amount.micros
        after_total, after_today = total.spent_micros + amount, today.spent_micros + amount
        fits = _within(after_total, charge.budget_total_micros) and _within(
            after_today, charge.budget_daily_micros
        )
        if fits:
            await self._post(charge)
            total.spent_micros, today.spent_micros = after_total, after_today
            await self.session.flush()
        return Posted(
            charged=fits,
            exhausted=not _within(total.spent_micros + amount, charge.budget_total_micros),
            spent_total_micros=total.spent_micros,
            spent_today_micros=today.spent_micros,
        )

    async def spend_of(self, campaign_ids: Sequence[str]) -> dict[str, Spend]:
        """Return what campaigns have spent in all and today; zero for those without a row."""
        today = day_of(self.clock.now_ms())
        query = select(
            CampaignSpend.campaign_id, CampaignSpend.day, CampaignSpend.spent_micros
        ).where(CampaignSpend.campaign_id.in_(campaign_ids), CampaignSpend.day.in_((WHOLE, today)))
        found: dict[tuple[str, date], int] = {
            (campaign, day): micros
            for campaign, day, micros in (await self.session.execute(query)).all()
        }
        return {
            c: Spend(c, found.get((c, WHOLE), 0), found.get((c, today), 0)) for c in campaign_ids
        }

    async def _lock_spend(self, charge: Charge) -> tuple[CampaignSpend, CampaignSpend]:
        days = (WHOLE, day_of(self.clock.now_ms()))
        rows = [
            {
                "id": f"{charge.campaign_id}:{day.isoformat()}",
                "org_id": charge.advertiser_id,
                "created_at": utc(self.clock.now_ms()),
                "campaign_id": charge.campaign_id,
                "day": day,
                "spent_micros": 0,
            }
            for day in days
        ]
        await self.session.execute(insert(CampaignSpend).values(rows).on_conflict_do_nothing())
        query = (
            select(CampaignSpend)
            .where(CampaignSpend.campaign_id == charge.campaign_id, CampaignSpend.day.in_(days))
            .order_by(CampaignSpend.day)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        total, today = (await self.session.scalars(query)).all()
        return total, today

    async def _post(self, charge: Charge) -> None:
        entry = LedgerEntry(
            id=self.ids.new("txn"),
            created_at=utc(self.clock.now_ms()),
            event_id=charge.event_id,
            kind=charge.kind,
            currency=charge.amount.currency,
            campaign_id=charge.campaign_id,
        )
        self.session.add(entry)
        await self.session.flush()
        micros = charge.amount.micros
        share = micros * PUBLISHER_SHARE_PPM // 1_000_000
        for number, (org_id, account, amount) in enumerate(
            (
                (charge.advertiser_id, f"receivable:{charge.advertiser_id}", micros),
                (charge.publisher_id, f"payable:{charge.publisher_id}", -share),
                (PLATFORM, "revenue:platform", share - micros),
            )
        ):
            self.session.add(
                LedgerLine(
                    id=f"{entry.id}:{number}",
                    org_id=org_id,
                    created_at=entry.created_at,
                    entry_id=entry.id,
                    account=account,
                    currency=entry.currency,
                    amount_micros=amount,
                )
            )
        await self.session.flush()


async def balances(session: AsyncSession) -> dict[tuple[str, str], int]:
    """Return micros by (account, currency), of the accounts that the session may see."""
    query = select(LedgerLine.account, LedgerLine.currency, func.sum(LedgerLine.amount_micros))
    rows = await session.execute(query.group_by(LedgerLine.account, LedgerLine.currency))
    return {(account, currency): int(total) for account, currency, total in rows.all()}


async def unbalanced(session: AsyncSession) -> int:
    """Return how many entries do not sum to zero: always none, or the ledger is broken."""
    query = text(
        "SELECT count(*) FROM (SELECT entry_id FROM ledger_lines GROUP BY entry_id, currency "
        "HAVING sum(amount_micros) <> 0) AS off"
    )
    return int((await session.execute(query)).scalar_one())


def _within(spent: int, cap: int | None) -> bool:
    return cap is None or spent <= cap
