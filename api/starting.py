"""Starting a run over the API: once for each Idempotency-Key, however many ask at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.exc import IntegrityError

from api.deps import who
from api.ownership import check_sources
from api.state import State
from catalog.access import Principal
from catalog.runs import RunService
from catalog.tables import Run
from graphs.versions import CURRENT


async def start_run(
    api: State,
    caller: Principal,
    graph: str,
    goal: str,
    inputs: Mapping[str, Any],
    key: str | None,
) -> Run:
    """Queue a run on its graph's current version; return it, or the one that the key made before.

    Args:
        api: The running parts.
        caller: Whose run it is.
        graph: Name of the graph.
        goal: The marketer's sentence.
        inputs: As the row keeps them; `page_source_id` and `feed_source_id` must be the caller's own.
        key: Idempotency-Key.

    Raises:
        NotFound: if a source is not the caller's.
        Conflict: if the key was used for something else.
    """
    parts = api.services

    async def create() -> Run:
        async with parts.db.tenant(caller.org_id) as session:
            await check_sources(session, inputs.get("page_source_id"), inputs.get("feed_source_id"))
            run, _ = await RunService(session, parts.ids, parts.clock).create(
                caller.org_id,
                goal,
                dict(inputs),
                graph=graph,
                graph_version=CURRENT[graph],
                by=who(caller),
                idempotency_key=key,
            )
            return run

    try:
        return await create()
    except IntegrityError:
        # Two requests with one key at once: the other has won and is there to be found.
        return await create()
