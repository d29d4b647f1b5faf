"""Looks at campaigns that are planned for later: nobody waits for them, the ticker finds what is due."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Index, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from domain.ids import stable_id
from storage.base import Repository, TenantRow


class Check(TenantRow):
    """One look at one campaign.

    Attributes:
        kind: `first_hour` after a launch.
        due_at: From when on.
        done_at: When somebody looked; None before.
        finding: What was seen.
    """

    __tablename__ = "campaign_checks"
    __table_args__ = (Index("ix_campaign_checks_due", "done_at", "due_at"),)

    campaign_id: Mapped[str] = mapped_column(index=True)
    kind: Mapped[str]
    due_at: Mapped[datetime]
    done_at: Mapped[datetime | None] = mapped_column(default=None)
    finding: Mapped[dict[str, Any] | None] = mapped_column(default=None)


class Checks(Repository[Check]):
    """Queries over looks."""

    row, prefix = Check, "chc"

    async def schedule(
        self, org_id: str, campaign_id: str, kind: str, *, now: datetime, due: datetime
    ) -> str:
        """Plan a look; a campaign has one of each kind, and the first plan stands."""
        check_id = stable_id("chc", campaign_id, kind)
        await self.session.execute(
            insert(Check)
            .values(
                id=check_id,
                org_id=org_id,
                created_at=now,
                campaign_id=campaign_id,
                kind=kind,
                due_at=due,
            )
            .on_conflict_do_nothing()
        )
        return check_id

    async def due(self, now: datetime, limit: int = 50) -> Sequence[Check]:
        """Take looks that are due; those that another process has taken are left out."""
        query = (
            select(Check)
            .where(Check.done_at.is_(None), Check.due_at <= now)
            .order_by(Check.due_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return (await self.session.scalars(query)).all()
