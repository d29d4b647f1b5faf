"""Campaigns that a world has run before: catalogue rows by the product's own verbs, and what became of their ads.

Decisions, events and ledger are written as the intake would have left them: each click that was paid is one
balanced entry, and running sums agree. Nothing here knows what the optimisation graph looks at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from dataclasses import field as own
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from billing.service import PLATFORM, PUBLISHER_SHARE_PPM, WHOLE
from billing.tables import CampaignSpend, LedgerEntry, LedgerLine
from bootstrap.services import Services
from catalog.access import AccessService
from catalog.lifecycle import CampaignStatus
from catalog.repository import Ads
from catalog.service import CatalogService
from catalog.specs import CampaignSpec, CreativeSpec
from domain.catalogue import AdText, Pacing
from domain.formats import AdFormat
from domain.ids import stable_id
from domain.time import day_of, utc
from evals.seeded import SeededIds, VirtualClock
from measurement.tables import DecisionRow, EventRow

#: Who made what was there before the run.
BY = "world"
_DAY_MS = 86_400_000
_TEXT = AdText(title="Made before", description="It has run for days.", cta_text="See it")
_BATCH = 1_000


class RanAd(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What became of one ad on each day.

    Attributes:
        shown, clicks, signups: How often; no more clicks than shown, no more sign-ups than clicks.
        click_micros: What each click cost.
    """

    shown: int = 0
    clicks: int = 0
    signups: int = 0
    click_micros: int = 0


