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
    """Where a statement stands: a place and its words."""

    where: str
    quote: str


@dataclass(frozen=True, kw_only=True)
class Insight:
    """One statement with what it rests on; there is none without a source.

    Attributes:
        kind: What it is about.
        statement: One sentence.
        sources: At least one.
        confidence: 0 to 1.
    """

    kind: Kind
    statement: str
    sources: tuple[Source, ...]
    confidence: float = 0.5

    def __post_init__(self) -> None:
        """Make tuples of lists: a checkpoint keeps no difference between the two."""
        as_tuples(self)


@dataclass(frozen=True, kw_only=True)
class ResearchReport:
    """What was found.

    Attributes:
        insights: Every statement.
        keywords: English words that the sources use most for the product, best first.
        rule_based: Whether rules rather than a model wrote it.
        warnings: One sentence for each thing that went wrong.
    """

    insights: tuple[Insight, ...] = ()
    keywords: tuple[str, ...] = ()
    rule_based: bool = True
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Make tuples of lists: a checkpoint keeps no difference between the two."""
        as_tuples(self)

    def of(self, kind: Kind) -> tuple[Insight, ...]:
        """Return the insights of one kind."""
        return tuple(insight for insight in self.insights if insight.kind == kind)
