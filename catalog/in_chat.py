"""The in-chat channel: our own catalogue behind the same port as any platform."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec
from msgspec import UNSET
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.changes import CampaignChange, Committed
from catalog.changesets import (
    Amount,
    Change,
    ChangeKind,
    MoneyMove,
    campaign_change,
    check_currencies,
)
from catalog.lifecycle import CampaignStatus
from catalog.service import CatalogService
from catalog.tables import AuditEntry, Campaign
from domain.errors import Conflict, Unprocessable
from domain.ids import Ids
from domain.money import Money
from domain.time import Clock, utc
from storage.database import Database

Borne = Callable[[AsyncSession, str], Awaitable[Committed]]

#: Characters of a reason that the audit keeps before the operation's tag, which must never be cut off.
_WHY = 150

_MOVES = {
    ChangeKind.PAUSE: CampaignStatus.PAUSED,
    ChangeKind.RESUME: CampaignStatus.LIVE,
    ChangeKind.END: CampaignStatus.ENDED,
}


class InChat:
    """Does changes in the catalogue; each is one transaction, so its outcome is never in doubt for long.

    Args:
        db: Where the catalogue is.
        ids, clock: Where ids and "now" come from.
        borne: What a campaign's budget bears already, read in the same transaction.
    """

    name = "in_chat"

    def __init__(self, db: Database, ids: Ids, clock: Clock, borne: Borne) -> None:
        self._db, self._ids, self._clock, self._borne = db, ids, clock, borne

    async def send(self, org_id: str, op_id: str, change: Change, *, who: str, why: str) -> str:
        """See `catalog.channels.Channel`."""
        tag = f"{why[:_WHY]} [{op_id}]".strip()
        async with self._db.tenant(org_id) as session:
            catalog = CatalogService(session, self._ids, self._clock)
            campaign = await catalog.campaigns.get(change.campaign_id, lock=True)
            if await _there(session, op_id, change):
                return campaign.id
            check_currencies(change, campaign.currency)
            _check_before(change, campaign)
            if change.kind is ChangeKind.LAUNCH:
                await _launch(catalog, campaign, who, tag)
            elif change.kind is ChangeKind.UPDATE:
                await catalog.change_campaign(
                    campaign.id,
                    campaign_change(change),
                    committed=await self._borne(session, campaign.id),
                    who=who,
                    why=tag,
                )
            elif change.kind in _MOVES:
                if change.kind is ChangeKind.RESUME and campaign.status != CampaignStatus.PAUSED:
                    raise Conflict("campaign_state", "Only a paused campaign can be resumed.")
                await catalog.move(campaign.id, _MOVES[change.kind], who=who, why=tag)
            else:
                raise Unprocessable(
                    "not_in_chat", "An in-chat campaign is created by its run; launch it instead."
                )
            return campaign.id

    async def look_up(self, org_id: str, op_id: str, change: Change) -> str | None:
        """See `catalog.channels.Channel`: the audit names the operation that did it."""
        async with self._db.tenant(org_id) as session:
            return change.campaign_id if await _there(session, op_id, change) else None


def launch_of(campaign: Campaign) -> Change:
    """Return the launch of a campaign with every amount it will run with."""
    return Change(
        kind=ChangeKind.LAUNCH,
        campaign_id=campaign.id,
        money=tuple(
            MoneyMove(what=what, before=amount, after=amount)
            for what in Amount
            for amount in (_money(getattr(campaign, str(what)), campaign.currency),)
        ),
    )


def resume_of(campaign: Campaign) -> Change:
    """Return the resuming of a campaign with every amount it will go on with."""
    return msgspec.structs.replace(launch_of(campaign), kind=ChangeKind.RESUME)


def change_of(campaign: Campaign, asked: CampaignChange) -> Change:
    """Return a change as the guards want it: amounts that become different as money, the rest beside."""
    amounts = {
        str(what): micros
        for what in Amount
        if (micros := getattr(asked, str(what))) is not UNSET
        and micros != getattr(campaign, str(what))
    }
    rest = msgspec.structs.replace(asked, **{str(what): UNSET for what in Amount})
    change = update_of(campaign, **amounts)
    return change if rest == CampaignChange() else msgspec.structs.replace(change, rest=rest)


def update_of(campaign: Campaign, **after: int | None) -> Change:
    """Return a change of amounts in micros: `update_of(campaign, budget_daily_micros=5_000_000)`."""
    return Change(
        kind=ChangeKind.UPDATE,
        campaign_id=campaign.id,
        money=tuple(
            MoneyMove(
                what=Amount(name),
                before=_money(getattr(campaign, name), campaign.currency),
                after=_money(micros, campaign.currency),
            )
            for name, micros in sorted(after.items())
        ),
    )


async def _there(session: AsyncSession, op_id: str, change: Change) -> bool:
    found = await session.scalar(
        select(AuditEntry.id)
        .where(
            AuditEntry.subject_id == change.campaign_id,
            AuditEntry.why.contains(f"[{op_id}]", autoescape=True),
        )
        .limit(1)
    )
    return found is not None


def _check_before(change: Change, campaign: Campaign) -> None:
    """The guards measured from these amounts: they must be the ones that hold."""
    for move in change.money:
        now = _money(getattr(campaign, str(move.what)), campaign.currency)
        if move.before != now:
            raise Conflict(
                "changed_meanwhile",
                f"{move.what} was {move.before} when this was planned and is {now}; plan it again.",
            )


async def _launch(catalog: CatalogService, campaign: Campaign, who: str, tag: str) -> None:
    waits = campaign.status in (CampaignStatus.IN_REVIEW, CampaignStatus.APPROVED)
    if waits and campaign.ends_at is not None and campaign.ends_at <= utc(catalog.clock.now_ms()):
        raise Unprocessable(
            "campaign_over",
            "Its last day has passed while it waited; start again with a later end.",
        )
    # A later pause by a person must not be undone by a launch that runs a second time.
    if campaign.status == CampaignStatus.IN_REVIEW:
        await catalog.move(campaign.id, CampaignStatus.APPROVED, who=who, why=tag)
    if campaign.status == CampaignStatus.APPROVED:
        await catalog.launch(campaign.id, who=who, why=tag)
    history = await catalog.audit.of(campaign.id)
    if not any(entry.to_state == CampaignStatus.LIVE for entry in history):
        raise Conflict(
            "campaign_state",
            "The campaign was ended before it was approved; nothing was launched.",
        )


def _money(micros: int | None, currency: str) -> Money | None:
    return None if micros is None else Money(micros, currency)
