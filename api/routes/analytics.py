"""The dashboard, and questions in words."""

from __future__ import annotations

import msgspec
from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncSession

from api import views
from api.deps import Api, Limit, Reporter
from api.models.analytics import AskIn, AskOut
from api.models.auctions import AuctionProposalOut
from api.models.common import MoneyOut, money
from api.models.reports import AppReportOut, CampaignReportOut, Dashboard
from billing.service import BillingService, balances
from bootstrap.analytics import answer_question
from bootstrap.auctions import auction_proposals
from bootstrap.services import Services
from catalog.repository import Apps, Campaigns
from measurement.publisher import app_reports
from measurement.query_types import Side
from measurement.service import campaign_reports

router = APIRouter(prefix="/api/v1/analytics", tags=["reports"])


@router.get("/dashboard")
async def dashboard(caller: Reporter, api: Api, limit: Limit = 200) -> Dashboard:
    """Return the advertiser's newest campaigns with totals, the publisher's apps with earnings."""
    async with api.services.db.tenant(caller.org_id) as session:
        campaigns = await _campaigns(session, api.services, limit)
        return Dashboard(
            campaigns=campaigns,
            totals=views.totals(campaigns),
            apps=await _apps(session, caller.org_id),
            earnings=await _earnings(session, caller.org_id),
        )


@router.post("/ask")
async def ask(body: AskIn, caller: Reporter, api: Api) -> AskOut:
    """Answer a question about performance; every number is counted twice before it is shown."""
    side = Side(body.side) if body.side else None
    answer = await answer_question(api.services, caller.org_id, body.question, side)
    return AskOut(
        question=answer.question,
        language=answer.language,
        text=answer.text,
        figures=msgspec.to_builtins(answer.figures),
        queries=msgspec.to_builtins(answer.sources),
        chart=answer.chart,
        notes=list(answer.notes),
        understood=answer.query.model_dump(mode="json"),
        chosen_by=answer.chosen_by,
        warnings=list(answer.warnings),
    )


@router.get("/auction")
async def auction(caller: Reporter, api: Api) -> list[AuctionProposalOut]:
    """Return proposed reserves, charge rules and bids with expected effect; nothing changes by itself."""
    found = await auction_proposals(api.services, caller.org_id)
    return [AuctionProposalOut.model_validate(msgspec.to_builtins(one)) for one in found]


async def _campaigns(session: AsyncSession, parts: Services, limit: int) -> list[CampaignReportOut]:
    rows = await Campaigns(session).newest(limit)
    ids = [row.id for row in rows]
    reports = await campaign_reports(session, ids)
    spend = await BillingService(session, parts.ids, parts.clock).spend_of(ids)
    return [views.campaign_report(row, reports[row.id], spend[row.id]) for row in rows]


async def _apps(session: AsyncSession, org_id: str) -> list[AppReportOut]:
    names = {app.id: app for app in await Apps(session).newest(1_000)}
    return [
        AppReportOut(
            app_id=report.app_id,
            name=names[report.app_id].name if report.app_id in names else report.app_id,
            currency=report.currency,
            impressions=report.impressions,
            clicks=report.clicks,
            submits=report.submits,
            dismissals=report.dismissals,
            charged=money(report.charged_micros, report.currency),
        )
        for report in await app_reports(session, org_id)
    ]


async def _earnings(session: AsyncSession, org_id: str) -> list[MoneyOut]:
    """What the ledger owes the organisation: credits are negative there."""
    account = f"payable:{org_id}"
    found = await balances(session)
    return [
        money(-micros, currency)
        for (name, currency), micros in sorted(found.items())
        if name == account
    ]
