"""Verbs over leads: count, choose, suppress, erase."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from audience.contacts import Hasher, email_of, phone_of
from audience.repository import Audiences, Leads, Suppressions
from audience.rule import AudienceRule, check_rule
from audience.tables import AudienceRow
from domain.errors import BadInput, Conflict
from domain.ids import Ids
from domain.time import Clock, utc


@dataclass(frozen=True)
class Known:
    """How many leads there are, and of which kinds; nothing about one person.

    Attributes:
        leads: All of them.
        bases, grades, countries, languages, interests: How many of each.
    """

    leads: int
    bases: dict[str, int]
    grades: dict[str, int]
    countries: dict[str, int]
    languages: dict[str, int]
    interests: dict[str, int]


class AudienceService:
    """Leads of one organisation, within a unit of work.

    Args:
        session: The open transaction.
        ids: Makes ids.
        clock: The time.
        key: The installation's secret for leads.
    """

    def __init__(self, session: AsyncSession, ids: Ids, clock: Clock, key: bytes) -> None:
        self.leads, self.audiences = Leads(session), Audiences(session)
        self.suppressions = Suppressions(session)
        self._ids, self._clock, self._key = ids, clock, key

    async def known(self) -> Known:
        """Return how many leads there are, and of which kinds."""
        return await known(self.leads.session)

    async def add_audience(self, org_id: str, name: str, rule: AudienceRule) -> AudienceRow:
        """Keep a rule under a name.

        Raises:
            Unprocessable: as `check_rule`.
            Conflict: `audience_exists`.
        """
        check_rule(name, rule)
        row = AudienceRow(
            id=self._ids.new("adn"), org_id=org_id, created_at=utc(self._clock.now_ms()), name=name,
            rule=msgspec.to_builtins(rule),
        )  # fmt: skip
        try:
            return await self.audiences.add(row)
        except IntegrityError as error:
            raise Conflict(
                "audience_exists",
                f"There is an audience {name[:60]!r} already; choose another name.",
            ) from error

    async def size(self, row: AudienceRow) -> int:
        """Return how many leads an audience has now."""
        return await self.leads.size(msgspec.convert(row.rule, AudienceRule))

    async def erase(self, org_id: str, contacts: Sequence[str], country: str = "") -> int:
        """Forget people by their addresses or numbers, and see that no import brings them back.

        Args:
            org_id: Whose leads.
            contacts: E-mail addresses and telephone numbers.
            country: Where numbers without a country are from.

        Returns:
            How many leads were deleted. Nothing is left of them but keyed hashes on the suppression list.

        Raises:
            BadInput: `contact_unreadable`.
        """
        hashes = self._hashes(org_id, contacts, country)
        found = await self.leads.known_by([digest for _, digest in hashes])
        # The other address of the same person must not come back either.
        hashes += [("email", lead.email_hash) for lead in found if lead.email_hash]
        hashes += [("phone", lead.phone_hash) for lead in found if lead.phone_hash]
        await self._suppress(org_id, hashes, "erased")
        return await self.leads.erase([lead.id for lead in found])

    async def suppress(self, org_id: str, contacts: Sequence[str], country: str = "") -> int:
        """See that people are not written to and not imported again; return how many leads that took out.

        Raises:
            BadInput: `contact_unreadable`.
        """
        hashes = self._hashes(org_id, contacts, country)
        await self._suppress(org_id, hashes, "listed")
        found = await self.leads.known_by([digest for _, digest in hashes])
        return await self.leads.erase([lead.id for lead in found])

    async def _suppress(self, org_id: str, hashes: list[tuple[str, str]], why: str) -> None:
        await self.leads.one_at_a_time(org_id)
        now = utc(self._clock.now_ms())
        await self.suppressions.put(org_id, list(dict.fromkeys(hashes)), why, now)

    def _hashes(self, org_id: str, contacts: Sequence[str], country: str) -> list[tuple[str, str]]:
        hasher = Hasher(self._key, org_id)
        found = []
        for number, contact in enumerate(contacts, 1):
            email, phone = email_of(contact), phone_of(contact, country)
            if email:
                found.append(("email", hasher.email(email) or ""))
            elif phone:
                found.append(("phone", hasher.phone(phone) or ""))
            else:
                raise BadInput(
                    "contact_unreadable",
                    f"Entry {number} is neither an e-mail address nor a telephone number with its country.",
                )
        return found


async def known(session: AsyncSession) -> Known:
    """Return how many leads an organisation has, and of which kinds; nothing about one person."""
    leads = Leads(session)
    return Known(
        leads=await leads.size(),
        bases=await leads.counts("lawful_basis"),
        grades=await leads.counts("grade"),
        countries=await leads.counts("country"),
        languages=await leads.counts("language"),
        interests=await leads.interests(),
    )
