"""A rule that chooses leads: by what they said and where they are, never by a special category."""

from __future__ import annotations

import msgspec

from audience.special import names_special_category
from audience.types import LawfulBasis
from domain.errors import Unprocessable
from domain.geo import COUNTRIES

_GRADES = ("A", "B", "C", "D")
_MOST = 50


class AudienceRule(msgspec.Struct, frozen=True, kw_only=True):
    """Who is in an audience. Each list that is not empty must be met by one of its values.

    Attributes:
        interests: What they are interested in, lower case.
        countries: ISO 3166-1 alpha-2. languages: ISO 639-3.
        bases: Lawful bases. grades: `A` to `D`. sources: Lists they are from.
    """

    interests: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()
    grades: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


def check_rule(name: str, rule: AudienceRule) -> None:
    """Raise unless a rule may choose people.

    Raises:
        Unprocessable: `special_category`, `rule_value`.
    """
    for words in (name, *rule.interests, *rule.sources):
        if names_special_category(words):
            raise Unprocessable(
                "special_category",
                f"“{words[:60]}” names a special category of data; nobody is chosen by one.",
            )
    for values, known, kind in (
        (rule.countries, COUNTRIES, "country code"),
        (rule.bases, frozenset(LawfulBasis), "lawful basis"),
        (rule.grades, frozenset(_GRADES), "grade"),
    ):
        odd = [value for value in values if value not in known]
        if odd:
            raise Unprocessable("rule_value", f"{odd[0][:40]!r} is no {kind}.")
    if any(len(values) > _MOST for values in msgspec.structs.astuple(rule)):
        raise Unprocessable("rule_value", f"A rule has at most {_MOST} values of a kind.")
