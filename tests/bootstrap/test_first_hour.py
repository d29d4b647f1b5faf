"""The look after the first hour: planned once, done once, by whoever beats, and it changes nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bootstrap.first_hour import judged, look_at_due
from bootstrap.services import Services
from catalog.checks import Check, Checks
from catalog.service import CatalogService
from catalog.specs import CampaignSpec
from catalog.tables import Campaign
from domain.events import Progress
from domain.formats import BidModel
from domain.time import FixedClock, utc
from tests.support.campaigns import advertiser


async def planned(services: Services, minutes: int) -> tuple[str, str]:
    """Make a draft campaign and plan a look; return the ids of the campaign and the look."""
    org, now = await advertiser(services), utc(services.clock.now_ms())
    async with services.db.tenant(org) as session:
        spec = CampaignSpec(
            name="Shoes", currency="USD", bid_model=BidModel.CPC, bid_micros=500_000,
            budget_total_micros=100_000_000,
        )  # fmt: skip
        catalog = CatalogService(session, services.ids, services.clock)
        campaign = await catalog.create_campaign(org, spec, who="test")
        checks, due = Checks(session), now + timedelta(minutes=minutes)
        check = await checks.schedule(org, campaign.id, "first_hour", now=now, due=due)
        again = await checks.schedule(
            org, campaign.id, "first_hour", now=now, due=due + timedelta(days=1)
        )
        assert check == again
        return campaign.id, check


async def kept(services: Services, check_id: str) -> Check:
    async with services.db.system() as session:
        return await Checks(session).get(check_id)


@pytest.mark.asyncio
async def test_a_look_is_done_when_it_is_due_and_only_once(services: Services) -> None:
    campaign_id, check_id = await planned(services, 60)
    told: list[Progress] = []

    async def tell(line: Progress) -> None:
        told.append(line)

    assert await look_at_due(services, tell) == 0
    assert (await kept(services, check_id)).done_at is None
    later = replace(services, clock=FixedClock(services.clock.now_ms() + 61 * 60_000))
    assert await look_at_due(later, tell) == 1
    assert await look_at_due(later, tell) == 0
    assert [(line.campaign_id, line.type, line.step) for line in told] == [
        (campaign_id, "warning", "first_hour")
    ]
    assert "not live any more" in told[0].message
    look = await kept(services, check_id)
    assert look.done_at is not None
    assert look.finding == {
        "verdict": "not_live", "impressions": 0, "clicks": 0, "spent_micros": 0, "currency": "USD",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "impressions", "spent", "verdict"),
    [
        ("live", 10, 5, "well"),
        ("live", 0, 0, "not_seen"),
        ("paused", 10, 5, "not_live"),
        ("live", 10, 101, "overspent"),
    ],
)
def test_the_verdict_rests_on_numbers(
    status: str, impressions: int, spent: int, verdict: str
) -> None:
    campaign = Campaign(status=status, currency="USD", budget_total_micros=100)
    assert judged(campaign, impressions, 1, spent)["verdict"] == verdict
