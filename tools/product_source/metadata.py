"""What a page says about itself in JSON-LD, microdata, Open Graph and meta tags."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lxml import html

from domain.product import Fact, Product, RowProblem
from rag.visibility import Hidden
from tools.product_source.keywords import extract_tags
from tools.product_source.links import web_address
from tools.product_source.markup import strip_tags
from tools.product_source.microdata import microdata
from tools.product_source.prices import parse_price
from tools.product_source.text import clean, language_of, sentences

MAX_PRODUCTS = 500
_MAX_NODES = 20_000
_MAX_BLOCK = 1_000_000
_PRODUCT_TYPES = frozenset(
    {
        *(
            "Product",
            "IndividualProduct",
            "ProductModel",
            "ProductGroup",
            "SomeProducts",
            "Vehicle",
        ),
        *("Book", "SoftwareApplication", "MobileApplication", "WebApplication"),
        *("Course", "Event", "Service"),
    }
)
_SHOP_TYPES = frozenset(
    {
        *("Organization", "Corporation", "LocalBusiness", "Store"),
        *("OnlineStore", "OnlineBusiness", "Brand", "WebSite"),
    }
)
#: Other products, and people's opinions: not what this page offers.
_ELSEWHERE = frozenset(
    ("isRelatedTo", "isSimilarTo", "review", "reviews", "isAccessoryOrSparePartFor")
)


@dataclass(frozen=True)
class PageData:
    """Structured data of one page.

    Attributes:
        title, description, site_name, url, image_url, keywords: As stated, Open Graph first.
        products: Products named in JSON-LD, microdata or Open Graph.
        site_facts: Sentences about the organisation.
        problems: JSON-LD blocks that could not be read.
    """

    title: str | None
    description: str | None
    site_name: str | None
    url: str | None
    image_url: str | None
    keywords: str
    products: tuple[Product, ...]
    site_facts: tuple[Fact, ...]
    problems: tuple[RowProblem, ...]


def page_data(root: html.HtmlElement, name: str, hidden: Hidden | None = None) -> PageData:
    """Return the structured data of a parsed page; `name` starts every `Fact.where`.

    Args:
        root: The parsed page.
        name: Its name or address.
        hidden: What its style rules hide; microdata stands in the visible text.
    """
    meta = _meta_tags(root)
    problems: list[RowProblem] = []
    stated = [("ld+json", *found) for found in _json_ld(root, problems)]
    stated += [("microdata", *found) for found in microdata(root, hidden or Hidden())]
    forms = [(form, line, node) for form, line, top in stated for node in _nodes(top)]
    canonical = next(
        (link.get("href") for link in root.iter("link") if link.get("rel") == "canonical"), None
    )
    base = web_address(canonical or meta.get("og:url") or (name if "://" in name else ""))
    shops = [node for _, _, node in forms if _types(node) & _SHOP_TYPES and _text(node.get("name"))]
    # A brand may be of one product; whoever is an organisation speaks for the page.
    shops.sort(key=lambda node: _types(node) == {"Brand"})
    site_name = clean(meta.get("og:site_name", "")) or next(
        (_text(shop["name"]) for shop in shops), None
    )
    products: dict[str, Product] = {}
    for form, line, node in forms:
        if _types(node) & _PRODUCT_TYPES and len(products) < MAX_PRODUCTS:
            product = _product(node, f"{name}#L{line}:{form}", base, site_name)
            if product is not None:
                products.setdefault(product.key, product)
    title_tag = root.find(".//title")
    title = meta.get("og:title") or (title_tag.text_content() if title_tag is not None else "")
    return PageData(
        title=clean(title) or None,
        description=clean(meta.get("og:description") or meta.get("description") or "") or None,
        site_name=site_name,
        url=base,
        image_url=web_address(meta.get("og:image", ""), base),
        keywords=meta.get("keywords", ""),
        products=tuple(products.values()) or _open_graph_product(meta, name, base, site_name),
        site_facts=tuple(_shop_facts(forms, name)),
        problems=tuple(problems),
    )


def _meta_tags(root: html.HtmlElement) -> dict[str, str]:
    found: dict[str, str] = {}
    for tag in root.iter("meta"):
        key = tag.get("property") or tag.get("name")
        if key and tag.get("content"):
            found.setdefault(key.lower(), tag.get("content", ""))
    return found


def _json_ld(root: html.HtmlElement, problems: list[RowProblem]) -> Iterator[tuple[int, object]]:
    for script in root.iter("script"):
        if "ld+json" not in (script.get("type") or "").lower():
            continue
        line = script.sourceline or 1
        text = (script.text or "").strip().removeprefix("<!--").removesuffix("-->").strip()
        try:
            if len(text) > _MAX_BLOCK:
                raise ValueError("it is longer than 1 MB")
            yield line, json.loads(text, strict=False)
        except (ValueError, RecursionError) as error:
            problems.append(
                RowProblem(line, f"This JSON-LD block is not valid JSON: {error}"[:300])
            )


def _nodes(top: object) -> Iterator[Mapping[str, object]]:
    """Yield every object below, breadth first, without recursion."""
    queue: list[object] = [top]
    for seen, value in enumerate(queue):
        if seen > _MAX_NODES:
            return
        if isinstance(value, list):
            queue.extend(value)
        elif isinstance(value, dict):
            yield value
            queue.extend(
                v for k, v in value.items() if k not in _ELSEWHERE and isinstance(v, (list, dict))
            )
            _lend_offer(value)


def _lend_offer(node: dict[str, object]) -> None:
    """Give a product that hangs below its offer the offer's price."""
    offered = node.get("itemOffered")
    if isinstance(offered, dict) and "offers" not in offered:
        offered["offers"] = {key: node[key] for key in ("price", "priceCurrency") if key in node}


