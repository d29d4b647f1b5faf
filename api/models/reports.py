"""Reports on the wire. Money is micros of the currency beside it."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from api.models.common import Moment, MoneyOut, Out


class CampaignReportOut(Out):
    """How a campaign did."""

    campaign_id: str
    name: str
    status: str
    impressions: int
    clicks: int
    submits: int
    dismissals: int
    ctr: float | None = Field(description="Clicks ÷ impressions; null without impressions.")
    cpc: MoneyOut | None = Field(description="Spend ÷ clicks; null without clicks.")
    spend: MoneyOut
    spend_today: MoneyOut
    budget_total: MoneyOut | None
    budget_left: MoneyOut | None = Field(description="Null without a total budget.")


class AppReportOut(Out):
    """What happened in one of the publisher's apps, in one currency."""

    app_id: str
    name: str
    currency: str
    impressions: int
    clicks: int
    submits: int
    dismissals: int
    charged: MoneyOut = Field(description="What advertisers were charged, before the share.")


class TotalOut(Out):
    """Sums over campaigns of one currency."""

    currency: str
    campaigns: int
    impressions: int
    clicks: int
    spend: MoneyOut


class Dashboard(Out):
    """The advertiser's campaigns, the publisher's apps; whichever the organisation has."""

    campaigns: list[CampaignReportOut]
    totals: list[TotalOut]
    apps: list[AppReportOut]
    earnings: list[MoneyOut] = Field(description="What the publisher is owed, per currency.")


class DecisionOut(Out):
    """How an ad request was answered. The conversation's text is not kept, so it is not here."""

    request_id: str
    created_at: Moment
    app_id: str
    campaign_id: str | None
    ad_id: str | None
    snapshot_id: str
    reason: str
    language: str | None
    intent: str | None
    bid_model: str | None
    price: MoneyOut | None = Field(description="Per click (CPC) or per 1,000 impressions (CPM).")
    expires_at: Moment | None
    explain: dict[str, Any] | None = Field(
        description="Every step of the decision; for the publisher, while its snapshot is served."
    )


class ReceiptKeyOut(Out):
    """What receipts are checked with."""

    algorithm: str
    public_key: str = Field(description="32 bytes, base64url without padding.")
