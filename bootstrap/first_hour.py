"""The look at a campaign after its first hour: is it served, seen and within its budget?"""

from __future__ import annotations

from typing import Any

from billing.service import BillingService
from bootstrap.services import Services
from catalog.checks import Checks
from catalog.repository import Campaigns
from catalog.tables import Campaign
from domain.time import utc
from measurement.service import campaign_report


async def look_at_due(services: Services) -> int:
    """Do the looks that are due and write down what was seen; return how many.

    A finding never changes a campaign: what to do about it is a proposal's or a person's business.
    """
    now = utc(services.clock.now_ms())
    async with services.db.system() as session:
        due = await Checks(session).due(now)
        billing = BillingService(session, services.ids, services.clock)
        for check in due:
            campaign = await Campaigns(session).find(check.campaign_id)
            if campaign is None:
                finding: dict[str, Any] = {"verdict": "gone"}
            else:
                report = await campaign_report(session, campaign.id)
                spend = (await billing.spend_of([campaign.id]))[campaign.id]
                finding = judged(campaign, report.impressions, report.clicks, spend.total_micros)
            check.finding, check.done_at = finding, now
    return len(due)


def judged(campaign: Campaign, impressions: int, clicks: int, spent_micros: int) -> dict[str, Any]:
    """Return the verdict of a look with the numbers it rests on.

    `overspent`, `not_live` (somebody paused or ended it), `not_seen` (live, and nobody saw an ad), or `well`.
    """
    total = campaign.budget_total_micros
    if total is not None and spent_micros > total:
        verdict = "overspent"
    elif campaign.status != "live":
        verdict = "not_live"
    else:
        verdict = "well" if impressions else "not_seen"
    return {
        "verdict": verdict,
        "impressions": impressions,
        "clicks": clicks,
        "spent_micros": spent_micros,
        "currency": campaign.currency,
    }
