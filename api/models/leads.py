"""Leads and audiences on the wire."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr

from api.models.common import In, Line, Moment, Out, example

Basis = Literal["consent", "contract", "legitimate_interest"]
Country = Annotated[str, Field(pattern=r"^([A-Z]{2})?$", description="ISO 3166-1 alpha-2.")]
_Values = Annotated[list[Annotated[Line, Field(min_length=1, max_length=80)]], Field(max_length=50)]


class LeadProblemOut(Out):
    """What is wrong with a row; never what stood there."""

    line: int
    code: str
    reason: str
    rejected: bool = Field(description="Whether the row was left out, rather than one cell.")


class LeadImportOut(Out):
    """What became of a file."""

    id: str
    name: str
    status: str = Field(description="running, done or failed")
    lawful_basis: str
    created_at: Moment
    finished_at: Moment | None
    rows: int
    added: int
    merged: int = Field(description="Leads that were there and learned something.")
    unchanged: int
    suppressed: int = Field(description="Rows of people who must not be written to.")
    rejected: int
    counts: dict[str, Any] = Field(description="How many problems of each code.")
    problems: list[LeadProblemOut] = Field(description="The first 100.")


class LeadOut(Out):
    """A lead. Address and number are masked unless the caller may see them."""

    id: str
    email: str
    phone: str
    given_name: str
    family_name: str
    company: str
    job_title: str
    country: str
    language: str
    interests: list[str]
    source: str
    lawful_basis: str
    consent_at: Moment | None
    purposes: list[str]
    score: int
    grade: str = Field(description="A to D; from C on it is qualified.")
    reasons: list[str] = Field(description="Why it has its score, with the points of each reason.")
    enriched: dict[str, Any] = Field(description="Fields that were derived, and from what.")


class LinkedInIn(In):
    """Whose lead forms to read, and with which token; the token is used once and not kept."""

    model_config = example(
        {"owner": "urn:li:sponsoredAccount:507404993", "token": "an OAuth 2 access token"}
    )

    owner: Line = Field(
        max_length=80, description="urn:li:sponsoredAccount:… or urn:li:organization:…"
    )
    token: SecretStr = Field(min_length=8, max_length=4_000)
    lawful_basis: Basis = Field("consent", description="Of people who ticked no box of consent.")
    note: Line = Field(
        "", max_length=2_000, description="What another basis than consent rests on."
    )


class SyncedOut(Out):
    """What a round brought."""

    read: int
    added: int
    merged: int
    unchanged: int
    suppressed: int
    rejected: dict[str, int] = Field(description="Answers left out, by code.")
    until: Moment = Field(description="Everything submitted before has been read.")


class ContactsIn(In):
    """Addresses and numbers of people."""

    model_config = example({"contacts": ["aiko@kaze.example", "+81312345678"]})

    contacts: list[Annotated[Line, Field(min_length=3, max_length=320)]] = Field(
        min_length=1, max_length=10_000
    )
    country: Country = ""


class ForgottenOut(Out):
    """How many leads are gone."""

    leads: int


class AudienceIn(In):
    """A named rule: each list that is not empty must be met by one of its values."""

    model_config = example(
        {"name": "Trail runners in Japan", "interests": ["trail shoes"], "countries": ["JP"]}
    )

    name: Line = Field(min_length=1, max_length=120)
    interests: _Values = Field(default_factory=list)
    countries: _Values = Field(default_factory=list)
    languages: _Values = Field(default_factory=list)
    bases: list[Basis] = Field(default_factory=list)
    grades: list[Literal["A", "B", "C", "D"]] = Field(default_factory=list)
    sources: _Values = Field(default_factory=list)


class AudienceOut(Out):
    """A rule, and how many leads it chooses now."""

    id: str
    name: str
    created_at: Moment
    rule: dict[str, Any]
    leads: int
