"""Leads of another system, fetched since the last time: each once, however often it is asked."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Protocol

from audience.batches import prepare, store
from audience.contacts import Hasher, email_of, phone_of
from audience.linkedin import KEPT_DAYS, SOURCE, Answered, Page
from audience.policy import check_terms
from audience.repository import Cursors
from audience.rows import readable
from audience.types import LawfulBasis, LeadDraft, Terms
from domain.geo import COUNTRIES
from domain.time import Clock, utc
from storage.database import Database

_DAY_MS = 86_400_000
#: Answers may be listed a while after they were submitted: each round looks back a little.
_OVERLAP_MS = 3_600_000
#: Time of which answers are asked at once; the cursor moves after each.
_WINDOW_MS = 30 * _DAY_MS
_LANGUAGES = {
    "ja": "jpn",
    "en": "eng",
    "de": "deu",
    "fr": "fra",
    "es": "spa",
    "it": "ita",
    "ko": "kor",
}


class Forms(Protocol):
    """Where answers to lead forms come from."""

    async def page(self, owner: str, since_ms: int, until_ms: int, start: int = 0) -> Page:
        """Return answers that were submitted within a time."""
        ...


@dataclass(frozen=True)
class Synced:
    """What a round brought.

    Attributes:
        read: Answers that were listed.
        added, merged, unchanged, suppressed: Leads.
        rejected: Answers left out, by code.
        until_ms: Everything submitted before has been read.
    """

    read: int
    added: int
    merged: int
    unchanged: int
    suppressed: int
    rejected: dict[str, int]
    until_ms: int


class LeadSync:
    """Fetches leads.

    Args:
        db: The database.
        clock: The time.
        key: The installation's secret for leads.
        forms: Where answers come from.
    """

    def __init__(self, db: Database, clock: Clock, key: bytes, forms: Forms) -> None:
        self._db, self._clock, self._key, self._forms = db, clock, key, forms

    async def run(self, org_id: str, owner: str, terms: Terms) -> Synced:
        """Fetch what was submitted since the last round.

        A page is written in a transaction of its own; the cursor moves when all of a month are. A round that
        breaks is begun again and adds nothing twice: answers are known by their id.

        Args:
            org_id: Whose leads.
            owner: Whose forms.
            terms: What holds for people who ticked no box of consent.

        Raises:
            ParleyError: as `LinkedInLeads.page`; what was read before stays.
            Unprocessable: as `check_terms`.
        """
        now_ms = self._clock.now_ms()
        now = utc(now_ms)
        check_terms(terms, now)
        async with self._db.tenant(org_id) as session:
            until = await Cursors(session).until(SOURCE, owner)
        since = now_ms - KEPT_DAYS * _DAY_MS if until is None else until - _OVERLAP_MS
        hasher = Hasher(self._key, org_id)
        told: Counter[str] = Counter()
        rejected: Counter[str] = Counter()
        while since < now_ms:
            end = min(since + _WINDOW_MS, now_ms)
            start: int | None = 0
            while start is not None:
                page = await self._forms.page(owner, since, end, start)
                told["read"] += len(page.answers)
                drafts = [d for one in page.answers if (d := draft_of(one, terms, rejected))]
                batch = prepare(org_id, drafts, hasher, now, owner)
                async with self._db.tenant(org_id) as session:
                    told += await store(session, org_id, batch, now=now, import_id=None)
                start = page.next_start
            async with self._db.tenant(org_id) as session:
                await Cursors(session).move(org_id, SOURCE, owner, end, now)
            since = end
        return Synced(
            told["read"], told["added"], told["merged"], told["unchanged"], told["suppressed"],
            dict(rejected), now_ms,
        )  # fmt: skip


def draft_of(answer: Answered, terms: Terms, rejected: Counter[str]) -> LeadDraft | None:
    """Return an answer as a lead; None, and a count of why, if it cannot be one.

    Whoever ticked a box of consent has agreed to its words at the time of submission. Without a box the terms
    of the round hold, if they state another basis.
    """
    said = answer.fields
    if answer.test:
        rejected["test"] += 1
        return None
    language, _, country = answer.locale.partition("_")
    country = country if country in COUNTRIES else ""
    email = email_of(said.get("WORK_EMAIL") or said.get("EMAIL") or "") or ""
    phone = phone_of(said.get("WORK_PHONE_NUMBER") or said.get("PHONE_NUMBER") or "", country) or ""
    if not email and not phone:
        rejected["no_contact"] += 1
        return None
    agreed = bool(answer.consents)
    if not agreed and terms.lawful_basis is LawfulBasis.CONSENT:
        rejected["no_consent"] += 1
        return None
    return LeadDraft(
        email=email,
        phone=phone,
        given_name=readable("given_name", said.get("FIRST_NAME", ""))[0],
        family_name=readable("family_name", said.get("LAST_NAME", ""))[0],
        company=readable("company", said.get("COMPANY_NAME", ""))[0],
        job_title=readable("job_title", said.get("JOB_TITLE", ""))[0],
        country=country,
        language=_LANGUAGES.get(language, ""),
        source=SOURCE,
        source_ref=answer.id,
        lawful_basis=LawfulBasis.CONSENT if agreed else terms.lawful_basis,
        basis_note=readable("company", f"Lead form {answer.form}")[0] if agreed else terms.note,
        consent_at=utc(answer.submitted_ms) if agreed else None,
        consent_text=" ".join(answer.consents)[:2_000],
        purposes=terms.purposes,
    )
