"""What else is known of a lead: derived from its own fields, or asked of others where it agreed to that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

from audience.contacts import calling_code, free_mail, throw_away
from audience.types import LeadDraft
from domain.errors import ParleyError
from domain.geo import COUNTRIES

#: Fields that may be filled; whatever else an enricher says is dropped.
FILLABLE = ("company", "country", "language", "job_title")
#: Country domains that are used all over the world and say nothing.
_ANYWHERE = frozenset(
    ("IO", "CO", "ME", "TV", "AI", "CC", "LY", "FM", "GG", "TO", "SH", "AC", "GL", "VC", "WS")
)
_LANGUAGE_OF = {
    "JP": "jpn", "US": "eng", "GB": "eng", "AU": "eng", "NZ": "eng", "IE": "eng", "DE": "deu", "AT": "deu",
    "FR": "fra", "IT": "ita", "ES": "spa", "MX": "spa", "BR": "por", "PT": "por", "NL": "nld", "KR": "kor",
}  # fmt: skip


class Derived(msgspec.Struct, frozen=True):
    """Something that was added to a lead.

    Attributes:
        field: Which field.
        value: What it is.
        how: What it was derived from, or who said so.
    """

    field: str
    value: str
    how: str


class Enricher(Protocol):
    """Says more of a lead."""

    @property
    def external(self) -> bool:
        """Whether the lead's data leave the installation for it."""
        ...

    async def __call__(self, lead: LeadDraft) -> Sequence[Derived]:
        """Return what can be added."""
        ...


class OwnFields:
    """Derives from nothing but the lead's own fields; sends nothing anywhere."""

    external = False

    async def __call__(self, lead: LeadDraft) -> Sequence[Derived]:
        """Return what follows from the lead's own fields."""
        return tuple(derive(lead))


def derive(lead: LeadDraft) -> Iterable[Derived]:
    """Yield what follows from a lead's own fields; only for fields that are empty."""
    domain = lead.email.rpartition("@")[2]
    name, _, ending = domain.rpartition(".")
    own = bool(domain) and domain not in free_mail() and domain not in throw_away()
    if own and not lead.company and name:
        # `mail.kaze-trail.co.jp`: the label before the public ending.
        labels = [
            part
            for part in name.split(".")
            if part not in {"co", "com", "ne", "or", "ac", "go", "org", "net"}
        ]
        if labels:
            yield Derived(
                "company", labels[-1].replace("-", " ").title(), "domain of the e-mail address"
            )
    country = lead.country
    if not country:
        code = ending.upper() if ending.upper() in COUNTRIES - _ANYWHERE else ""
        country = {"UK": "GB"}.get(ending.upper(), code)
        if country:
            yield Derived("country", country, "ending of the e-mail address")
        elif lead.phone.startswith("+") and (country := _country_of(lead.phone)):
            yield Derived("country", country, "code of the telephone number")
    if not lead.language and country in _LANGUAGE_OF:
        yield Derived("language", _LANGUAGE_OF[country], f"main language of {country}")


async def enrich(
    lead: LeadDraft, enrichers: Sequence[Enricher]
) -> tuple[LeadDraft, tuple[Derived, ...], tuple[str, ...]]:
    """Return a lead with its empty fields filled, what was filled, and what went wrong.

    Others are asked only about people who agreed to `enrichment`.

    Args:
        lead: The lead.
        enrichers: Asked in order; the first to fill a field wins.
    """
    found: dict[str, Derived] = {}
    problems: list[str] = []
    for enricher in enrichers:
        if enricher.external and not may_be_asked_about(lead):
            continue
        try:
            said = await enricher(lead)
        except ParleyError as error:
            problems.append(error.detail)
            continue
        for one in said:
            if one.field in FILLABLE and one.value and not getattr(lead, one.field):
                found.setdefault(one.field, one)
    filled = msgspec.structs.replace(lead, **{name: one.value for name, one in found.items()})
    return filled, tuple(found.values()), tuple(problems)


def may_be_asked_about(lead: LeadDraft) -> bool:
    """Return whether others may be asked about a person."""
    return lead.lawful_basis == "consent" and "enrichment" in lead.purposes


def _country_of(phone: str) -> str:
    for country in _LANGUAGE_OF:
        # +1 is two dozen countries.
        if country != "US" and phone.startswith(f"+{calling_code(country) or '?'}"):
            return country
    return ""
