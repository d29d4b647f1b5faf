"""Budget counters of the serving state, set from the ledger: PostgreSQL decides, Redis remembers."""

from __future__ import annotations

from collections.abc import Sequence

from billing.service import BillingService, Spend
from bootstrap.services import Services
from catalog.changes import Committed
from catalog.repository import Campaigns
from domain.time import day_of
from fastpath.reservation import RedisReservation, Reservation


async def sync_spend(
    services: Services, campaign_ids: Sequence[str], state: Reservation | None = None
) -> None:
    """Set the counters of campaigns to what the ledger says, by default in Redis.

    A counter may stand too high for a moment (a charge that is both in the ledger and just being
    settled); it is set right by the next beat, and the ledger itself never lets a budget be passed.
    """
    if not campaign_ids:
        return
    async with services.db.system() as session:
        spend = await BillingService(session, services.ids, services.clock).spend_of(campaign_ids)
    state = state or RedisReservation(services.redis)
    day = day_of(services.clock.now_ms()).strftime("%Y%m%d")
    for campaign_id in campaign_ids:
        known = spend[campaign_id]
        await state.set_spent(
            campaign_id, total_micros=known.total_micros, day=day, daily_micros=known.today_micros
        )


async def committed(services: Services, spend: Spend, state: Reservation) -> Committed:
    """Return what a campaign's budget bears already: spent, and held for offers that are still open.

    Raises:
        Unavailable: `state_unavailable`; without knowing what is promised no budget is lowered.
    """
    now = services.clock.now_ms()
    day = day_of(now).strftime("%Y%m%d")
    total, today = await state.held(spend.campaign_id, now_ms=now, day=day)
    return Committed(spend.total_micros + total, spend.today_micros + today)


async def sync_live_spend(services: Services, state: Reservation | None = None) -> int:
    """Set the counters of all live campaigns; return how many. Heals a state that lost its memory."""
    async with services.db.system() as session:
        live = await Campaigns(session).live_ids()
    await sync_spend(services, live, state)
    return len(live)