class Ran(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A campaign that is live already. Money is micros of its currency.

    Attributes:
        name: Scenarios speak of it by this name.
        daily_micros, total_micros, bid_micros: Budgets and bid.
        days: Since when it has been there; something happened on each of them.
        ends_in: Days until it ends.
        hour: UTC hour at which the events of a day happened.
        ads: One each.
    """

    name: str
    currency: str = "USD"
    daily_micros: int | None = None
    total_micros: int | None = None
    bid_micros: int = 3_000_000
    days: int = 14
    ends_in: int | None = None
    hour: int = 12
    pacing: Literal["asap", "even"] = "asap"
    ads: tuple[RanAd, ...]


@dataclass
class _Rows:
    """Rows to write, by table."""

    decisions: list[dict[str, Any]] = own(default_factory=list)
    events: list[dict[str, Any]] = own(default_factory=list)
    entries: list[dict[str, Any]] = own(default_factory=list)
    lines: list[dict[str, Any]] = own(default_factory=list)
    spent: Counter[tuple[str, Any]] = own(default_factory=Counter)


@dataclass(frozen=True)
class _Place:
    """Who advertises where."""

    advertiser: str
    publisher: str
    app: str


async def live_through(
    campaigns: Sequence[Ran], services: Services, org_id: str, seed: str
) -> dict[str, str]:
    """Make campaigns and their past; return their ids by name.

    Args:
        campaigns: Of the world.
        services: Parts; their clock says when the past ends.
        org_id: Of the advertiser.
        seed: Of ids.
    """
    if not campaigns:
        return {}
    now_ms = services.clock.now_ms()
    ids = SeededIds(VirtualClock(now_ms), f"{seed}/history")
    async with services.db.system() as session:
        access = AccessService(session, ids, services.clock, services.new_secret)
        publisher = await access.create_organisation("publisher", "Eval Chat")
        app = await access.create_app(publisher.id, "Eval Chat")
        place = _Place(org_id, publisher.id, app.id)
        rows, named = _Rows(), {}
        for one in campaigns:
            clock = VirtualClock(now_ms - one.days * _DAY_MS)
            named[one.name] = await _launched(session, one, org_id, ids, clock, now_ms)
            shown = [ad.id for ad, _ in await Ads(session).servable([named[one.name]])]
            for ad_id, ad in zip(shown, one.ads, strict=True):
                _past(rows, place, one, ad, (named[one.name], ad_id), now_ms)
        await _written(session, rows, org_id, utc(now_ms))
    return named


async def _launched(
    session: AsyncSession, one: Ran, org_id: str, ids: SeededIds, clock: VirtualClock, now_ms: int
) -> str:
    catalog = CatalogService(session, ids, clock)
    ends = None if one.ends_in is None else now_ms + one.ends_in * _DAY_MS
    spec = CampaignSpec(
        name=one.name, currency=one.currency, bid_micros=one.bid_micros, ends_ms=ends,
        budget_daily_micros=one.daily_micros, budget_total_micros=one.total_micros,
        pacing=Pacing(one.pacing),
    )  # fmt: skip
    campaign = await catalog.create_campaign(org_id, spec, who=BY)
    cards = [
        CreativeSpec(
            key=str(number), format=AdFormat.ACTION_CARD, texts={"eng": _TEXT, "jpn": _TEXT},
            tags=("anything",), landing_url="https://shop.example/",
        )
        for number in range(len(one.ads))
    ]  # fmt: skip
    await catalog.add_creatives(campaign, cards)
    for creative in await catalog.creatives.of(campaign.id):
        creative.status = "approved"
    await session.flush()
    for status in (CampaignStatus.IN_REVIEW, CampaignStatus.APPROVED):
        await catalog.move(campaign.id, status, who=BY, why=BY)
    await catalog.launch(campaign.id, who=BY, why=BY)
    return campaign.id


def _past(
    rows: _Rows, place: _Place, one: Ran, ad: RanAd, ids: tuple[str, str], now_ms: int
) -> None:
    """Add what became of an ad on every day of its campaign."""
    midnight = utc(now_ms).replace(hour=0, minute=0, second=0, microsecond=0)
    for back in range(1, one.days + 1):
        at = midnight - timedelta(days=back) + timedelta(hours=one.hour)
        for number in range(ad.shown):
            request = stable_id("req", *ids, str(back), str(number))
            rows.decisions.append(_decision(request, at, place, one, ad, ids))
            for kind, many in (
                ("impression", ad.shown),
                ("click", ad.clicks),
                ("submit", ad.signups),
            ):
                if number < many:
                    paid = ad.click_micros if kind == "click" else 0
                    event = _event(request, kind, at, place, one.currency, ids, paid)
                    rows.events.append(event)
                    if paid:
                        _charge(rows, event, place)


def _decision(
    request: str, at: datetime, place: _Place, one: Ran, ad: RanAd, ids: tuple[str, str]
) -> dict[str, Any]:
    return {
        "id": request, "created_at": at, "app_id": place.app, "publisher_id": place.publisher,
        "advertiser_id": place.advertiser, "campaign_id": ids[0], "ad_id": ids[1],
        "snapshot_id": "snp_before", "reason": "served", "language": "eng", "intent": "high_commercial",
        "bid_model": "cpc", "price_micros": ad.click_micros, "currency": one.currency, "expires_at": at,
        "record": b"",
    }  # fmt: skip


def _event(
    request: str, kind: str, at: datetime, place: _Place, currency: str, ids: tuple[str, str], paid: int
) -> dict[str, Any]:  # fmt: skip
    return {
        "id": stable_id("evt", request, kind), "created_at": at, "request_id": request, "type": kind,
        "app_id": place.app, "publisher_id": place.publisher, "advertiser_id": place.advertiser,
        "campaign_id": ids[0], "ad_id": ids[1], "charged_micros": paid, "currency": currency,
        "verdict": "charged" if paid else "recorded", "extra": {},
    }  # fmt: skip


def _charge(rows: _Rows, event: dict[str, Any], place: _Place) -> None:
    """Add the entry of a paid click: the advertiser owes, the publisher and the platform get."""
    entry, paid = stable_id("txn", event["id"]), event["charged_micros"]
    share = paid * PUBLISHER_SHARE_PPM // 1_000_000
    same = {"created_at": event["created_at"], "currency": event["currency"]}
    rows.entries.append(
        {"id": entry, "event_id": event["id"], "kind": "click", "campaign_id": event["campaign_id"], **same}
    )  # fmt: skip
    sides = (
        (place.advertiser, f"receivable:{place.advertiser}", paid),
        (place.publisher, f"payable:{place.publisher}", -share),
        (PLATFORM, "revenue:platform", share - paid),
    )
    rows.lines += [
        {
            "id": f"{entry}:{number}", "org_id": org, "entry_id": entry, "account": account,
            "amount_micros": amount, **same,
        }
        for number, (org, account, amount) in enumerate(sides)
    ]  # fmt: skip
    for day in (WHOLE, day_of(round(event["created_at"].timestamp() * 1_000))):
        rows.spent[event["campaign_id"], day] += paid


async def _written(session: AsyncSession, rows: _Rows, org_id: str, now: datetime) -> None:
    spent = [
        {
            "id": f"{campaign}:{day.isoformat()}", "org_id": org_id, "created_at": now,
            "campaign_id": campaign, "day": day, "spent_micros": micros,
        }
        for (campaign, day), micros in rows.spent.items()
    ]  # fmt: skip
    for table, made in (
        (DecisionRow, rows.decisions),
        (EventRow, rows.events),
        (LedgerEntry, rows.entries),
        (LedgerLine, rows.lines),
        (CampaignSpend, spent),
    ):
        for part in _parts(made):
            await session.execute(insert(table), part)


def _parts(rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(rows), _BATCH):
        yield rows[start : start + _BATCH]
