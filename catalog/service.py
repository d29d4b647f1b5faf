"""The verbs of the catalogue: campaigns, creatives, launch, changes, audit. Never commits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.changes import CampaignChange, Committed, changed_spec, check_budgets, described
from catalog.export import export_catalogue as export_catalogue
from catalog.export import spec_of
from catalog.lifecycle import CampaignStatus, check_move, serving_changes
from catalog.repository import Ads, Apps, Audit, BrandKits, Campaigns, Creatives
from catalog.specs import CampaignSpec, CreativeSpec, check_campaign, check_creative
from catalog.tables import AuditEntry, BrandKit, Campaign
from catalog.targeting import check_app_facts
from domain.errors import Conflict
from domain.ids import Ids, stable_id
from domain.time import Clock, utc
from storage import outbox


class CatalogService:
    """Writes and reads the catalogue inside one unit of work.

    Args:
        session: The open unit of work.
        ids: Where new ids come from.
        clock: Where "now" comes from.
    """

    def __init__(self, session: AsyncSession, ids: Ids, clock: Clock) -> None:
        self.session = session
        self.ids = ids
        self.clock = clock
        self.campaigns = Campaigns(session)
        self.creatives = Creatives(session)
        self.ads = Ads(session)
        self.audit = Audit(session)

    async def create_campaign(
        self,
        org_id: str,
        spec: CampaignSpec,
        *,
        who: str,
        campaign_id: str | None = None,
        run_id: str | None = None,
        brief: dict[str, Any] | None = None,
        plan: dict[str, Any] | None = None,
    ) -> Campaign:
        """Create a draft campaign; a second call with the same `campaign_id` returns the first one.

        Raises:
            Unprocessable: if it could not run as stated.
        """
        if campaign_id is not None:
            there = await self.campaigns.find(campaign_id)
            if there is not None:
                return there
        await self._check(spec)
        campaign = await self.campaigns.add(
            Campaign(
                id=campaign_id or self.ids.new("cmp"),
                org_id=org_id,
                created_at=self._now(),
                name=spec.name,
                run_id=run_id,
                brief=brief or {},
                plan=plan or {},
                currency=spec.currency,
                bid_model=str(spec.bid_model),
                bid_micros=spec.bid_micros,
                budget_total_micros=spec.budget_total_micros,
                budget_daily_micros=spec.budget_daily_micros,
                starts_at=_moment(spec.starts_ms),
                ends_at=_moment(spec.ends_ms),
                geos=list(spec.geos),
                languages=list(spec.languages),
                blocked_topics=list(spec.blocked_topics),
                house=spec.house,
                devices=list(spec.devices),
                weekdays=list(spec.weekdays),
                apps=list(spec.apps),
                blocked_apps=list(spec.blocked_apps),
                topics=list(spec.topics),
                caps=msgspec.to_builtins(spec.caps),
                pacing=str(spec.pacing),
            )
        )
        await self._note(campaign, None, CampaignStatus.DRAFT, who, "created")
        return campaign

    async def change_campaign(
        self,
        campaign_id: str,
        change: CampaignChange,
        *,
        committed: Committed,
        who: str,
        why: str,
    ) -> bool:
        """Change budgets, bid, targeting, caps or pacing, with audit; wake the compiler if it is served.

        A budget that is lowered holds for charges from the commit on; offers made from the snapshot before
        it, seconds old, can still be clicked and are then charged only as far as the new budget goes.

        Args:
            campaign_id: Which.
            change: What becomes different.
            committed: What its budget bears already: spent, and held for open offers.
            who: For the audit.
            why: For the audit.

        Returns:
            False if nothing became different.

        Raises:
            Unprocessable: if it could not run as changed.
            Conflict: `budget_below_spent`, or `campaign_state` once it has ended.
        """
        campaign = await self.campaigns.get(campaign_id, lock=True)
        if campaign.status == CampaignStatus.ENDED:
            raise Conflict("campaign_state", "A campaign that has ended cannot be changed.")
        before = spec_of(campaign)
        after = changed_spec(before, change)
        if after == before:
            return False
        await self._check(after)
        check_budgets(before, after, committed)
        for name in after.__struct_fields__:
            if getattr(after, name) != getattr(before, name):
                _write(campaign, name, getattr(after, name))
        await self.session.flush()
        status = CampaignStatus(campaign.status)
        await self._note(campaign, status, status, who, described(before, after, why))
        if status is CampaignStatus.LIVE:
            await self.announce(campaign)
        return True

    async def _check(self, spec: CampaignSpec) -> None:
        check_campaign(spec, self.clock.now_ms())
        known = await Apps(self.session).facts(spec.apps)
        check_app_facts(spec.apps, known, caps=spec.caps, currency=spec.currency, house=spec.house)

    async def add_creatives(self, campaign: Campaign, specs: Sequence[CreativeSpec]) -> int:
        """Add draft creatives; those whose key is there already are left as they are.

        Returns:
            How many were new.

        Raises:
            Unprocessable: if one cannot be shown as stated; none is added then.
        """
        if campaign.status not in (CampaignStatus.DRAFT, CampaignStatus.IN_REVIEW):
            raise Conflict(
                "campaign_state",
                f"Creatives cannot be added to a campaign that is {campaign.status}.",
            )
        for spec in specs:
            check_creative(spec)
        return await self.creatives.add_missing([self._creative(campaign, spec) for spec in specs])

    async def move(self, campaign_id: str, to: CampaignStatus, *, who: str, why: str) -> bool:
        """Move a campaign to another state, with audit; wake the compiler if serving changes.

        Returns:
            False if it already was in that state.

        Raises:
            Conflict: if the lifecycle has no such way.
        """
        campaign = await self.campaigns.get(campaign_id, lock=True)
        if campaign.status == to:
            return False
        check_move(campaign.status, to)
        before, campaign.status = campaign.status, str(to)
        await self._note(campaign, before, to, who, why)
        if serving_changes(before, to):
            await self.announce(campaign)
        return True

    async def launch(self, campaign_id: str, *, who: str, why: str) -> int:
        """Turn approved creatives into ads and the campaign live; twice is once.

        Returns:
            How many ads run.

        Raises:
            Conflict: if it is not approved, or has no approved creative.
        """
        campaign = await self.campaigns.get(campaign_id, lock=True)
        approved = await self.creatives.of(campaign_id, "approved")
        if not approved:
            raise Conflict("nothing_to_launch", "No creative of this campaign has been approved.")
        await self.ads.add_missing(
            [
                {
                    "id": stable_id("ad", creative.id),
                    "org_id": campaign.org_id,
                    "created_at": self._now(),
                    "campaign_id": campaign.id,
                    "creative_id": creative.id,
                    "status": "active",
                    "quality_ppm": 1_000_000,
                }
                for creative in approved
            ]
        )
        await self.move(campaign_id, CampaignStatus.LIVE, who=who, why=why)
        return len(approved)

    async def brand_kit(self, org_id: str, name: str, payer: str) -> BrandKit:
        """Return the organisation's brand kit, made from its names if there is none."""
        kits = BrandKits(self.session)
        kit = await kits.of(org_id)
        if kit is None:
            await kits.add_missing(
                {
                    "id": stable_id("kit", org_id),
                    "org_id": org_id,
                    "created_at": self._now(),
                    "name": name,
                    "payer": payer,
                    "tone": "plain",
                    "colours": [],
                    "banned_words": [],
                    "tone_words": [],
                }
            )
            kit = await kits.get(stable_id("kit", org_id))
        return kit

    async def set_brand_kit(
        self,
        org_id: str,
        *,
        name: str,
        payer: str,
        tone: str,
        colours: list[str],
        banned_words: list[str],
        tone_words: list[str] | None = None,
        formality: str | None = None,
    ) -> BrandKit:
        """Replace the organisation's brand kit; its payer is shown beside ads that run already."""
        kit = await self.brand_kit(org_id, name, payer)
        kit.name, kit.payer, kit.tone = name, payer, tone
        kit.colours, kit.banned_words = colours, banned_words
        kit.tone_words, kit.formality = tone_words or [], formality
        await self.session.flush()
        await self._announce(org_id, {"brand_kit": kit.id})
        return kit

    async def announce(self, campaign: Campaign) -> None:
        """Tell the compiler, after the commit, that what may be served has changed."""
        await self._announce(campaign.org_id, {"campaign_id": campaign.id})

    async def _announce(self, org_id: str, what: dict[str, Any]) -> None:
        await outbox.put(self.session, self.ids.new("obx"), org_id, outbox.CATALOGUE_CHANGED, what)

    def _creative(self, campaign: Campaign, spec: CreativeSpec) -> dict[str, Any]:
        return {
            "id": stable_id("crt", campaign.id, spec.key),
            "org_id": campaign.org_id,
            "created_at": self._now(),
            "campaign_id": campaign.id,
            "format": str(spec.format),
            "status": "draft",
            "texts": msgspec.to_builtins(spec.texts),
            "tags": list(spec.tags),
            "negative_tags": list(spec.negative_tags),
            "landing_url": spec.landing_url,
            "image_url": spec.image_url,
            "claims": list(spec.claims),
            "findings": [],
        }

    async def _note(
        self, campaign: Campaign, before: str | None, to: CampaignStatus, who: str, why: str
    ) -> None:
        await self.audit.add(
            AuditEntry(
                id=self.ids.new("aud"),
                org_id=campaign.org_id,
                created_at=self._now(),
                subject_kind="campaign",
                subject_id=campaign.id,
                from_state=before,
                to_state=str(to),
                who=who,
                why=why[:500],
            )
        )

    def _now(self) -> datetime:
        return utc(self.clock.now_ms())


def _write(campaign: Campaign, name: str, value: Any) -> None:
    """Set a field of a campaign from the field of its spec."""
    if name in ("starts_ms", "ends_ms"):
        setattr(campaign, name.replace("_ms", "_at"), _moment(value))
    else:
        setattr(campaign, name, msgspec.to_builtins(value))


def _moment(at_ms: int | None) -> datetime | None:
    return None if at_ms is None else utc(at_ms)
