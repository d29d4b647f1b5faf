"""What the research agent takes and gives: frozen dataclasses that a checkpoint brings back typed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from domain.brief import as_tuples
from domain.evidence import Passage
from domain.product import Fact, Product

Kind = Literal["competitor", "trend", "audience", "gap", "opportunity"]

#: Asks the organisation's documents: question, how many passages.
Retrieve = Callable[[str, int], Awaitable[tuple[Passage, ...]]]


class ResearchMaterial(Protocol):
    """What was read about the product."""

    @property
    def products(self) -> tuple[Product, ...]:
        """Products of page and feed."""
        ...

    @property
    def site_facts(self) -> tuple[Fact, ...]:
        """What the page says about the shop."""
        ...


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a statement stands: a place and its words.

    Attributes:
        where: A title, an address or a product, with the place in it; for people.
        quote: The words themselves.
        url: Where it can be read again, if it has an address.
        document_id, chunk_id, start, end: Where it stands in the knowledge store, if it is from there.
    """

    where: str
    quote: str
    url: str = ""
    document_id: str = ""
    chunk_id: str = ""
    start: int = 0
    end: int = 0


@dataclass(frozen=True, kw_only=True)
class Insight:
    """One statement with what it rests on; there is none without a source.

    Attributes:
        kind: What it is about.
        statement: One sentence.
        sources: At least one.
        confidence: 0 to 1.
        by: Who drew it from the sources.
    """

    kind: Kind
    statement: str
    sources: tuple[Source, ...]
    confidence: float = 0.5
    by: Literal["rules", "model"] = "rules"

    def __post_init__(self) -> None:
        """Make tuples of lists: a checkpoint keeps no difference between the two."""
        as_tuples(self)


@dataclass(frozen=True, kw_only=True)
class Competitor:
    """Another shop that was read.

    Attributes:
        name: What it calls itself.
        products: How many of its products were read.
        low, high, currency: Its prices, decimal strings as stated; empty if none was.
        attributes: What it states of itself, of the list of attributes.
        sources: Where that stands.
    """

    name: str
    products: int
    low: str = ""
    high: str = ""
    currency: str = ""
    attributes: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        """Make tuples of lists: a checkpoint keeps no difference between the two."""
        as_tuples(self)


@dataclass(frozen=True, kw_only=True)
class Trend:
    """A term that dated sources speak of more, or less, than they did.

    Attributes:
        term: The word or words.
        direction: Which way.
        before, after: Share of the earlier and of the later sources that have it.
        since: First day of the later ones, ISO 8601.
        p: How likely so large a difference is by chance (Fisher's exact test, one-sided).
        sources: The latest that have it.
    """

    term: str
    direction: Literal["rising", "falling"]
    before: float
    after: float
    since: str
    p: float
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        """Make tuples of lists: a checkpoint keeps no difference between the two."""
        as_tuples(self)


@dataclass(frozen=True, kw_only=True)
class ResearchReport:
    """What was found.

    Attributes:
        insights: Every statement.
        competitors: The other shops that were read.
        trends: Terms that come or go.
        read: How many web addresses and passages were read.
        keywords: English words that the sources use most for the product, best first.
        rule_based: Whether rules rather than a model wrote it.
        warnings: One sentence for each thing that went wrong.
    """

    insights: tuple[Insight, ...] = ()
    keywords: tuple[str, ...] = ()
    rule_based: bool = True
    warnings: tuple[str, ...] = ()
    competitors: tuple[Competitor, ...] = ()
    trends: tuple[Trend, ...] = ()
    read: int = 0

    def __post_init__(self) -> None:
        """Make tuples of lists: a checkpoint keeps no difference between the two."""
        as_tuples(self)

    def of(self, kind: Kind) -> tuple[Insight, ...]:
        """Return the insights of one kind."""
        return tuple(insight for insight in self.insights if insight.kind == kind)
