"""Queries of the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import column, func, select, table, update
from sqlalchemy.dialects.postgresql import insert

from catalog.tables import (
    Ad,
    ApiKey,
    App,
    AuditEntry,
    BrandKit,
    Campaign,
    Creative,
    Organisation,
    ProductSourceRow,
    SnapshotRow,
)
from catalog.targeting import AppFacts
from storage.base import Repository

#: Rows per INSERT statement: PostgreSQL takes at most 32,767 parameters.
_BATCH = 500
#: A view over active apps of every publisher: what an advertiser may know of apps it buys on.
_DIRECTORY = table("app_directory", column("id"), column("currency"), column("passes_user_ids"))


class Organisations(Repository[Organisation]):
    """Organisations."""

    row, prefix = Organisation, "org"


class Apps(Repository[App]):
    """Publisher apps."""

    row, prefix = App, "app"

    async def active(self) -> Sequence[App]:
        """Return every active app, by id."""
        query = select(App).where(App.status == "active").order_by(App.id)
        return (await self.session.scalars(query)).all()

    async def facts(self, app_ids: Sequence[str]) -> dict[str, AppFacts]:
        """Return what anybody may know of active apps, whosever they are; unknown ones are left out."""
        if not app_ids:
            return {}
        query = select(_DIRECTORY).where(_DIRECTORY.c.id.in_(app_ids))
        rows = (await self.session.execute(query)).all()
        return {row.id: AppFacts(row.id, row.currency, row.passes_user_ids) for row in rows}


class ApiKeys(Repository[ApiKey]):
    """API keys."""

    row, prefix = ApiKey, "key"

    async def by_hash(self, secret_hash: str) -> ApiKey | None:
        """Return the key with that hash."""
        found: ApiKey | None = await self.session.scalar(
            select(ApiKey).where(ApiKey.secret_hash == secret_hash)
        )
        return found


class Sources(Repository[ProductSourceRow]):
    """Product sources."""

    row, prefix = ProductSourceRow, "src"


class BrandKits(Repository[BrandKit]):
    """Brand kits, one per organisation."""

    row, prefix = BrandKit, "kit"

    async def of(self, org_id: str) -> BrandKit | None:
        """Return the organisation's kit."""
        found: BrandKit | None = await self.session.scalar(
            select(BrandKit).where(BrandKit.org_id == org_id)
        )
        return found

    async def add_missing(self, row: dict[str, Any]) -> None:
        """Insert a kit unless there is one; of two at once, one inserts and both find it."""
        await self.session.execute(insert(BrandKit).values(row).on_conflict_do_nothing())


class Campaigns(Repository[Campaign]):
    """Campaigns."""

    row, prefix = Campaign, "cmp"

    async def live(self) -> Sequence[tuple[Campaign, str, str | None]]:
        """Return live campaigns with the advertiser's name and payer, by id."""
        query = (
            select(Campaign, Organisation.name, BrandKit.payer)
            .join(Organisation, Organisation.id == Campaign.org_id)
            .outerjoin(BrandKit, BrandKit.org_id == Campaign.org_id)
            .where(Campaign.status == "live")
            .order_by(Campaign.id)
        )
        rows = (await self.session.execute(query)).all()
        return [(campaign, name, payer) for campaign, name, payer in rows]

    async def live_ids(self) -> Sequence[str]:
        """Return the ids of live campaigns."""
        return (
            await self.session.scalars(select(Campaign.id).where(Campaign.status == "live"))
        ).all()

    async def evenly_paced(self) -> Sequence[Campaign]:
        """Return live campaigns whose budget is spread evenly, by id."""
        query = select(Campaign).where(Campaign.status == "live", Campaign.pacing == "even")
        return (await self.session.scalars(query.order_by(Campaign.id))).all()

    async def over(self, now: datetime) -> Sequence[Campaign]:
        """Return live or paused campaigns whose end has passed."""
        query = select(Campaign).where(
            Campaign.status.in_(("live", "paused")), Campaign.ends_at <= now
        )
        return (await self.session.scalars(query)).all()


