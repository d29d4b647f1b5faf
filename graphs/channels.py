"""The channels that a graph may send to, put together from its context."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from billing.service import BillingService
from catalog.changes import Committed
from catalog.channels import Dispatcher
from catalog.guards import SpendLimits
from catalog.in_chat import InChat
from graphs.context import GraphContext


def dispatcher(ctx: GraphContext, limits: SpendLimits | None = None) -> Dispatcher:
    """Return the one way to the channels that are connected.

    Args:
        ctx: Parts of the installation.
        limits: Spend guards; None is the shipped ones.
    """

    async def borne(session: AsyncSession, campaign_id: str) -> Committed:
        spend = await BillingService(session, ctx.ids, ctx.clock).spend_of([campaign_id])
        return Committed(spend[campaign_id].total_micros, spend[campaign_id].today_micros)

    in_chat = InChat(ctx.db, ctx.ids, ctx.clock, borne)
    return Dispatcher(ctx.db, ctx.ids, ctx.clock, {in_chat.name: in_chat}, limits)
