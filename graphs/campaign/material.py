"""The bulk of a run, kept in the object store: what was read and what was written.

The state of the graph has only counts; these objects are keyed by the run, so a step that runs twice
overwrites its own result.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from agents.compliance.schemas import ComplianceReport
from agents.content_creator.schemas import BrandKit, CreativeDraft
from agents.lead_gen.schemas import AudienceReport
from agents.research.schemas import ResearchReport
from domain.evidence import Citation
from domain.product import Fact, Product, ProductSource
from graphs.desk import RunObjects


@dataclass(frozen=True)
class Material:
    """What ads may be written from.

    Attributes:
        products: Every product of page and feed.
        site_name, site_facts: What the landing page says about the shop.
        landing_url: Where products without an address of their own lead to.
        brand_kit: How the advertiser wants to sound.
        citations: By `Fact.where`: the place of facts that stand in the organisation's documents.
    """

    products: tuple[Product, ...]
    site_name: str | None = None
    site_facts: tuple[Fact, ...] = ()
    landing_url: str | None = None
    brand_kit: BrandKit = field(default_factory=BrandKit)
    citations: dict[str, Citation] = field(default_factory=dict)


class Desk(RunObjects):
    """What lies there of a run."""

    async def source(self, source_id: str) -> ProductSource:
        """Return an uploaded source as it was parsed."""
        data = await self._objects.get(f"sources/{source_id}/parsed.json")
        return msgspec.json.decode(data, type=ProductSource)

    async def keep_material(self, material: Material) -> None:
        """Keep what was read."""
        await self._keep("material.json", material)

    async def material(self) -> Material:
        """Return what was read."""
        return await self._kept("material.json", Material)

    async def keep_drafts(self, round_: int, drafts: tuple[CreativeDraft, ...]) -> None:
        """Keep the drafts of a round."""
        await self._keep(f"drafts-{round_}.json", drafts)

    async def drafts(self, round_: int) -> tuple[CreativeDraft, ...]:
        """Return the drafts of a round."""
        return await self._kept(f"drafts-{round_}.json", tuple[CreativeDraft, ...])

    async def keep_report(self, round_: int, report: ComplianceReport) -> None:
        """Keep what compliance found in a round."""
        await self._keep(f"report-{round_}.json", report)

    async def report(self, round_: int) -> ComplianceReport:
        """Return what compliance found in a round."""
        return await self._kept(f"report-{round_}.json", ComplianceReport)

    async def keep_research(self, report: ResearchReport) -> None:
        """Keep what research found."""
        await self._keep("research.json", report)

    async def research(self) -> ResearchReport:
        """Return what research found."""
        return await self._kept("research.json", ResearchReport)

    async def keep_audience(self, report: AudienceReport) -> None:
        """Keep whom the campaign is for."""
        await self._keep("audience.json", report)

    async def audience(self) -> AudienceReport:
        """Return whom the campaign is for."""
        return await self._kept("audience.json", AudienceReport)

    async def keep_compliance_pages(self, html: str, plain: bytes) -> None:
        """Keep the last compliance report for people and for programs."""
        await self._put("compliance.html", html.encode())
        await self._put("compliance.json", plain)
