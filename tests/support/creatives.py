"""Sample products and requests for tests of content and compliance."""

from __future__ import annotations

from typing import Any

import msgspec

from domain.brief import Brief, Kpi
from domain.product import Fact, Product
from llm.offline.copywriter_types import ContentRequest
from sandbox import shop_feed, shop_page
from tools.product_source import read_feed, read_page

SALES = Brief(goal="Sell shoes", kpi=Kpi("sales"))
SIGN_UPS = Brief(goal="Get 200 sign-ups", kpi=Kpi("leads", 200, "sign-ups"))


def fact(text: str, language: str = "eng", where: str = "feed#L2:text.1") -> Fact:
    return Fact(text, where, language)


def shoe(**changes: Any) -> Product:
    base = Product(
        key="S1",
        title="Kaze Ridge Trail Running Shoes",
        brand="Kaze Trail",
        url="https://kaze-trail.example/s1",
        price="138.00",
        currency="USD",
        facts=(fact("4 mm rubber lugs grip muddy paths."),),
        tags=("kaze trail", "trail running shoes"),
    )
    return msgspec.structs.replace(base, **changes)


def wanted(*products: Product, brief: Brief = SALES, **more: Any) -> ContentRequest:
    return ContentRequest(brief=brief, products=products or (shoe(),), **more)


def shop(brief: Brief = SIGN_UPS) -> ContentRequest:
    page = read_page(shop_page().read_bytes(), "index.html")
    feed = read_feed(shop_feed().read_bytes(), "products.csv")
    return ContentRequest(
        brief=brief,
        products=feed.products,
        site_name=page.site_name,
        site_facts=page.site_facts,
    )
