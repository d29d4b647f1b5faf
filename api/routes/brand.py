"""The advertiser's brand kit: read and replaced as a whole."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import Api, CampaignReader, CampaignWriter
from api.models.brand import BrandKitIn, BrandKitOut
from catalog.repository import Organisations
from catalog.service import CatalogService

router = APIRouter(prefix="/api/v1/brand-kit", tags=["brand kit"])


@router.get("")
async def get(caller: CampaignReader, api: Api) -> BrandKitOut:
    """Return the kit; before one is set, it has the organisation's own names."""
    parts = api.services
    async with parts.db.tenant(caller.org_id) as session:
        org = await Organisations(session).get(caller.org_id)
        catalog = CatalogService(session, parts.ids, parts.clock)
        return BrandKitOut.model_validate(await catalog.brand_kit(org.id, org.name, org.legal_name))


@router.put("")
async def replace(body: BrandKitIn, caller: CampaignWriter, api: Api) -> BrandKitOut:
    """Replace the kit. New campaigns use it; ads that run are recompiled with the new payer."""
    parts = api.services
    async with parts.db.tenant(caller.org_id) as session:
        catalog = CatalogService(session, parts.ids, parts.clock)
        kit = await catalog.set_brand_kit(caller.org_id, **body.model_dump())
        return BrandKitOut.model_validate(kit)
