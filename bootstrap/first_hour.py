"""The look at a campaign after its first hour: is it served, seen and within its budget?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from billing.service import BillingService
from bootstrap.services import Services
from catalog.checks import Check, Checks
from catalog.repository import Campaigns
from catalog.tables import Campaign
from domain.events import Progress
from domain.time import utc
from measurement.service import campaign_report

Tell = Callable[[Progress], Awaitable[None]]

_WORDS = {
    "well": "seen {impressions} times and clicked {clicks} times in its first hour",
    "not_seen": "live for an hour and nobody has seen an ad; look at its tags, targeting and bid",
    "not_live": "an hour after its launch it is not live any more",
    "overspent": "it has spent more than its budget; it should be paused and looked into",
    "gone": "an hour after its launch it is not there any more",
}


async def look_at_due(services: Services, tell: Tell | None = None) -> int:
    """Do the looks that are due, write down what was seen and tell whoever watches; return how many.

    A finding never changes a campaign: what to do about it is a proposal's or a person's business.

    Args:
        services: The installation's parts.
        tell: Publishes a line of progress, once what was seen is kept; None publishes nothing.
    """
    seen: list[Progress] = []
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
            seen.append(_told(check, campaign, services.clock.now_ms()))
    for line in seen:
        if tell is not None:
            await tell(line)
    return len(due)


def _told(check: Check, campaign: Campaign | None, now_ms: int) -> Progress:
    finding = check.finding or {}
    verdict = finding["verdict"]
    return Progress(
        run_id=(campaign.run_id if campaign else None) or check.campaign_id,
        type="step" if verdict == "well" else "warning",
        step="first_hour",
        message=_WORDS[verdict].format(**{"impressions": 0, "clicks": 0, **finding}),
        at_ms=now_ms,
        data=finding,
        org_id=check.org_id,
        campaign_id=check.campaign_id,
    )


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
