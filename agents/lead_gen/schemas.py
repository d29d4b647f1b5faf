"""What the lead agent takes and gives: frozen dataclasses that a checkpoint brings back typed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from domain.brief import as_tuples


class KnownLead(Protocol):
    """What is looked at of a lead; never a name or an address."""

    @property
    def lawful_basis(self) -> str:
        """`consent`, `contract`, `legitimate_interest`, or empty if none is stated."""
        ...


@dataclass(frozen=True, kw_only=True)
class Segment:
    """People to speak to, by what they look for; never by who they are.

    Attributes:
        name: For people.
        interests: What they ask about, lower case.
        geos, languages: Where and in which languages; empty = all.
        reason: What it was derived from.
        leads: How many of the organisation's leads have said so themselves.
        by: Who suggests it.
    """

    name: str
    interests: tuple[str, ...]
    geos: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    reason: str = ""
    leads: int = 0
    by: Literal["rules", "model"] = "rules"

    def __post_init__(self) -> None:
        """Make tuples of lists: a checkpoint keeps no difference between the two."""
        as_tuples(self)


@dataclass(frozen=True, kw_only=True)
class AudienceReport:
    """Whom the campaign is for.

    Attributes:
        segments: Suggested ones, best first.
        leads, usable: How many leads there are, and to how many of them a lawful basis is stated.
        qualified: How many leads have grade C or better.
        left_out: Words of the brief that name a special category, which nobody is chosen by.
        rule_based: Whether rules rather than a model wrote it.
        warnings: One sentence for each thing to look at.
    """

    segments: tuple[Segment, ...] = ()
    leads: int = 0
    usable: int = 0
    qualified: int = 0
    left_out: tuple[str, ...] = ()
    rule_based: bool = True
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Make tuples of lists: a checkpoint keeps no difference between the two."""
        as_tuples(self)
