"""The door on the real parts: an application with its lifespan, accounts on both sides, an ad that runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest_asyncio

from api.app import create_app
from api.front import Front
from billing.service import PLATFORM
from bootstrap.services import Services
from bootstrap.settings import Settings
from bootstrap.snapshots import compile_and_publish
from catalog.access import ADVERTISER_SCOPES, PUBLISHER_SCOPES, AccessService
from catalog.lifecycle import CampaignStatus
from catalog.repository import Organisations
from catalog.service import CatalogService
from catalog.specs import CampaignSpec, CreativeSpec
from catalog.tables import Organisation
from domain.catalogue import AdText
from domain.formats import AdFormat, BidModel
from domain.time import Clock, utc

TEXT = AdText(title="Trail shoes for wet rock", description="Sticky rubber.", cta_text="See them")
ASK = "Which trail running shoes should I buy? Please recommend the best pair."


@dataclass(frozen=True)
class Accounts:
    """One advertiser, one publisher with a web app and one with a secret, and a stranger of each kind."""

    advertiser: str
    advertiser_key: str
    publisher: str
    publisher_key: str
    web_app: str
    key_app: str
    stranger_key: str
    stranger_app: str


async def make_accounts(services: Services, tier: str = "pro") -> Accounts:
    """Create the organisations, apps and keys."""
    async with services.db.system() as session:
        if await Organisations(session).find(PLATFORM) is None:
            await Organisations(session).add(
                Organisation(
                    id=PLATFORM, created_at=utc(services.clock.now_ms()), kind="platform",
                    name="Parley", legal_name="Parley",
                )
            )  # fmt: skip
        access = AccessService(session, services.ids, services.clock, services.new_secret)
        advertiser = await access.create_organisation("advertiser", "Ridgeline", tier=tier)
        publisher = await access.create_organisation("publisher", "Chat", tier=tier)
        stranger = await access.create_organisation("publisher", "Stranger", tier=tier)
        web = await access.create_app(publisher.id, "Web chat", web=True)
        keyed = await access.create_app(publisher.id, "Server chat")
        theirs = await access.create_app(stranger.id, "Their chat")
        _, advertiser_key = await access.issue_key(advertiser.id, ADVERTISER_SCOPES, name="a")
        _, publisher_key = await access.issue_key(publisher.id, PUBLISHER_SCOPES, name="p")
        every = sorted({*ADVERTISER_SCOPES, *PUBLISHER_SCOPES})
        _, stranger_key = await access.issue_key(stranger.id, every, name="s")
    return Accounts(
        advertiser.id, advertiser_key, publisher.id, publisher_key, web.id, keyed.id, stranger_key,
        theirs.id,
    )  # fmt: skip


async def make_campaign(
    services: Services,
    org_id: str,
    *,
    total: int | None = 100_000_000,
    daily: int | None = None,
    bid: int = 500_000,
    model: BidModel = BidModel.CPC,
) -> str:
    """Create and launch a campaign with one action card, and publish a snapshot with it."""
    spec = CampaignSpec(
        name="Shoes", currency="USD", bid_micros=bid, bid_model=model, budget_total_micros=total,
        budget_daily_micros=daily,
    )  # fmt: skip
    async with services.db.system() as session:
        catalog = CatalogService(session, services.ids, services.clock)
        campaign = await catalog.create_campaign(org_id, spec, who="test")
        await catalog.add_creatives(
            campaign,
            [
                CreativeSpec(
                    key="one", format=AdFormat.ACTION_CARD, texts={"eng": TEXT, "jpn": TEXT},
                    landing_url="https://shop.example/trail", tags=("trail running shoes",),
                )
            ],
        )  # fmt: skip
        for creative in await catalog.creatives.of(campaign.id):
            creative.status = "approved"
        await session.flush()
        for status in (CampaignStatus.IN_REVIEW, CampaignStatus.APPROVED):
            await catalog.move(campaign.id, status, who="test", why="test")
        await catalog.launch(campaign.id, who="test", why="test")
    await compile_and_publish(services)
    return campaign.id


@dataclass(frozen=True)
class Door:
    """An open application and a client that stands before it."""

    front: Front
    http: httpx.AsyncClient

    async def call(
        self, method: str, path: str, key: str | None = None, **kwargs: Any
    ) -> httpx.Response:
        """Send a request, with a key."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return await self.http.request(
            method, path, headers={**headers, **kwargs.pop("headers", {})}, **kwargs
        )

    async def ask(self, app: str, key: str | None = None, **changes: Any) -> dict[str, Any]:
        """Ask for an ad in a fresh conversation."""
        number = str(id(changes)) + str(asyncio.get_running_loop().time())
        body = {
            "appId": app, "conversationId": f"c-{number}", "messageId": "m", "contextText": ASK,
            **changes,
        }  # fmt: skip
        answer = await self.call("POST", "/api/requests", key, json=body)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def serving(self, campaigns: int = 1) -> None:
        """Return when the newest snapshot is mapped."""
        async with asyncio.timeout(10):
            while True:
                engine = self.front.app.state.parley.fastpath()
                if engine is not None and engine.snapshot.manifest.ads >= campaigns:
                    return
                await asyncio.sleep(0.02)


@asynccontextmanager
async def open_door(settings: Settings, clock: Clock | None = None) -> AsyncIterator[Door]:
    """Open an application as a server would."""
    front = create_app(settings, clock=clock)
    transport = httpx.ASGITransport(app=front)
    async with (
        front.app.router.lifespan_context(front.app),
        httpx.AsyncClient(transport=transport, base_url="http://parley.test") as http,
    ):
        yield Door(front, http)


@pytest_asyncio.fixture
async def door(services: Services) -> AsyncIterator[Door]:
    """An open application on empty data."""
    async with open_door(services.settings) as opened:
        yield opened


@pytest_asyncio.fixture
async def accounts(services: Services) -> Accounts:
    """Organisations, apps and keys."""
    return await make_accounts(services)


Launch = Callable[..., Awaitable[str]]


@pytest_asyncio.fixture
async def campaign(services: Services, accounts: Accounts, door: Door) -> str:
    """A live campaign of the advertiser that the door already serves."""
    campaign_id = await make_campaign(services, accounts.advertiser)
    await door.serving()
    return campaign_id
