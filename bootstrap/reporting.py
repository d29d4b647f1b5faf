"""Reports: made when somebody asks or when they are due, each once, and kept as objects."""

from __future__ import annotations

import asyncio
import logging
from datetime import date, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from agents.analytics.reporting import write_report
from agents.analytics.schemas import Tongue
from bootstrap.analytics import Counter, known_to
from bootstrap.services import Services
from catalog.repository import Organisations
from domain.errors import ParleyError, Unavailable, Unprocessable
from domain.ids import stable_id
from domain.time import utc
from measurement.due import covered, next_due
from measurement.query_types import MAX_DAYS, Period
from measurement.report_tables import (
    DONE,
    FAILED,
    QUEUED,
    Alerts,
    Report,
    Reports,
    ReportSchedule,
    Schedules,
)
from tools.reporting import as_html, as_pdf

log = logging.getLogger("parley.reports")


async def make_now(
    services: Services, org_id: str, *, name: str, period: Period, language: str, by: str
) -> Report:
    """Make a report at once.

    Raises:
        Unprocessable: `bad_period`.
        ParleyError: if it cannot be made.
    """
    today = utc(services.clock.now_ms()).date()
    if not 1 <= period.days <= MAX_DAYS or period.first > today:
        raise Unprocessable(
            "bad_period", f"A report is about 1 to {MAX_DAYS} days that have begun, in order."
        )
    report_id = services.ids.new("rpt")
    async with services.db.tenant(org_id) as session:
        await Reports(session).add(
            Report(
                id=report_id, org_id=org_id, created_at=utc(services.clock.now_ms()), name=name,
                language=language, status=QUEUED, requested_by=by, first=period.first,
                last=period.last, schedule_id=None,
            )
        )  # fmt: skip
    await make_one(services, report_id)
    async with services.db.tenant(org_id) as session:
        return await Reports(session).get(report_id)


async def schedule(
    services: Services, org_id: str, *, name: str, every: str, hour: int, language: str, by: str
) -> ReportSchedule:
    """Have reports made by themselves from now on."""
    now = utc(services.clock.now_ms())
    async with services.db.tenant(org_id) as session:
        return await Schedules(session).add(
            ReportSchedule(
                id=services.ids.new("rps"), org_id=org_id, created_at=now, name=name, every=every,
                hour=hour, language=language, requested_by=by, next_at=next_due(every, hour, now),
            )
        )  # fmt: skip


async def stop(services: Services, org_id: str, schedule_id: str) -> None:
    """Stop a schedule; stopping it twice is stopping it once.

    Raises:
        NotFound: if there is none that the organisation can see.
    """
    async with services.db.tenant(org_id) as session:
        row = await Schedules(session).get(schedule_id, lock=True)
        row.stopped_at = row.stopped_at or utc(services.clock.now_ms())


async def queue_due(services: Services) -> int:
    """Queue the reports that are due, each once however many ask at once; return how many schedules were.

    After a long pause only the last one is made: nobody reads a week of yesterday's reports.
    """
    now = utc(services.clock.now_ms())
    async with services.db.system() as session:
        due = await Schedules(session).due(now)
        for row in due:
            period = covered(row.every, now)
            await Reports(session).add_missing(
                {
                    "id": stable_id("rpt", row.id, period.first.isoformat()), "org_id": row.org_id,
                    "created_at": now, "name": row.name, "language": row.language,
                    "status": QUEUED, "requested_by": f"schedule:{row.id}", "schedule_id": row.id,
                    "first": period.first, "last": period.last,
                }
            )  # fmt: skip
            row.next_at = next_due(row.every, row.hour, now)
    return len(due)


async def make_due(services: Services) -> int:
    """Queue what is due and make what is queued; return how many reports were made."""
    await queue_due(services)
    made = 0
    while await make_one(services):
        made += 1
    return made


async def make_one(services: Services, report_id: str | None = None) -> bool:
    """Make a queued report; False if there is none that nobody else is making.

    The row stays locked meanwhile: a maker that dies lets it go, and the next one writes the same objects again.

    Args:
        services: The installation's parts.
        report_id: This one and no other.
    """
    async with services.db.system() as session:
        row = await Reports(session).take(report_id)
        if row is None:
            return False
        try:
            html, pdf = await _pages(services, session, row)
        except Unavailable:
            raise
        except ParleyError as error:
            log.warning("report %s could not be made: %s", row.id, error)
            row.status, row.error = FAILED, error.problem()
            return True
        for form, data in (("html", html), ("pdf", pdf)):
            await services.objects.put(row.key(form), data)
        row.status, row.made_at = DONE, utc(services.clock.now_ms())
        return True


async def _pages(services: Services, session: AsyncSession, row: Report) -> tuple[bytes, bytes]:
    org = await Organisations(session).get(row.org_id)
    known = await known_to(services, row.org_id)
    counter = Counter(services, row.org_id)
    tongue: Tongue = "jpn" if row.language == "jpn" else "eng"
    page = await write_report(
        row.name,
        org.name,
        Period(row.first, row.last),
        known,
        tongue=tongue,
        now=utc(services.clock.now_ms()),
        alerts=await _alerts(services, row.org_id, row.first, row.last),
        run=counter.run,
        recount=counter.recount,
    )
    # Typesetting takes a second or two: the beats go on meanwhile.
    return await asyncio.to_thread(as_html, page), await asyncio.to_thread(as_pdf, page)


async def _alerts(services: Services, org_id: str, first: date, last: date) -> list[str]:
    async with services.db.tenant(org_id) as session:
        return [row.why for row in await Alerts(session).between(first, last, 20)]


def last_week(today: date) -> Period:
    """Return the seven days up to yesterday: what a report is about if nothing is said."""
    return Period(today - timedelta(days=7), today - timedelta(days=1))
