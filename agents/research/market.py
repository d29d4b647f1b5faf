"""Findings about the market: prices, what other shops have, what nobody offers."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation
from statistics import median

from agents.research.evidence import Evidence, Read, Rival
from agents.research.policy import LEAST_PRICES, MOST_SOURCES, PRICE_GAP, attributes
from agents.research.schemas import Competitor, Insight, Source
from domain.product import Product

Priced = tuple[Decimal, Product]


def competitors(read: Read) -> tuple[Competitor, ...]:
    """Return what is known of each other shop."""
    stated = _stated(read.of("rival"))
    shops: dict[str, list[Product]] = defaultdict(list)
    for rival in read.rivals:
        shops[rival.name] += rival.products
    found = []
    for name, products in shops.items():
        currency, prices = max(
            _by_currency(products).items(), key=lambda pair: len(pair[1]), default=("", [])
        )
        theirs = {attribute: said for (owner, attribute), said in stated.items() if owner == name}
        sources = [_title(product, price) for price, product in (prices[:1] + prices[-1:])]
        sources += [said[0].source for said in theirs.values()]
        if not sources:
            sources = [_title(product) for product in products[:1]]
        if sources:
            found.append(
                Competitor(
                    name=name,
                    products=len(products),
                    low=f"{prices[0][0]:f}" if prices else "",
                    high=f"{prices[-1][0]:f}" if prices else "",
                    currency=currency,
                    attributes=tuple(theirs),
                    sources=tuple(dict.fromkeys(sources))[: 2 * MOST_SOURCES],
                )
            )
    return tuple(found)


def about_competitors(known: Iterable[Competitor]) -> Iterator[Insight]:
    """Say what each other shop offers."""
    for one in known:
        parts = [f"offers {_products(one.products)}"] if one.products else []
        if one.low:
            parts.append(
                f"asks {one.low} {one.currency}"
                if one.low == one.high
                else f"asks {one.low} to {one.high} {one.currency}"
            )
        if one.attributes:
            parts.append(f"states {', '.join(one.attributes[:8])}")
        if parts:
            yield Insight(
                kind="competitor",
                statement=f"{one.name} {'; '.join(parts)}.",
                sources=one.sources,
                confidence=0.9,
            )


def prices(read: Read) -> Iterator[Insight]:
    """Say what own products cost, where that lies in the market, and where the market has no price."""
    mine = _by_currency(read.own)
    for currency, own in sorted(mine.items()):
        yield Insight(
            kind="opportunity",
            statement=f"{_products(len(own))} {'costs' if len(own) == 1 else 'cost'} "
            f"{_range(own)} {currency}.",
            sources=_ends(own),
            confidence=0.9,
        )
    theirs = _by_currency(_alike(read.own, read.rivals))
    for currency, market in sorted(theirs.items()):
        if len(market) >= LEAST_PRICES:
            yield from _against(mine.get(currency, []), market, currency)
            yield from _gap(mine.get(currency, []), market, currency)


def differences(read: Read) -> Iterator[Insight]:
    """Say what other shops state and own sources do not, and the other way round."""
    shops = {rival.name for rival in read.rivals}
    if not shops:
        return
    mine = _stated(read.of("own"))
    own = {attribute: said for (_, attribute), said in mine.items()}
    theirs: dict[str, dict[str, Evidence]] = defaultdict(dict)
    for (owner, attribute), said in _stated(read.of("rival")).items():
        theirs[attribute][owner] = said[0]
    for attribute, said_by in theirs.items():
        if attribute not in own and read.of("own"):
            names = ", ".join(sorted(said_by)[:MOST_SOURCES])
            yield Insight(
                kind="gap",
                statement=f"{names} {'states' if len(said_by) == 1 else 'state'} {attribute}; "
                "nothing that was read of you does.",
                sources=tuple(one.source for one in said_by.values())[:MOST_SOURCES],
                # One shop may be an exception; and own pages that were not read may say it.
                confidence=round(min(0.8, 0.4 + 0.4 * len(said_by) / len(shops)), 2),
            )
    for attribute, said in own.items():
        if attribute not in theirs:
            yield Insight(
                kind="opportunity",
                statement=f"You state {attribute}; none of the {len(shops)} other "
                f"{'shop' if len(shops) == 1 else 'shops'} that were read does.",
                sources=tuple(one.source for one in said)[:MOST_SOURCES],
                confidence=round(min(0.8, 0.4 + 0.1 * len(shops)), 2),
            )


def missing(products: tuple[Product, ...]) -> Iterator[Insight]:
    """Say what own products lack that an advertisement needs."""
    for said, without in (
        ("a picture", [p for p in products if not p.image_url]),
        ("a price", [p for p in products if not p.price]),
        ("facts to write from", [p for p in products if not p.facts]),
    ):
        if without:
            yield Insight(
                kind="gap",
                statement=f"{len(without)} of {len(products)} products are without {said}.",
                sources=tuple(_title(p) for p in without[:MOST_SOURCES]),
                confidence=0.9,
            )


def _against(own: list[Priced], market: list[Priced], currency: str) -> Iterator[Insight]:
    if not own:
        return
    mine, theirs = median(p for p, _ in own), median(p for p, _ in market)
    share = sum(price < mine for price, _ in market) / len(market)
    if share <= 0.25:
        where, kind = "in the lowest quarter of", "opportunity"
    elif share >= 0.75:
        where, kind = "in the highest quarter of", "gap"
    else:
        where, kind = "in the middle of", "competitor"
    yield Insight(
        kind=kind,  # type: ignore[arg-type]
        statement=f"Your median price of {mine:f} {currency} is {where} {len(market)} prices of others "
        f"({_range(market)} {currency}, median {theirs:f}).",
        sources=(*_ends(own)[:1], *_ends(market)),
        confidence=round(min(0.9, 0.5 + len(market) / 50), 2),
    )


def _gap(own: list[Priced], market: list[Priced], currency: str) -> Iterator[Insight]:
    # Both ends by several products: the one dear or cheap thing in a shop is no end of a market.
    inner = market[1:-1] if len(market) >= 2 * LEAST_PRICES else []
    steps = [
        (after[0] / before[0], before, after)
        for before, after in itertools.pairwise(inner)
        if before[0] > 0
    ]
    if not steps:
        return
    ratio, before, after = max(steps, key=lambda step: step[0])
    if ratio < Decimal(str(PRICE_GAP)):
        return
    inside = [pair for pair in own if before[0] < pair[0] < after[0]]
    yours = f"; you do, at {inside[0][0]:f}" if inside else ""
    yield Insight(
        kind="opportunity",
        statement=f"None of {len(market)} products of others costs between {before[0]:f} and "
        f"{after[0]:f} {currency}{yours}.",
        sources=tuple(_title(p, price) for price, p in (before[:2], after[:2], *inside[:1])),
        confidence=round(min(0.7, 0.3 + len(market) / 50), 2),
    )


def _alike(own: tuple[Product, ...], rivals: tuple[Rival, ...]) -> list[Product]:
    """Return the products of others that share a tag with an own one; all of them if those are too few."""
    every = [product for rival in rivals for product in rival.products]
    tags = {tag for product in own for tag in product.tags}
    alike = [product for product in every if tags & set(product.tags)]
    return alike if len(alike) >= LEAST_PRICES else every


def _by_currency(products: Iterable[Product]) -> dict[str, list[Priced]]:
    found: dict[str, list[Priced]] = defaultdict(list)
    for product in products:
        if product.price and product.currency:
            try:
                found[product.currency].append((Decimal(product.price), product))
            except InvalidOperation:
                continue
    for priced in found.values():
        priced.sort(key=lambda pair: (pair[0], pair[1].key))
    return found


def _stated(evidence: Iterable[Evidence]) -> dict[tuple[str, str], list[Evidence]]:
    """Return who states which attribute, with the sentences."""
    found: dict[tuple[str, str], list[Evidence]] = defaultdict(list)
    for one in evidence:
        for attribute in attributes():
            hit = attribute.pattern.search(one.text)
            if hit and not _denied(one.text, hit.start()):
                found[one.owner, attribute.name].append(one)
    return found


def _denied(text: str, at: int) -> bool:
    before = text[max(0, at - 25) : at].lower()
    return any(
        f"{word} " in before for word in ("no", "not", "without", "never", "isn't", "aren't")
    )


def _range(priced: list[Priced]) -> str:
    low, high = priced[0][0], priced[-1][0]
    return f"{low:f}" if low == high else f"{low:f} to {high:f}"


def _ends(priced: list[Priced]) -> tuple[Source, ...]:
    (low, cheapest), (high, dearest) = priced[0], priced[-1]
    return tuple(dict.fromkeys((_title(cheapest, low), _title(dearest, high))))


def _title(product: Product, price: Decimal | None = None) -> Source:
    quote = product.title if price is None else f"{product.title}: {price:f} {product.currency}"
    return Source(where=f"product:{product.key}#title", quote=quote, url=product.url or "")


def _products(count: int) -> str:
    return "1 product" if count == 1 else f"{count} products"
