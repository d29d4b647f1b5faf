"""The brand kit: one per organisation, and what it says is shown beside ads that run."""

from __future__ import annotations

import asyncio

import pytest

from bootstrap.services import Services
from catalog.service import CatalogService, export_catalogue
from tests.api.conftest import Accounts, Door

pytestmark = pytest.mark.asyncio

KIT = {
    "name": "Kaze",
    "payer": "Kaze K.K.",
    "tone": "friendly",
    "colours": ["#112233"],
    "banned_words": ["cheap"],
    "tone_words": ["trail"],
    "formality": "plain",
}


async def test_the_payer_of_the_kit_stands_beside_running_ads(
    services: Services, door: Door, accounts: Accounts, campaign: str
) -> None:
    answer = await door.call("PUT", "/api/v1/brand-kit", accounts.advertiser_key, json=KIT)
    assert answer.status_code == 200
    assert answer.json() == KIT
    again = await door.call("GET", "/api/v1/brand-kit", accounts.advertiser_key)
    assert again.json() == KIT
    async with services.db.system() as session:
        assert {ad.payer for ad in (await export_catalogue(session)).ads} == {"Kaze K.K."}


async def test_a_kit_made_many_times_at_once_is_one(services: Services, accounts: Accounts) -> None:

    async def make(number: int) -> str:
        async with services.db.tenant(accounts.advertiser) as session:
            catalog = CatalogService(session, services.ids, services.clock)
            return (await catalog.brand_kit(accounts.advertiser, f"n{number}", "p")).name

    assert len(set(await asyncio.gather(*(make(n) for n in range(6))))) == 1


@pytest.mark.parametrize(
    "changes",
    [{"payer": ""}, {"tone": "loud"}, {"colours": ["red"]}, {"surprise": 1}, {"formality": "rude"}],
)
async def test_a_kit_that_does_not_fit_is_refused(
    door: Door, accounts: Accounts, changes: dict[str, object]
) -> None:
    body = {**KIT, **changes}
    answer = await door.call("PUT", "/api/v1/brand-kit", accounts.advertiser_key, json=body)
    assert answer.status_code == 422
