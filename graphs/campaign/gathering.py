"""Product facts: from an address, an uploaded page, an uploaded feed."""

from __future__ import annotations

import asyncio
import hashlib
from urllib.parse import urlsplit

import msgspec

from agents.content_creator.schemas import BrandKit, ContentRequest, Formality
from catalog.repository import Organisations
from catalog.service import CatalogService
from domain.brief import Brief
from domain.errors import Unprocessable
from domain.formats import AdFormat
from domain.product import Product, ProductSource
from graphs.campaign import policing
from graphs.campaign.material import Desk, Material
from graphs.campaign.state import CampaignState
from graphs.context import GraphContext
from tools.product_source import extract_tags, read_page

#: From how many products on each gets one creative instead of one per format.
LARGE_FEED = 50

_LANGUAGE_OF: dict[str, str] = {"JP": "jpn"}


async def gather(state: CampaignState, ctx: GraphContext) -> Material:
    """Return everything that ads may be written from.

    Raises:
        ParleyError: if the site cannot be reached, or nothing can be advertised.
    """
    page = await _page(state, ctx)
    feed_id = state.get("feed_source_id")
    feed = await Desk(ctx.objects, ctx.run_id).source(feed_id) if feed_id else None
    landing = _landing(state, page)
    products = _products(page, feed) or _from_site(state["brief"], page)
    if feed is None:
        products = _named(state["brief"], products)
    if not products:
        raise Unprocessable(
            "no_products", "The product source names no product; add a title and an address to it."
        )
    async with ctx.db.tenant(ctx.org_id) as session:
        org = await Organisations(session).get(ctx.org_id)
        catalog = CatalogService(session, ctx.ids, ctx.clock)
        kit = await catalog.brand_kit(org.id, org.name, org.legal_name)
    hosts = {h for url in (landing,) if url and (h := urlsplit(url).hostname)}
    return Material(
        products=products,
        site_name=page.site_name if page else None,
        site_facts=page.site_facts if page else (),
        landing_url=landing,
        brand_kit=BrandKit(
            # A page without a name of its own speaks for itself; the account's name is not a brand.
            name=(page.site_name or "") if page else kit.name,
            payer=kit.payer,
            tone="friendly" if kit.tone == "friendly" else "plain",
            banned_words=tuple(kit.banned_words),
            colours=tuple(kit.colours),
            tone_words=tuple(kit.tone_words),
            formality=_formality(kit.formality),
            strict_voice=kit.formality is not None,
            # A feed of many shops leads to many hosts; only a page of one's own ties ads to its host.
            site_hosts=tuple(sorted(hosts)) if feed is None else (),
        ),
    )


def _formality(stated: str | None) -> Formality:
    return "plain" if stated == "plain" else "any" if stated == "any" else "polite"


def request(brief: Brief, material: Material) -> ContentRequest:
    """Return what the content creator is asked for."""
    large = len(material.products) > LARGE_FEED
    return ContentRequest(
        brief=brief,
        products=material.products,
        site_name=material.site_name,
        site_facts=material.site_facts,
        languages=languages_of(brief),
        formats=(AdFormat.ACTION_CARD,) if large else tuple(AdFormat),
        brand_kit=material.brand_kit,
        landing_url=material.landing_url,
        citations=material.citations,
    )


def languages_of(brief: Brief) -> tuple[str, ...]:
    """Return the languages to write in: those stated, else those of the countries, else English."""
    stated = tuple(code for code in brief.languages if code in ("eng", "jpn"))
    if stated:
        return stated
    if not brief.geos:
        return ("eng", "jpn")
    return tuple(sorted({_LANGUAGE_OF.get(geo, "eng") for geo in brief.geos}))


async def _page(state: CampaignState, ctx: GraphContext) -> ProductSource | None:
    source_id, url = state.get("page_source_id"), state.get("site_url")
    if source_id:
        return await Desk(ctx.objects, ctx.run_id).source(source_id)
    if url:
        html = await policing.fetch(ctx, "read_sources", url)
        return await asyncio.to_thread(read_page, html, url)
    return None


def _landing(state: CampaignState, page: ProductSource | None) -> str | None:
    if url := state.get("site_url"):
        return url
    return next((p.url for p in page.products if p.url), None) if page else None


def _products(page: ProductSource | None, feed: ProductSource | None) -> tuple[Product, ...]:
    if feed is not None and feed.products:
        return feed.products
    return page.products if page is not None else ()


def _named(brief: Brief, products: tuple[Product, ...]) -> tuple[Product, ...]:
    """Return the only product of a site with the words of the goal among its tags.

    A page says "Hoshi Coffee", the goal says "coffee subscription": people will ask for the latter.
    """
    if len(products) != 1 or not brief.product:
        return products
    tags = (*extract_tags(title=brief.product), *products[0].tags)
    return (msgspec.structs.replace(products[0], tags=tuple(dict.fromkeys(tags))[:12]),)


def _from_site(brief: Brief, page: ProductSource | None) -> tuple[Product, ...]:
    """Return the site itself as the product when it lists none."""
    if page is None or not page.site_facts:
        return ()
    title = page.site_name or brief.product or page.name
    tags = extract_tags(title=brief.product or title, keywords=",".join(brief.audience_keywords))
    if not tags:
        return ()
    key = hashlib.blake2b(title.encode(), digest_size=8).hexdigest()
    return (Product(key=key, title=title, facts=page.site_facts, tags=tags),)
