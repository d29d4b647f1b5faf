"""Changes that people make to running campaigns: through the same guards and ledger as the agents' own."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from billing.service import BillingService
from bootstrap.budgets import committed
from bootstrap.services import Services
from catalog.changes import CampaignChange, Committed, changed_spec
from catalog.changesets import Approved, Change, ChangeKind, ChangeSet
from catalog.channels import Dispatcher, check_done
from catalog.export import spec_of
from catalog.guards import for_people
from catalog.in_chat import InChat, change_of, resume_of
from catalog.lifecycle import CampaignStatus
from catalog.repository import Campaigns
from catalog.service import CatalogService
from catalog.specs import price_of_one
from catalog.tables import Campaign
from domain.errors import Conflict
from fastpath.reservation import Reservation

#: How often a change is measured again because another came between; each time one of them has got through.
TRIES = 16


@dataclass(frozen=True)
class Changes:
    """What a person may do to a campaign once it is there.

    Attributes:
        services: Parts of the installation.
        state: Where offers that are still open hold budget.
        org_id, who: Whose campaign, and who acts.
    """

    services: Services
    state: Reservation
    org_id: str
    who: str

    async def change(self, campaign_id: str, asked: CampaignChange, why: str) -> bool:
        """Change budgets, bid, dates, targeting, caps or pacing; False if nothing became different.

        Raises:
            BudgetGuard: if an amount goes further than one request may take it, or spending is stopped.
            ParleyError: what `CatalogService.change_campaign` refuses.
        """
        for left in reversed(range(TRIES)):
            row = await self._campaign(campaign_id)
            before = spec_of(row)
            if changed_spec(before, asked) == before and row.status != CampaignStatus.ENDED:
                return False
            try:
                await self._apply(change_of(row, asked), why)
            except Conflict as error:
                if error.code != "changed_meanwhile" or not left:
                    raise
            else:
                return True
        return False

    async def move(self, campaign_id: str, to: CampaignStatus, why: str) -> bool:
        """Pause, resume or end; False if it is so already.

        Raises:
            Conflict: `campaign_state`, or `budget_exhausted` for a campaign that nothing is left for.
            BudgetGuard: if spending is stopped.
        """
        row = await self._campaign(campaign_id)
        if row.status == to:
            return False
        if to is CampaignStatus.LIVE:
            await self._check_resumable(row)
            if row.house:
                return await self._resume_house(campaign_id, why)
            change = resume_of(row)
        else:
            kind = ChangeKind.PAUSE if to is CampaignStatus.PAUSED else ChangeKind.END
            change = Change(kind=kind, campaign_id=campaign_id)
        await self._apply(change, why or f"{to} by {self.who}")
        return True

    async def _resume_house(self, campaign_id: str, why: str) -> bool:
        """A house campaign costs nothing: there is no amount for a guard to read."""
        parts = self.services
        async with parts.db.tenant(self.org_id) as session:
            catalog = CatalogService(session, parts.ids, parts.clock)
            return await catalog.move(
                campaign_id, CampaignStatus.LIVE, who=self.who, why=why or f"live by {self.who}"
            )

    def dispatcher(self) -> Dispatcher:
        """Return the one way to the channels, with the guards that hold for people."""
        parts = self.services
        channel = InChat(parts.db, parts.ids, parts.clock, self._borne)
        return Dispatcher(parts.db, parts.ids, parts.clock, {channel.name: channel}, for_people())

    async def _apply(self, change: Change, why: str) -> None:
        asked = ChangeSet(
            org_id=self.org_id,
            channel=InChat.name,
            # A request of its own each time: what was done yesterday may be asked for again today.
            plan_id=self.services.ids.new("req"),
            changes=(change,),
            why=why,
        )
        check_done(await self.dispatcher().apply(asked, Approved(self.who, asked.hash)))

    async def _campaign(self, campaign_id: str) -> Campaign:
        async with self.services.db.tenant(self.org_id) as session:
            return await Campaigns(session).get(campaign_id)

    async def _borne(self, session: AsyncSession, campaign_id: str) -> Committed:
        parts = self.services
        spend = await BillingService(session, parts.ids, parts.clock).spend_of([campaign_id])
        return await committed(parts, spend[campaign_id], self.state)

    async def _check_resumable(self, row: Campaign) -> None:
        """Approval is given once, inside a run: only a paused campaign may be resumed here."""
        if row.status != CampaignStatus.PAUSED:
            raise Conflict(
                "campaign_state",
                f"A campaign that is {row.status} cannot be resumed; only a paused one.",
            )
        if row.budget_total_micros is None or row.house:
            return
        async with self.services.db.tenant(self.org_id) as session:
            spent = await BillingService(session, self.services.ids, self.services.clock).spend_of(
                [row.id]
            )
        if spent[row.id].total_micros + price_of_one(spec_of(row)) > row.budget_total_micros:
            raise Conflict(
                "budget_exhausted",
                "Its budget does not pay for another event; it cannot be resumed.",
            )
