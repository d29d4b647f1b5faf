"""The analytics agent joined to the database: names, counts and the way to a model of one organisation."""

from __future__ import annotations

from agents.analytics.agent import ask
from agents.analytics.reading import analytics_query
from agents.analytics.schemas import Answer, Known
from bootstrap.models import model_router
from bootstrap.services import Services
from catalog.repository import Apps, Campaigns, Organisations
from domain.time import day_of
from llm.offline.model import offline_model
from llm.router import ModelRouter
from measurement.queries import recount, run
from measurement.query_types import Group, Query, Result, Side

#: Campaigns and apps that can be named in a question; all others can be asked for by id.
_NAMES = 1_000


async def answer_question(
    services: Services, org_id: str, question: str, side: Side | None = None
) -> Answer:
    """Answer a question about an organisation's performance.

    Args:
        services: The installation's parts.
        org_id: Who asks.
        question: In plain words.
        side: As which side of an ad; None is what the organisation is.

    Raises:
        ParleyError: as `agents.analytics.agent.ask`.
    """
    known = await known_to(services, org_id, side)
    return await ask(
        question,
        known,
        router=_router(services, org_id),
        run=Counter(services, org_id).run,
        recount=Counter(services, org_id).recount,
    )


async def known_to(services: Services, org_id: str, side: Side | None = None) -> Known:
    """Return what an organisation may name: its campaigns and apps, and which day it is."""
    async with services.db.tenant(org_id) as session:
        org = await Organisations(session).get(org_id)
        campaigns = {row.id: row.name for row in await Campaigns(session).newest(_NAMES)}
        apps = {row.id: row.name for row in await Apps(session).newest(_NAMES)}
    kind = Side.PUBLISHER if org.kind == "publisher" else Side.ADVERTISER
    return Known(side or kind, campaigns, apps, day_of(services.clock.now_ms()))


class Counter:
    """Runs queries, each in a transaction of the tenant's own.

    Args:
        services: The installation's parts.
        org_id: Whose numbers.
    """

    def __init__(self, services: Services, org_id: str) -> None:
        self._db, self._org_id = services.db, org_id

    async def run(self, query: Query) -> Result:
        """See `measurement.queries.run`."""
        async with self._db.tenant(self._org_id) as session:
            return await run(session, self._org_id, query)

    async def recount(self, query: Query) -> tuple[Group, ...]:
        """See `measurement.queries.recount`."""
        async with self._db.tenant(self._org_id) as session:
            return await recount(session, self._org_id, query)


def _router(services: Services, org_id: str) -> ModelRouter:
    return model_router(
        services,
        run_id=services.ids.new("run"),
        org_id=org_id,
        emit=None,
        offline=offline_model([("AnalyticsQuery", analytics_query)]),
    )