def _types(node: Mapping[str, object]) -> frozenset[str]:
    stated = node.get("@type")
    names = stated if isinstance(stated, list) else [stated]
    return frozenset(str(n).rsplit("/", 1)[-1] for n in names if n)


def _text(value: object) -> str:
    """Return the plain text of a JSON-LD value: a string, a number, a named object or a list of them."""
    for _ in range(4):
        if isinstance(value, list):
            value = value[0] if value else None
        elif isinstance(value, dict):
            value = value.get("name") or value.get("url") or value.get("@value")
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return ""
    return clean(strip_tags(str(value)))


def _product(
    node: Mapping[str, object], where: str, base: str | None, site_name: str | None
) -> Product | None:
    title = _text(node.get("name"))[:300]
    if not title:
        return None
    other = _text(node.get("alternateName"))
    japanese = next((t for t in (title, other) if t and language_of(t) == "jpn"), None)
    brand = _text(node.get("brand") or node.get("manufacturer")) or site_name
    description = _text(node.get("description"))
    category = _text(node.get("category"))
    price, currency = _price(node.get("offers"))
    key = _text(node.get("sku") or node.get("productID") or node.get("gtin13") or node.get("@id"))
    return Product(
        key=key[:200] or hashlib.blake2b(title.encode(), digest_size=8).hexdigest(),
        title=title,
        title_jpn=japanese,
        brand=brand or None,
        url=web_address(_text(node.get("url") or node.get("@id")), base) or base,
        price=price,
        currency=currency,
        image_url=web_address(_image(node.get("image")), base),
        categories=(category,) if category else (),
        facts=tuple(
            Fact(sentence, f"{where}.description.{number}", language_of(sentence))
            for number, sentence in enumerate(sentences(description), start=1)
        )[:24],
        tags=extract_tags(
            title=title,
            brand=brand,
            keywords=_keywords(node.get("keywords")),
            categories=(category,),
            description=description,
        ),
    )


def _keywords(value: object) -> str:
    return ", ".join(str(v) for v in value) if isinstance(value, list) else _text(value)


def _image(value: object) -> str:
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, dict):
        value = value.get("url") or value.get("contentUrl")
    return value if isinstance(value, str) else ""


def _price(offers: object) -> tuple[str | None, str | None]:
    """Return the price all offers agree on; a range is no price."""
    found: set[tuple[str, str | None]] = set()
    for offer in offers if isinstance(offers, list) else [offers]:
        if not isinstance(offer, dict):
            continue
        low, high = offer.get("lowPrice"), offer.get("highPrice")
        stated = offer.get("price", low if low == high else None)
        parsed = parse_price(_text(stated), _text(offer.get("priceCurrency"))) if stated else None
        if parsed is not None:
            found.add(parsed)
    return found.pop() if len(found) == 1 else (None, None)


def _open_graph_product(
    meta: Mapping[str, str], name: str, base: str | None, site_name: str | None
) -> tuple[Product, ...]:
    if "product" not in meta.get("og:type", "") or not meta.get("og:title"):
        return ()
    amount = meta.get("product:price:amount") or meta.get("og:price:amount") or ""
    currency = meta.get("product:price:currency") or meta.get("og:price:currency") or ""
    node = {
        "name": meta["og:title"],
        "description": meta.get("og:description"),
        "image": meta.get("og:image"),
        "url": base or "",
        "brand": meta.get("product:brand"),
        "offers": {"price": amount, "priceCurrency": currency},
    }
    product = _product(node, f"{name}#og", base, site_name)
    return (product,) if product else ()


def _shop_facts(forms: list[tuple[str, int, Mapping[str, object]]], name: str) -> Iterator[Fact]:
    for form, line, node in forms:
        if _types(node) & _SHOP_TYPES:
            for number, sentence in enumerate(sentences(_text(node.get("description"))), start=1):
                yield Fact(
                    sentence, f"{name}#L{line}:{form}.description.{number}", language_of(sentence)
                )
