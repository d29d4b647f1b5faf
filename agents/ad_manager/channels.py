"""How a budget would be shared between channels, and what leaves for each: ChangeSets, nothing sent."""

from __future__ import annotations

from dataclasses import dataclass

from agents.ad_manager.schemas import MediaPlan
from catalog.changesets import Amount, Change, ChangeKind, ChangeSet, MoneyMove
from domain.brief import Brief, Channel
from domain.money import Money

#: How well a channel is known to serve a kind of goal, relative to the others. Own judgement, written for
#: this project; a first guess that measured results replace.
WEIGHTS: dict[str, dict[Channel, int]] = {
    "leads": {"in_chat": 3, "linkedin": 3, "google": 3, "meta": 2, "tiktok": 1, "producthunt": 1},
    "cpa": {"in_chat": 3, "google": 3, "meta": 2, "linkedin": 1, "tiktok": 1, "producthunt": 1},
    "sales": {"in_chat": 3, "google": 3, "meta": 3, "tiktok": 2, "linkedin": 1, "producthunt": 1},
    "awareness": {
        "in_chat": 2,
        "meta": 3,
        "tiktok": 3,
        "google": 2,
        "linkedin": 1,
        "producthunt": 2,
    },
}
_PPM = 1_000_000


@dataclass(frozen=True, kw_only=True)
class ChannelPlan:
    """One channel's part.

    Attributes:
        channel, connected: Where, and whether Parley can launch there today.
        share_ppm: Part of the budget it would get if all channels were connected; all parts make a million.
        budget_total_micros, budget_daily_micros, bid_micros: What it runs with: the in-chat channel has
            the whole budget as long as nothing else is connected; others have their share, unspent.
        currency: ISO 4217.
        start, end: First and last day, ISO 8601; None = open.
        reason: Why this share.
    """

    channel: Channel
    connected: bool
    share_ppm: int
    budget_total_micros: int | None
    budget_daily_micros: int | None
    bid_micros: int
    currency: str
    start: str | None
    end: str | None
    reason: str


def share(brief: Brief, plan: MediaPlan) -> tuple[ChannelPlan, ...]:
    """Split a plan between the channels that were asked for; the in-chat channel is always among them."""
    channels: tuple[Channel, ...] = ("in_chat", *(c for c in plan.not_connected if c != "in_chat"))
    kind = str(brief.kpi.type) if brief.kpi else "sales"
    weights = WEIGHTS.get(kind, WEIGHTS["sales"])
    whole = sum(weights[c] for c in channels)
    shares = [weights[c] * _PPM // whole for c in channels]
    shares[0] += _PPM - sum(shares)
    return tuple(
        ChannelPlan(
            channel=channel,
            connected=channel == "in_chat",
            share_ppm=part,
            budget_total_micros=_part(
                plan.budget_total_micros, _PPM if channel == "in_chat" else part
            ),
            budget_daily_micros=_part(
                plan.budget_daily_micros, _PPM if channel == "in_chat" else part
            ),
            bid_micros=plan.bid_micros,
            currency=plan.currency,
            start=brief.start,
            end=brief.end,
            reason=_reason(channel, kind, part),
        )
        for channel, part in zip(channels, shares, strict=True)
    )


def creation(org_id: str, plan_id: str, campaign_id: str, plan: ChannelPlan) -> ChangeSet:
    """Return what would be sent to a channel to create its part of a campaign, paused."""
    amounts = (
        (Amount.TOTAL, plan.budget_total_micros),
        (Amount.DAILY, plan.budget_daily_micros),
        (Amount.BID, plan.bid_micros),
    )
    money = tuple(
        MoneyMove(what=what, before=amount, after=amount)
        for what, micros in amounts
        for amount in (None if micros is None else Money(micros, plan.currency),)
    )
    change = Change(kind=ChangeKind.CREATE, campaign_id=campaign_id, money=money)
    return ChangeSet(
        org_id=org_id,
        channel=plan.channel,
        plan_id=plan_id,
        changes=(change,),
        why=plan.reason,
    )


def _part(micros: int | None, part: int) -> int | None:
    return None if micros is None else micros * part // _PPM


def _reason(channel: Channel, kind: str, part: int) -> str:
    if channel == "in_chat":
        return "Inside chats; has the whole budget as long as no other channel is connected."
    return f"{part / 10_000:.0f} % once connected, by how it usually serves a goal of {kind}."
