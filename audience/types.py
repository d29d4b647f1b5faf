"""What is known of people, and why it may be known."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

#: What may be agreed to.
PURPOSES = ("marketing", "enrichment")


class LawfulBasis(StrEnum):
    """Why a person may be written to (GDPR Art. 6(1) a, b, f)."""

    CONSENT = "consent"
    CONTRACT = "contract"
    LEGITIMATE_INTEREST = "legitimate_interest"


class LeadDraft(msgspec.Struct, kw_only=True):
    """A lead as it was read, normalised.

    Attributes:
        email, phone: In the one form of `audience.contacts`; at least one of them.
        given_name, family_name, company, job_title: As stated, cleaned.
        country: ISO 3166-1 alpha-2. language: ISO 639-3. Empty if not known.
        interests: Lower case, no special categories.
        source, source_ref: Where it is from, and its id there.
        lawful_basis, basis_note: Why it may be written to, and what that rests on.
        consent_at, consent_text: What was agreed to, and when.
        purposes: Of `PURPOSES`.
        unsubscribed: Whether it is listed only so that nobody writes to it.
        line: Where in the file it stands.
    """

    email: str = ""
    phone: str = ""
    given_name: str = ""
    family_name: str = ""
    company: str = ""
    job_title: str = ""
    country: str = ""
    language: str = ""
    interests: tuple[str, ...] = ()
    source: str
    source_ref: str | None = None
    lawful_basis: LawfulBasis
    basis_note: str = ""
    consent_at: datetime | None = None
    consent_text: str = ""
    purposes: tuple[str, ...] = ("marketing",)
    unsubscribed: bool = False
    line: int = 0


class Problem(msgspec.Struct, frozen=True):
    """What is wrong with a row; says where, never what stood there.

    Attributes:
        line: Line of the file, from 1.
        code: Stable code.
        reason: One sentence.
        rejected: Whether the whole row was left out, rather than one cell.
    """

    line: int
    code: str
    reason: str
    rejected: bool = True


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for every row of an import that does not say otherwise.

    Attributes:
        source: What the list is: `crm`, `newsletter`, `fair 2026`.
        lawful_basis: Why these people may be written to.
        note: What that rests on: the contract, or the weighing of interests.
        consent_at, consent_text: When they agreed to which words.
        purposes: What they agreed to.
        country: Where numbers without a country are from.
    """

    source: str
    lawful_basis: LawfulBasis
    note: str = ""
    consent_at: datetime | None = None
    consent_text: str = ""
    purposes: tuple[str, ...] = ("marketing",)
    country: str = ""
