"""Which lists of people may come in at all."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from audience.special import names_special_category
from audience.types import PURPOSES, LawfulBasis, Terms
from domain.errors import Unprocessable
from domain.geo import COUNTRIES

_SCRAPED = re.compile(
    r"\bscrap(?:e|ed|er|ing)\b|\bcrawl(?:ed|ing)?\b|\bharvest(?:ed|ing)?\b"
    r"|\b(?:bought|purchased|rented) (?:list|leads|data)"
    r"|\b(?:list|lead|data) broker|\bleaked?\b|\bdata breach\b|sales navigator export|phantombuster"
    r"|スクレイピング|名簿業者|購入(?:リスト|名簿)|収集した公開",
    re.I,
)
#: Nobody agreed to anything on the web before.
_FIRST_DAY = datetime(1995, 1, 1, tzinfo=UTC)
_LEAST_NOTE, _LEAST_WORDS = 10, 10


def check_terms(terms: Terms, now: datetime) -> None:
    """Raise unless people on a list with these terms may be written to.

    Consent may stand in the rows instead; a row without it is left out then.

    Raises:
        Unprocessable: `people_not_scraped`, `basis_not_stated`, `consent_time`, `purpose_unknown`,
            `country_unknown`, `special_category`.
    """
    if _SCRAPED.search(f"{terms.source} {terms.note}"):
        raise Unprocessable(
            "people_not_scraped",
            "Lists that were scraped, bought or leaked are not taken in; import people who gave you their data.",
        )
    if names_special_category(terms.source):
        raise Unprocessable(
            "special_category",
            "The list is named after a special category of data; nobody is chosen by one.",
        )
    if terms.lawful_basis is not LawfulBasis.CONSENT and len(terms.note.strip()) < _LEAST_NOTE:
        raise Unprocessable(
            "basis_not_stated",
            "Say in `note` what the basis rests on: which contract, or how interests were weighed.",
        )
    if terms.consent_text and len(terms.consent_text.strip()) < _LEAST_WORDS:
        raise Unprocessable(
            "basis_not_stated", "Give the words that people agreed to, as they stood in the form."
        )
    if terms.consent_at is not None and not consent_time_ok(terms.consent_at, now):
        raise Unprocessable(
            "consent_time", "The time of consent lies in the future or before 1995."
        )
    if terms.country and terms.country not in COUNTRIES:
        raise Unprocessable("country_unknown", "Give the country as two letters, such as `JP`.")
    if unknown := [purpose for purpose in terms.purposes if purpose not in PURPOSES]:
        raise Unprocessable(
            "purpose_unknown",
            f"{unknown[0][:40]!r} is no purpose; known are {', '.join(PURPOSES)}.",
        )


def consent_time_ok(moment: datetime, now: datetime) -> bool:
    """Return whether somebody can have agreed to something at that time."""
    return _FIRST_DAY <= moment <= now
