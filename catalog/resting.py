"""Ads that rest: taken out of service and put back, once for each reason, with audit."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.repository import Ads, Audit, Campaigns
from catalog.service import CatalogService
from catalog.tables import Ad, AuditEntry
from domain.errors import Conflict
from domain.ids import Ids
from domain.time import Clock, utc

ACTIVE, RESTING = "active", "resting"


class AdRests:
    """Lets ads rest and wakes them inside one unit of work.

    Args:
        session: The open unit of work.
        ids: Where new ids come from.
        clock: Where "now" comes from.
    """

    def __init__(self, session: AsyncSession, ids: Ids, clock: Clock) -> None:
        self._session, self._ids, self._clock = session, ids, clock

    async def move(self, ad_id: str, to: str, *, key: str, who: str, why: str) -> bool:
        """Let an ad rest, or wake it; a key that was used for it before does nothing.

        Args:
            ad_id: Which.
            to: `active` or `resting`.
            key: Names the reason; a later decision of a person is not undone by a step that runs twice.
            who: For the audit.
            why: For the audit.

        Returns:
            Whether something became different.

        Raises:
            Conflict: `last_ad` if the campaign would be left without an ad.
        """
        ad = await Ads(self._session).get(ad_id, lock=True)
        if ad.status == to or await self._done(ad_id, key):
            return False
        if to == RESTING:
            await self._check_others(ad)
        before, ad.status = ad.status, to
        await self._session.flush()
        await Audit(self._session).add(
            AuditEntry(
                id=self._ids.new("aud"), org_id=ad.org_id, created_at=utc(self._clock.now_ms()),
                subject_kind="ad", subject_id=ad_id, from_state=before, to_state=to, who=who,
                why=f"[{key}] {why}"[:500],
            )
        )  # fmt: skip
        campaign = await Campaigns(self._session).get(ad.campaign_id)
        if campaign.status == "live":
            await CatalogService(self._session, self._ids, self._clock).announce(campaign)
        return True

    async def _done(self, ad_id: str, key: str) -> bool:
        query = select(AuditEntry.id).where(
            AuditEntry.subject_id == ad_id, AuditEntry.why.startswith(f"[{key}]", autoescape=True)
        )
        return (await self._session.scalar(query.limit(1))) is not None

    async def _check_others(self, ad: Ad) -> None:
        query = (
            select(Ad.id)
            .where(Ad.campaign_id == ad.campaign_id, Ad.status == ACTIVE, Ad.id != ad.id)
            .with_for_update()
        )
        if not (await self._session.scalars(query)).all():
            raise Conflict(
                "last_ad", "This is the campaign's last ad; pause the campaign to stop it."
            )
