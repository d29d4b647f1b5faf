"""Runs: their progress, and the answers they wait for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query
from redis.asyncio import Redis

from api.deps import Api, Approver, CampaignReader, CampaignWriter, Limit, RunId, who
from api.models.run_report import RunReportOut
from api.models.runs import AnswerQuestion, Decide, RunEvent, RunEvents, RunOut
from api.ownership import check_sources
from api.state import State
from catalog.access import Principal
from catalog.operations import Operations
from catalog.runs import FINISHED, Runs, RunService, RunStatus
from domain.errors import Unavailable, Unprocessable
from domain.events import Progress, progress_stream
from domain.ids import stable_id
from domain.time import utc
from graphs.campaign.material import Desk
from graphs.campaign.report import report_of
from llm.meter import RunMeter
from llm.offline.brief.text import MAX_GOAL_CHARS
from storage.cache import REDIS_ERRORS

router = APIRouter(prefix="/api/v1/runs", tags=["runs"])

MAX_WAIT_S = 20
#: One blocking read stays below the client's own time-out for a reply.
_SLICE_MS = 1_000
_BATCH = 200

After = Annotated[
    str, Query(pattern=r"^\d{1,19}(-\d{1,19})?$", description="A last-seen event id.")
]
Wait = Annotated[int, Query(ge=0, le=MAX_WAIT_S, description="Seconds to wait for something new.")]


@router.get("")
async def list_runs(caller: CampaignReader, api: Api, limit: Limit = 50) -> list[RunOut]:
    """Return the organisation's runs, newest first."""
    async with api.services.db.tenant(caller.org_id) as session:
        rows = await Runs(session).newest(limit)
        return [RunOut.model_validate(row) for row in rows]


@router.get("/{id}")
async def get_run(item_id: RunId, caller: CampaignReader, api: Api) -> RunOut:
    """Return a run: where it stands, what it waits for, what came of it."""
    return await _run(item_id, caller, api)


@router.get("/{id}/report")
async def report(item_id: RunId, caller: CampaignReader, api: Api) -> RunReportOut:
    """Return what a run found, wrote, checked and spent, each statement with what it rests on."""
    parts = api.services
    async with parts.db.tenant(caller.org_id) as session:
        run = await Runs(session).get(item_id)
        ledger = await Operations(session).of(stable_id("cmp", item_id))
    usage = await RunMeter(parts.redis, item_id).read()
    found = await report_of(Desk(parts.objects, item_id), ledger, usage)
    return RunReportOut.model_validate(
        {"run_id": run.id, "status": run.status, "goal": run.goal, **msgspec.to_builtins(found)}
    )


@router.get("/{id}/events")
async def events(
    item_id: RunId, caller: CampaignReader, api: Api, after: After = "0", wait: Wait = 0
) -> RunEvents:
    """Return progress after an event id; with `wait`, hold the answer until there is some."""
    run = await _run(item_id, caller, api)
    found = await _read(api.services.redis, item_id, after, 0)
    deadline = asyncio.get_running_loop().time() + wait
    while not found and run.status not in FINISHED:
        left = deadline - asyncio.get_running_loop().time()
        if left <= 0:
            break
        found = await _read(api.services.redis, item_id, after, min(_SLICE_MS, int(left * 1000)))
        run = await _run(item_id, caller, api)
    return RunEvents(
        events=found,
        next_after=found[-1].id if found else after,
        finished=run.status in FINISHED and len(found) < _BATCH,
    )


@router.post("/{id}/approve")
async def approve(item_id: RunId, body: Decide, caller: Approver, api: Api) -> RunOut:
    """Approve or reject what a run has made. A second decision is refused.

    With `changeset` exactly what was shown is approved; without, what stands there at the launch.
    """
    answer = {"decision": body.decision, "note": body.note, "by": who(caller)}
    if body.changeset:
        answer["changeset"] = body.changeset
    parts = api.services
    async with parts.db.tenant(caller.org_id) as session:
        service = RunService(session, parts.ids, parts.clock)
        run = await service.answer(item_id, RunStatus.AWAITING_APPROVAL, answer)
        return RunOut.model_validate(run)


@router.post("/{id}/answer")
async def answer_question(
    item_id: RunId, body: AnswerQuestion, caller: CampaignWriter, api: Api
) -> RunOut:
    """Tell a run what it asked for."""
    fields = body.fields.model_dump(mode="json", exclude_none=True) if body.fields else {}
    if not body.text and not fields:
        raise Unprocessable("answer_empty", "Answer with text, fields, or both.")
    parts = api.services
    async with parts.db.tenant(caller.org_id) as session:
        if body.fields:
            await check_sources(session, body.fields.page_source_id, body.fields.feed_source_id)
        service = RunService(session, parts.ids, parts.clock)
        run = await service.answer(
            item_id, RunStatus.NEEDS_INPUT, {"text": body.text, "fields": fields}
        )
        _check_length(run.goal, body.text)
        return RunOut.model_validate(run)


def _check_length(goal: str, text: str) -> None:
    """Goal and answer are read as one text, which has a limit."""
    room = MAX_GOAL_CHARS - len(goal) - 1
    if len(text) > room:
        raise Unprocessable(
            "answer_too_long",
            f"Goal and answer together are too long; answer in at most {max(room, 0):,} characters.",
        )


async def _run(run_id: str, caller: Principal, api: State) -> RunOut:
    async with api.services.db.tenant(caller.org_id) as session:
        return RunOut.model_validate(await Runs(session).get(run_id))


async def _read(redis: Redis, run_id: str, after: str, block_ms: int) -> list[RunEvent]:
    stream = progress_stream(run_id)
    try:
        reply = await redis.xread({stream: after}, count=_BATCH, block=block_ms or None)
    except REDIS_ERRORS as error:
        raise Unavailable(
            "progress_unavailable",
            "Progress cannot be read right now; the run goes on, ask again in a moment.",
        ) from error
    return [_event(entry_id, fields) for entry_id, fields in _entries(reply)]


def _entries(reply: Any) -> Sequence[tuple[bytes, dict[bytes, bytes]]]:
    """Return the entries of the one stream asked for; the shape differs between RESP2 and RESP3."""
    if not reply:
        return []
    if isinstance(reply, dict):
        nested = next(iter(reply.values()))
        return nested[0] if nested and isinstance(nested[0], list) else nested
    entries: Sequence[tuple[bytes, dict[bytes, bytes]]] = reply[0][1]
    return entries


def _event(entry_id: bytes, fields: dict[bytes, bytes]) -> RunEvent:
    line = msgspec.json.decode(fields[b"e"], type=Progress)
    return RunEvent(
        id=entry_id.decode("ascii"),
        type=line.type,
        step=line.step,
        message=line.message,
        at=utc(line.at_ms),
        data=dict(line.data),
    )
