"""Leads: take a list in, look at what is known, choose audiences, forget people."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import httpx
import msgspec
from fastapi import APIRouter, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession

from api.deps import Api, CampaignReader, CampaignWriter, Limit, who
from api.models.leads import (
    AudienceIn,
    AudienceOut,
    Basis,
    ContactsIn,
    Country,
    ForgottenOut,
    LeadImportOut,
    LeadOut,
    LinkedInIn,
    SyncedOut,
)
from api.state import State
from api.uploads import received
from audience.imports import Importer
from audience.lead_sync import LeadSync
from audience.linkedin import SOURCE, LinkedInLeads
from audience.repository import Imports
from audience.rows import moment_of
from audience.rule import AudienceRule
from audience.scoring import sentences
from audience.service import AudienceService
from audience.tables import AudienceRow, Lead
from audience.types import LawfulBasis, Terms
from domain.errors import BadInput
from domain.time import utc

router = APIRouter(prefix="/api/v1", tags=["leads"])

Purpose = Literal["marketing", "enrichment"]

#: Seconds for one page of answers.
_LINKEDIN_S = 30.0
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {"text/csv": _BINARY, "application/octet-stream": _BINARY},
    }
}


@router.post("/leads/import", status_code=201, openapi_extra=_BODY)
async def import_leads(
    request: Request,
    caller: CampaignWriter,
    api: Api,
    name: Annotated[str, Query(min_length=1, max_length=200, description="File name.")],
    source: Annotated[
        str, Query(min_length=1, max_length=120, description="What the list is, e.g. `newsletter`.")
    ],
    lawful_basis: Annotated[Basis, Query(description="Why these people may be written to.")],
    note: Annotated[str, Query(max_length=2_000, description="What the basis rests on.")] = "",
    consent_text: Annotated[
        str, Query(max_length=2_000, description="The words they agreed to, if rows do not say.")
    ] = "",
    consent_at: Annotated[
        str, Query(max_length=40, description="When they agreed, ISO 8601, if rows do not say.")
    ] = "",
    purposes: Annotated[list[Purpose] | None, Query()] = None,
    country: Annotated[Country, Query(description="Of numbers without a country.")] = "",
    column: Annotated[
        list[str] | None,
        Query(max_length=30, description="Where a field stands: `email=Contact address`."),
    ] = None,
) -> LeadImportOut:
    """Take in a CSV of people as the raw body (at most 100 MB); the same people again are there once."""
    agreed = moment_of(consent_at) if consent_at else None
    if consent_at and agreed is None:
        raise BadInput("consent_time", "Give the time of consent as ISO 8601, such as 2026-03-05.")
    terms = Terms(
        source=source,
        lawful_basis=LawfulBasis(lawful_basis),
        note=note,
        consent_at=agreed,
        consent_text=consent_text,
        purposes=tuple(purposes or ("marketing",)),
        country=country,
    )
    parts = api.services
    importer = Importer(parts.db, parts.ids, parts.clock, parts.settings.key("leads"))
    with tempfile.TemporaryDirectory(prefix="parley-leads-") as folder:
        path = Path(folder) / "body"
        digest, _ = await received(request, path)
        done = await importer.run(
            caller.org_id, path, terms,
            name=name, sha256=digest, by=who(caller), mapping=_mapping(column or []),
        )  # fmt: skip
    return LeadImportOut.model_validate(done)


@router.post("/leads/linkedin")
async def sync_linkedin(body: LinkedInIn, caller: CampaignWriter, api: Api) -> SyncedOut:
    """Fetch what people answered in your LinkedIn lead forms since the last time."""
    parts = api.services
    terms = Terms(source=SOURCE, lawful_basis=LawfulBasis(body.lawful_basis), note=body.note)
    async with httpx.AsyncClient(trust_env=False, timeout=_LINKEDIN_S) as client:
        forms = LinkedInLeads(
            client, body.token.get_secret_value(), base_url=parts.settings.linkedin_url
        )
        done = await LeadSync(parts.db, parts.clock, parts.settings.key("leads"), forms).run(
            caller.org_id, body.owner, terms
        )
    return SyncedOut.model_validate({**asdict(done), "until": utc(done.until_ms)})


@router.get("/leads/imports")
async def list_imports(caller: CampaignReader, api: Api, limit: Limit = 50) -> list[LeadImportOut]:
    """Return the newest imports."""
    async with api.services.db.tenant(caller.org_id) as session:
        return [LeadImportOut.model_validate(row) for row in await Imports(session).newest(limit)]


@router.get("/leads")
async def list_leads(
    caller: CampaignReader,
    api: Api,
    grade: Annotated[Literal["A", "B", "C", "D"] | None, Query()] = None,
    contacts: Annotated[
        bool, Query(description="Show addresses and numbers; needs campaigns:write.")
    ] = False,
    limit: Limit = 50,
) -> list[LeadOut]:
    """Return the most promising leads, and why each is."""
    if contacts:
        caller.need("campaigns:write")
    async with api.services.db.tenant(caller.org_id) as session:
        found = await _service(api, session).leads.best(limit, grade)
        return [_lead(lead, contacts=contacts) for lead in found]


@router.post("/leads/erase")
async def erase_leads(body: ContactsIn, caller: CampaignWriter, api: Api) -> ForgottenOut:
    """Forget people, and see that no import brings them back."""
    async with api.services.db.tenant(caller.org_id) as session:
        gone = await _service(api, session).erase(caller.org_id, body.contacts, body.country)
        return ForgottenOut(leads=gone)


@router.post("/leads/suppress")
async def suppress_leads(body: ContactsIn, caller: CampaignWriter, api: Api) -> ForgottenOut:
    """See that people are not written to and not imported, whether they are known or not."""
    async with api.services.db.tenant(caller.org_id) as session:
        gone = await _service(api, session).suppress(caller.org_id, body.contacts, body.country)
        return ForgottenOut(leads=gone)


@router.post("/audiences", status_code=201)
async def add_audience(body: AudienceIn, caller: CampaignWriter, api: Api) -> AudienceOut:
    """Keep a rule that chooses leads under a name."""
    rule = msgspec.convert(body.model_dump(exclude={"name"}), AudienceRule)
    async with api.services.db.tenant(caller.org_id) as session:
        service = _service(api, session)
        row = await service.add_audience(caller.org_id, body.name, rule)
        return _audience(row, await service.size(row))


@router.get("/audiences")
async def list_audiences(caller: CampaignReader, api: Api, limit: Limit = 50) -> list[AudienceOut]:
    """Return the newest audiences, and how many leads each has now."""
    async with api.services.db.tenant(caller.org_id) as session:
        service = _service(api, session)
        return [
            _audience(row, await service.size(row)) for row in await service.audiences.newest(limit)
        ]


def _service(api: State, session: AsyncSession) -> AudienceService:
    parts = api.services
    return AudienceService(session, parts.ids, parts.clock, parts.settings.key("leads"))


def _audience(row: AudienceRow, leads: int) -> AudienceOut:
    rule = {name: values for name, values in row.rule.items() if values}
    return AudienceOut(id=row.id, name=row.name, created_at=row.created_at, rule=rule, leads=leads)


def _lead(lead: Lead, *, contacts: bool) -> LeadOut:
    told = LeadOut.model_validate(lead)
    told.reasons = list(sentences(lead.reasons))
    if not contacts:
        name, at, domain = lead.email.partition("@")
        told.email = f"{name[:1]}•••{at}{domain}" if at else ""
        told.phone = f"•••{lead.phone[-2:]}" if lead.phone else ""
    return told


def _mapping(columns: list[str]) -> dict[str, str]:
    pairs = [column.partition("=") for column in columns]
    if any(not middle or not field.strip() for field, middle, _ in pairs):
        raise BadInput(
            "mapping_field", "Name columns as `field=Header`, such as `email=Contact address`."
        )
    return {field.strip(): header for field, _, header in pairs}
