"""Reports: made now or by a schedule, read as HTML or PDF; and alerts about unusual days."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response

from api.deps import Api, Limit, Reporter, id_of, who
from api.models.analyst_reports import (
    AlertOut,
    MakeReport,
    MakeSchedule,
    ReportRowOut,
    ScheduleOut,
)
from bootstrap import reporting
from domain.errors import Conflict
from domain.time import utc
from measurement.query_types import Period
from measurement.report_tables import DONE, Alerts, Reports, Schedules

router = APIRouter(prefix="/api/v1/reports", tags=["reports"])

ReportId = Annotated[str, Depends(id_of("rpt"))]
ScheduleId = Annotated[str, Depends(id_of("rps"))]
_TYPES = {"html": "text/html; charset=utf-8", "pdf": "application/pdf"}


@router.post("", status_code=201)
async def make(body: MakeReport, caller: Reporter, api: Api) -> ReportRowOut:
    """Make a report now; it is ready when this answers."""
    usual = reporting.last_week(utc(api.services.clock.now_ms()).date())
    period = Period(body.first or usual.first, body.last or usual.last)
    row = await reporting.make_now(
        api.services, caller.org_id, name=body.name, period=period, language=body.language,
        by=who(caller),
    )  # fmt: skip
    return ReportRowOut.model_validate(row)


@router.get("")
async def list_reports(caller: Reporter, api: Api, limit: Limit = 50) -> list[ReportRowOut]:
    """Return the organisation's reports, newest first."""
    async with api.services.db.tenant(caller.org_id) as session:
        return [ReportRowOut.model_validate(row) for row in await Reports(session).newest(limit)]


@router.post("/schedules", status_code=201)
async def make_schedule(body: MakeSchedule, caller: Reporter, api: Api) -> ScheduleOut:
    """Have reports made by themselves."""
    row = await reporting.schedule(
        api.services, caller.org_id, name=body.name, every=body.every, hour=body.hour,
        language=body.language, by=who(caller),
    )  # fmt: skip
    return ScheduleOut.model_validate(row)


@router.get("/schedules")
async def list_schedules(caller: Reporter, api: Api) -> list[ScheduleOut]:
    """Return the schedules that go on, newest first."""
    async with api.services.db.tenant(caller.org_id) as session:
        return [ScheduleOut.model_validate(row) for row in await Schedules(session).going()]


@router.delete("/schedules/{id}", status_code=204)
async def stop_schedule(item_id: ScheduleId, caller: Reporter, api: Api) -> None:
    """Stop a schedule; its reports stay."""
    await reporting.stop(api.services, caller.org_id, item_id)


@router.get("/alerts")
async def list_alerts(
    caller: Reporter,
    api: Api,
    days: Annotated[int, Query(ge=1, le=365, description="Up to yesterday.")] = 30,
    limit: Limit = 100,
) -> list[AlertOut]:
    """Return unusual days, the newest first."""
    today = utc(api.services.clock.now_ms()).date()
    async with api.services.db.tenant(caller.org_id) as session:
        rows = await Alerts(session).between(today - timedelta(days=days), today, limit)
        return [AlertOut.model_validate(row) for row in rows]


@router.get("/{id}")
async def get_report(item_id: ReportId, caller: Reporter, api: Api) -> ReportRowOut:
    """Return a report's row: whether it is done, and what it is about."""
    async with api.services.db.tenant(caller.org_id) as session:
        return ReportRowOut.model_validate(await Reports(session).get(item_id))


@router.get(
    "/{id}/file",
    response_class=Response,
    responses={200: {"content": {"text/html": {}, "application/pdf": {}}}},
)
async def file(
    item_id: ReportId,
    caller: Reporter,
    api: Api,
    form: Annotated[Literal["html", "pdf"], Query(description="Which pages.")] = "html",
) -> Response:
    """Return a report's pages."""
    async with api.services.db.tenant(caller.org_id) as session:
        row = await Reports(session).get(item_id)
    if row.status != DONE:
        raise Conflict("report_not_ready", f"This report is {row.status}; make another one.")
    name = f"{row.id}.{form}"
    return Response(
        await api.services.objects.get(row.key(form)),
        media_type=_TYPES[form],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
