"""The auction agent on kept decisions: a reserve is judged from a publisher's own records; nothing changes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select

from bootstrap.auctions import auction_proposals
from bootstrap.services import Services
from catalog.tables import App, AuditEntry, Campaign
from domain.ids import stable_id
from domain.time import utc
from fastpath import record
from fastpath.engines import Engine
from fastpath.reservation import Verdict
from fastpath.types import Context, Features, Reason, Scored
from measurement.tables import DecisionRow
from tests.support.catalogue import Market, live_campaign, market
from tests.support.happenings import Shown, happened

pytestmark = pytest.mark.asyncio
WEIGHT = 20_000_000


def kept(number: int, bids: list[int], app: str, at_ms: int) -> bytes:
    """Return a record as the serving plane writes it; the first bidder won."""
    ranked = tuple(
        Scored(
            n,
            f"ad_{n}",
            None,
            pctr_ppm=20_000,
            bid_micros=bid,
            weight=WEIGHT,
            reserve_micros=50_000,
        )
        for n, bid in enumerate(bids)
    )
    return record.encode(
        record.DecisionRecord(
            schema=record.SCHEMA, snapshot_id="snp_1", conversation=f"c{number}", message="m",
            features=Features(refusal=None, language="eng", language_why="words"),
            context=Context(request_id=f"req_{number}", app_id=app, now_ms=at_ms),
            reason=Reason.SERVED, winner=ranked[0], rank=0, propensity_ppm=990_000,
            price_micros=bids[1], vcg_micros=bids[1], hold_micros=bids[1], eligible=ranked,
            eligible_count=len(ranked), dropped=(), dropped_counts={}, nonce_mac=b"", signature=b"",
            answers_hash=b"", engine=Engine.V2, verdict=Verdict.GRANTED,
        )
    )  # fmt: skip


async def keep_auctions(services: Services, sides: Market, count: int) -> None:
    """Keep auctions that one rich advertiser wins far above the others."""
    now = services.clock.now_ms()
    rows: list[dict[str, Any]] = []
    for number in range(count):
        at_ms = now - number * 60_000
        bids = [900_000 + number % 7 * 10_000, 70_000, 65_000, 60_000]
        # Each of them was shown once, so that it is known whose ad it is.
        shown = number if 0 < number < 4 else 0
        rows.append(
            {
                "id": f"req_{number}", "created_at": utc(at_ms), "app_id": sides.app,
                "publisher_id": sides.publisher, "advertiser_id": stable_id("org", str(shown)),
                "campaign_id": stable_id("cmp", str(shown)), "ad_id": f"ad_{shown}",
                "snapshot_id": "snp_1", "reason": "served", "language": "eng", "intent": "low_intent",
                "bid_model": "cpc", "price_micros": bids[1], "currency": "USD", "expires_at": utc(at_ms),
                "record": kept(number, bids, sides.app, at_ms),
            }
        )  # fmt: skip
    async with services.db.system() as session:
        await session.execute(insert(DecisionRow), rows)


async def test_a_publisher_is_shown_a_reserve_that_would_earn_more(services: Services) -> None:
    sides, other = await market(services), await market(services)
    await keep_auctions(services, sides, 800)
    found = {p.kind: p for p in await auction_proposals(services, sides.publisher)}
    reserve, rule = found["reserve"], found["charge_rule"]
    assert (reserve.status, reserve.before, reserve.after) == ("proposed", "0.05 USD", "0.15 USD")
    for estimate in (reserve.same_bid, reserve.recovered, reserve.responded):
        assert estimate is not None
        assert 0 < estimate.low <= estimate.mean <= estimate.high
    # 80,000 micros more a click at two clicks in a hundred.
    assert reserve.same_bid is not None
    assert reserve.same_bid.mean == pytest.approx(80_000 * WEIGHT / 1e9)
    assert (reserve.auctions, reserve.advertisers, reserve.support) == (400, 4, 1.0)
    assert rule.status == "no_difference"
    assert {p.status for p in await auction_proposals(services, other.publisher)} == {
        "insufficient_data"
    }
    async with services.db.tenant(sides.publisher) as session:
        assert (await session.scalar(select(App.reserve_micros))) == 50_000
        assert (await session.scalars(select(AuditEntry.id))).all() == []


async def test_an_advertiser_is_shown_the_bid_of_its_goal_and_sees_nobody_elses(
    services: Services,
) -> None:
    sides, other = await market(services), await market(services)
    await keep_auctions(services, sides, 300)
    campaign = await live_campaign(services, sides.advertiser, bid_micros=500_000)
    async with services.db.tenant(sides.advertiser) as session:
        row = await session.get(Campaign, campaign)
        assert row is not None
        row.brief = {"kpi": {"type": "cpa", "target": 1_000, "unit": "USD"}}
    yesterday = utc(services.clock.now_ms()) - timedelta(days=1)
    await happened(
        services,
        [
            Shown(
                at=yesterday, advertiser=sides.advertiser, publisher=sides.publisher, campaign=campaign,
                impressions=900, clicks=800, submits=16, per_click=400_000,
            )
        ],
    )  # fmt: skip
    (bid,) = await auction_proposals(services, sides.advertiser)
    # 20 dollars a sign-up, 10 allowed, 2 % of clicks sign up: 0.20, but at most half of a bid is cut at once.
    assert (bid.kind, bid.subject, bid.status, bid.after) == (
        "bid",
        campaign,
        "proposed",
        "0.25 USD",
    )
    assert bid.same_bid is not None
    assert bid.same_bid.high < 0
    assert await auction_proposals(services, other.advertiser) == []
