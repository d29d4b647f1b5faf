"""A row that is locked is read as it stands now, not as it stood when the unit of work first saw it."""

from __future__ import annotations

import pytest

from bootstrap.services import Services
from catalog.lifecycle import CampaignStatus
from catalog.repository import Campaigns
from tests.support.catalogue import live_campaign, market, move

pytestmark = pytest.mark.asyncio


async def test_locking_a_row_reads_it_again(services: Services) -> None:
    orgs = await market(services)
    campaign_id = await live_campaign(services, orgs.advertiser)
    async with services.db.system() as session:
        campaigns = Campaigns(session)
        assert (await campaigns.get(campaign_id)).status == "live"
        # Somebody else ends it in the meantime.
        await move(services, campaign_id, CampaignStatus.ENDED)
        assert (await campaigns.get(campaign_id, lock=True)).status == "ended"


async def test_locking_a_row_keeps_what_this_unit_of_work_has_changed(services: Services) -> None:
    orgs = await market(services)
    campaign_id = await live_campaign(services, orgs.advertiser)
    async with services.db.system() as session:
        campaigns = Campaigns(session)
        (await campaigns.get(campaign_id)).name = "Renamed"
        assert (await campaigns.get(campaign_id, lock=True)).name == "Renamed"
    async with services.db.system() as session:
        assert (await Campaigns(session).get(campaign_id)).name == "Renamed"
