"""What research may draw on: own statements, those of other shops, and the organisation's documents."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain, islice
from typing import Literal
from urllib.parse import urlsplit

from agents.research.policy import MOST_SENTENCES
from agents.research.schemas import ResearchMaterial, Source
from domain.brief import Brief
from domain.evidence import Passage
from domain.product import Fact, Product
from tools.product_source.text import sentences
from tools.web import WebPage
from tools.web.days import days_in

Side = Literal["own", "rival", "document"]

_ADDRESS = re.compile(r"https?://[^\s<>\"'）」、。，]+")


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One sentence that was read.

    Attributes:
        text: The sentence; untrusted, whoever wrote it.
        source: Where it stands.
        side: Whose it is.
        owner: The shop or document it is of.
        day: When it was said, if that is known.
    """

    text: str
    source: Source
    side: Side
    owner: str
    day: date | None = None


@dataclass(frozen=True, kw_only=True)
class Rival:
    """Another shop: its name and its products."""

    name: str
    products: tuple[Product, ...]


@dataclass(frozen=True)
class Read:
    """Everything that was read.

    Attributes:
        own: The advertiser's products.
        rivals: Other shops.
        evidence: Every sentence.
    """

    own: tuple[Product, ...]
    rivals: tuple[Rival, ...]
    evidence: tuple[Evidence, ...]

    def of(self, *sides: Side) -> tuple[Evidence, ...]:
        """Return the sentences of some sides."""
        return tuple(one for one in self.evidence if one.side in sides)


def addresses_in(goal: str) -> tuple[str, ...]:
    """Return the web addresses that a goal names: the only ones research reads."""
    return tuple(dict.fromkeys(url.rstrip(".,;:!?)]}") for url in _ADDRESS.findall(goal)))


def hosts_in(goal: str) -> frozenset[str]:
    """Return the hosts that a goal names: what a run may read of the web."""
    found = set()
    for url in addresses_in(goal):
        try:
            host = urlsplit(url).hostname
        except ValueError:
            continue
        if host:
            found.add(host.removeprefix("www."))
    return frozenset(found)


def gathered(
    brief: Brief,
    material: ResearchMaterial,
    pages: Sequence[WebPage],
    passages: Sequence[Passage],
) -> Read:
    """Return what was read as one body of evidence."""
    own_hosts = {h for p in material.products if (h := urlsplit(p.url or "").hostname)}
    facts = chain(material.site_facts, (fact for p in material.products for fact in p.facts))
    evidence = [_of_fact(fact, "own", "you") for fact in islice(facts, MOST_SENTENCES)]
    rivals: list[Rival] = []
    for page in pages:
        mine = page.host in own_hosts
        side: Side = "own" if mine else "rival"
        evidence += [
            Evidence(
                text=said.text,
                source=Source(where=said.where, quote=said.text, url=page.url),
                side=side, owner=page.name, day=said.day,
            )
            for said in page.statements
        ]  # fmt: skip
        if not mine:
            rivals.append(Rival(name=page.name, products=page.products))
            theirs = (fact for product in page.products for fact in product.facts)
            evidence += [
                _of_fact(fact, "rival", page.name, page.url)
                for fact in islice(theirs, MOST_SENTENCES)
            ]
    for passage in passages:
        evidence += _of_passage(passage)
    unique = {(one.text, one.owner): one for one in evidence}
    return Read(material.products, tuple(rivals), tuple(unique.values()))


def source_of(passage: Passage, quote: str) -> Source:
    """Return where a sentence of a passage stands."""
    place = passage.citation
    at = place.quote.find(quote)
    start = place.start + max(at, 0)
    return Source(
        where=place.title, quote=quote, url=place.url, document_id=place.document_id,
        chunk_id=place.chunk_id, start=start, end=start + len(quote) if at >= 0 else place.end,
    )  # fmt: skip


def _of_fact(fact: Fact, side: Side, owner: str, url: str = "") -> Evidence:
    source = Source(where=fact.where, quote=fact.text, url=url)
    return Evidence(text=fact.text, source=source, side=side, owner=owner)


def _of_passage(passage: Passage) -> list[Evidence]:
    # A date anywhere in a passage dates all of it: minutes, reviews and reports carry it in their head.
    days = days_in(f"{passage.citation.title}\n{passage.text}")
    return [
        Evidence(
            text=sentence,
            source=source_of(passage, sentence),
            side="document",
            owner=passage.citation.title,
            day=next(iter(days_in(sentence)), days[0] if days else None),
        )
        for sentence in sentences(passage.citation.quote)
    ]
