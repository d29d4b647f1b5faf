"""Rows of the catalogue as they go out."""

from __future__ import annotations

import re
from collections.abc import Sequence

from api.models.campaigns import AuditOut, CampaignDetail, CampaignOut
from api.models.common import cap, money
from api.models.reports import CampaignReportOut, TotalOut
from billing.service import Spend
from catalog.tables import AuditEntry, Campaign
from measurement.service import CampaignReport

#: How the in-chat channel marks an entry with the operation that made it (`catalog.in_chat`).
_OPERATION = re.compile(r" ?\[(cop_\w+)\]")


def campaign(row: Campaign, spend: Spend) -> CampaignOut:
    """Return a campaign as it stands in a list."""
    return CampaignOut(
        id=row.id,
        name=row.name,
        status=row.status,
        run_id=row.run_id,
        bid_model=row.bid_model,
        bid=money(row.bid_micros, row.currency),
        budget_total=cap(row.budget_total_micros, row.currency),
        budget_daily=cap(row.budget_daily_micros, row.currency),
        spent_total=money(spend.total_micros, row.currency),
        spent_today=money(spend.today_micros, row.currency),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        geos=row.geos,
        languages=row.languages,
        created_at=row.created_at,
    )


def campaign_detail(
    row: Campaign,
    spend: Spend,
    *,
    creatives: dict[str, int],
    audit: Sequence[AuditEntry],
    served: bool,
) -> CampaignDetail:
    """Return a campaign with everything that happened to it."""
    return CampaignDetail(
        **campaign(row, spend).model_dump(),
        brief=row.brief,
        plan=row.plan,
        blocked_topics=row.blocked_topics,
        devices=row.devices,
        weekdays=row.weekdays,
        apps=row.apps,
        blocked_apps=row.blocked_apps,
        topics=row.topics,
        caps=row.caps,
        pacing=row.pacing,
        creatives=creatives,
        served=served,
        audit=[
            AuditOut(
                at=entry.created_at,
                from_state=entry.from_state,
                to_state=entry.to_state,
                who=entry.who,
                why=_OPERATION.sub("", entry.why).removeprefix("; "),
                operation=tag.group(1) if (tag := _OPERATION.search(entry.why)) else None,
            )
            for entry in audit
        ],
    )


def campaign_report(row: Campaign, report: CampaignReport, spend: Spend) -> CampaignReportOut:
    """Return how a campaign did. Spend is the ledger's; it equals the sum over its events."""
    budget = row.budget_total_micros
    left = None if budget is None else max(0, budget - spend.total_micros)
    return CampaignReportOut(
        campaign_id=row.id,
        name=row.name,
        status=row.status,
        impressions=report.impressions,
        clicks=report.clicks,
        submits=report.submits,
        dismissals=report.dismissals,
        ctr=report.ctr,
        cpc=cap(report.cpc_micros, row.currency),
        spend=money(spend.total_micros, row.currency),
        spend_today=money(spend.today_micros, row.currency),
        budget_total=cap(budget, row.currency),
        budget_left=cap(left, row.currency),
    )


def totals(reports: Sequence[CampaignReportOut]) -> list[TotalOut]:
    """Return sums per currency; amounts of different currencies are never added up."""
    by_currency: dict[str, list[CampaignReportOut]] = {}
    for report in reports:
        by_currency.setdefault(report.spend.currency, []).append(report)
    return [
        TotalOut(
            currency=currency,
            campaigns=len(group),
            impressions=sum(r.impressions for r in group),
            clicks=sum(r.clicks for r in group),
            spend=money(sum(r.spend.micros for r in group), currency),
        )
        for currency, group in sorted(by_currency.items())
    ]