class Creatives(Repository[Creative]):
    """Creatives."""

    row, prefix = Creative, "crt"

    async def of(self, campaign_id: str, status: str | None = None) -> Sequence[Creative]:
        """Return a campaign's creatives, by id."""
        query = select(Creative).where(Creative.campaign_id == campaign_id).order_by(Creative.id)
        if status is not None:
            query = query.where(Creative.status == status)
        return (await self.session.scalars(query)).all()

    async def count(self, campaign_id: str) -> dict[str, int]:
        """Return how many creatives of a campaign stand in each status."""
        query = (
            select(Creative.status, func.count())
            .where(Creative.campaign_id == campaign_id)
            .group_by(Creative.status)
        )
        return {status: number for status, number in (await self.session.execute(query)).all()}

    async def add_missing(self, rows: Sequence[dict[str, Any]]) -> int:
        """Insert rows whose id is not there yet; return how many were new."""
        added = 0
        for start in range(0, len(rows), _BATCH):
            statement = insert(Creative).values(rows[start : start + _BATCH])
            statement = statement.on_conflict_do_nothing(index_elements=["id"])
            result = await self.session.execute(statement.returning(Creative.id))
            added += len(result.all())
        return added

    async def judge(self, verdicts: Sequence[dict[str, Any]]) -> None:
        """Write status, texts and findings of many creatives at once (`id`, `status`, …)."""
        if verdicts:
            await self.session.execute(update(Creative), list(verdicts))


class Ads(Repository[Ad]):
    """Ads."""

    row, prefix = Ad, "ad"

    async def add_missing(self, rows: Sequence[dict[str, Any]]) -> int:
        """Insert rows whose id is not there yet; return how many were new."""
        added = 0
        for start in range(0, len(rows), _BATCH):
            statement = insert(Ad).values(rows[start : start + _BATCH])
            statement = statement.on_conflict_do_nothing(index_elements=["id"])
            result = await self.session.execute(statement.returning(Ad.id))
            added += len(result.all())
        return added

    async def servable(self, campaign_ids: Sequence[str]) -> Sequence[tuple[Ad, Creative]]:
        """Return active ads with their approved creatives, by ad id."""
        query = (
            select(Ad, Creative)
            .join(Creative, Creative.id == Ad.creative_id)
            .where(
                Ad.campaign_id.in_(campaign_ids),
                Ad.status == "active",
                Creative.status == "approved",
            )
            .order_by(Ad.id)
        )
        return [(ad, creative) for ad, creative in (await self.session.execute(query)).all()]

    async def owners(self, ad_ids: Sequence[str]) -> dict[str, Campaign]:
        """Return the campaign of each ad."""
        query = select(Ad.id, Campaign).join(Campaign, Campaign.id == Ad.campaign_id)
        rows = await self.session.execute(query.where(Ad.id.in_(ad_ids)))
        return {ad_id: campaign for ad_id, campaign in rows.all()}


class Audit(Repository[AuditEntry]):
    """The audit of states."""

    row, prefix = AuditEntry, "aud"

    async def of(self, subject_id: str) -> Sequence[AuditEntry]:
        """Return what happened to a subject, oldest first."""
        query = (
            select(AuditEntry)
            .where(AuditEntry.subject_id == subject_id)
            .order_by(AuditEntry.created_at, AuditEntry.id)
        )
        return (await self.session.scalars(query)).all()


class Snapshots(Repository[SnapshotRow]):
    """Published snapshots."""

    row, prefix = SnapshotRow, "snp"

    async def publish(self, row: dict[str, Any]) -> None:
        """Make a snapshot the newest one; one that was served before becomes the newest again."""
        statement = insert(SnapshotRow).values(row)
        await self.session.execute(
            statement.on_conflict_do_update(
                index_elements=["id"], set_={"created_at": statement.excluded.created_at}
            )
        )

    async def pin(self, snapshot_id: str | None) -> None:
        """Pin one snapshot, or none: at most one is pinned."""
        await self.session.execute(
            update(SnapshotRow)
            .where(SnapshotRow.pinned | (SnapshotRow.id == snapshot_id))
            .values(pinned=SnapshotRow.id == snapshot_id if snapshot_id else False)
        )

    async def latest(self, limit: int) -> Sequence[SnapshotRow]:
        """Return the snapshots served last, the newest first."""
        query = select(SnapshotRow).order_by(SnapshotRow.created_at.desc()).limit(limit)
        return (await self.session.scalars(query)).all()

    async def current(self) -> SnapshotRow | None:
        """Return the newest snapshot."""
        found: SnapshotRow | None = await self.session.scalar(
            select(SnapshotRow).order_by(SnapshotRow.created_at.desc()).limit(1)
        )
        return found
