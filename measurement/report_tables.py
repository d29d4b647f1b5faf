"""Tables of reports, of when they are made, and of alerts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from storage.base import Repository, TenantRow

QUEUED, DONE, FAILED = "queued", "done", "failed"


class ReportSchedule(TenantRow):
    """When reports are made by themselves.

    Attributes:
        every: `day`, `week` or `month`; the report is about the last whole one.
        hour: UTC hour from which on it is due.
        next_at: When the next one is due.
        stopped_at: Since when none is made; None while it goes on.
    """

    __tablename__ = "report_schedules"

    name: Mapped[str]
    every: Mapped[str]
    language: Mapped[str]
    hour: Mapped[int]
    requested_by: Mapped[str]
    next_at: Mapped[datetime] = mapped_column(index=True)
    stopped_at: Mapped[datetime | None] = mapped_column(default=None)


class Report(TenantRow):
    """A report over whole UTC days, both ends included; its pages lie in the object store under its id.

    Attributes:
        status: `queued`, `done` or `failed`.
        error: Why it failed.
    """

    __tablename__ = "reports"

    name: Mapped[str]
    language: Mapped[str]
    status: Mapped[str] = mapped_column(index=True)
    requested_by: Mapped[str]
    schedule_id: Mapped[str | None]
    first: Mapped[date]
    last: Mapped[date]
    made_at: Mapped[datetime | None] = mapped_column(default=None)
    error: Mapped[dict[str, Any] | None] = mapped_column(default=None)

    def key(self, form: str) -> str:
        """Return where its pages are: `html` or `pdf`."""
        return f"reports/{self.id}.{form}"


class Alert(TenantRow):
    """A day on which something was far from usual; its id is made from what it is about.

    Attributes:
        campaign_id: Which campaign; empty = all together.
        metric: What was counted. currency: of money, otherwise empty.
        direction: `high` or `low`.
        value, expected: What was counted, and the usual of such days; money in micros.
        score: Robust z of the day.
        why: In one sentence.
    """

    __tablename__ = "alerts"

    metric: Mapped[str]
    campaign_id: Mapped[str]
    currency: Mapped[str]
    direction: Mapped[str]
    why: Mapped[str]
    day: Mapped[date] = mapped_column(index=True)
    value: Mapped[int]
    expected: Mapped[int]
    score: Mapped[float]


class Schedules(Repository[ReportSchedule]):
    """Queries over schedules."""

    row, prefix = ReportSchedule, "rps"

    async def due(self, now: datetime, limit: int = 20) -> Sequence[ReportSchedule]:
        """Take schedules that are due; those that another process has taken are left out."""
        query = (
            select(ReportSchedule)
            .where(ReportSchedule.stopped_at.is_(None), ReportSchedule.next_at <= now)
            .order_by(ReportSchedule.next_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return (await self.session.scalars(query)).all()

    async def going(self) -> Sequence[ReportSchedule]:
        """Return the schedules that have not been stopped, newest first."""
        query = select(ReportSchedule).where(ReportSchedule.stopped_at.is_(None))
        return (await self.session.scalars(query.order_by(ReportSchedule.created_at.desc()))).all()


class Reports(Repository[Report]):
    """Queries over reports."""

    row, prefix = Report, "rpt"

    async def add_missing(self, row: dict[str, Any]) -> None:
        """Insert a report unless it is there."""
        await self.session.execute(insert(Report).values(row).on_conflict_do_nothing())

    async def take(self, report_id: str | None = None) -> Report | None:
        """Lock a report that has to be made; None if there is none that nobody works on."""
        query = select(Report).where(Report.status == QUEUED).order_by(Report.created_at).limit(1)
        if report_id is not None:
            query = query.where(Report.id == report_id)
        found: Report | None = await self.session.scalar(query.with_for_update(skip_locked=True))
        return found


class Alerts(Repository[Alert]):
    """Queries over alerts."""

    row, prefix = Alert, "alr"

    async def add_missing(self, rows: Sequence[dict[str, Any]]) -> int:
        """Insert alerts that are not there yet; return how many were new."""
        if not rows:
            return 0
        statement = insert(Alert).values(list(rows)).on_conflict_do_nothing()
        return len((await self.session.execute(statement.returning(Alert.id))).all())

    async def between(self, first: date, last: date, limit: int = 100) -> Sequence[Alert]:
        """Return the alerts of days, the newest first."""
        query = (
            select(Alert)
            .where(Alert.day.between(first, last))
            .order_by(Alert.day.desc(), Alert.id)
            .limit(limit)
        )
        return (await self.session.scalars(query)).all()
