"""The accounts of a local installation: an advertiser, a publisher with a web app, and their keys."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from billing.service import PLATFORM
from bootstrap.services import Services
from catalog.access import ADVERTISER_SCOPES, PUBLISHER_SCOPES, AccessService
from catalog.repository import Apps, Organisations
from catalog.service import CatalogService
from catalog.tables import Organisation
from domain.errors import BadInput
from domain.time import utc

_FILE = "accounts.json"


class LocalAccounts(msgspec.Struct, frozen=True):
    """Who this installation's own commands act as.

    Attributes:
        advertiser_key, publisher_key: Secrets; the file that holds them is readable by its owner only.
        app_id: The publisher's web app.
    """

    advertiser_id: str
    advertiser_key: str
    publisher_id: str
    publisher_key: str
    app_id: str


def read_accounts(home: Path) -> LocalAccounts | None:
    """Return the accounts kept in `home`, or None if there are none yet."""
    path = home / _FILE
    if not path.exists():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=LocalAccounts)
    except msgspec.DecodeError as error:
        raise BadInput(
            "accounts_damaged", f"{path} cannot be read; remove it and start again to get new keys."
        ) from error


async def ensure_accounts(services: Services) -> LocalAccounts:
    """Return the local accounts, made anew if the file or their rows are missing.

    The rows are committed before the file is written: a crash between the two leaves rows that
    nobody has a key for, and the next start makes new ones.
    """
    home = services.settings.parley_home
    known = read_accounts(home)
    if known is not None and await _still_there(services, known):
        return known
    async with services.db.system() as session:
        await _ensure_platform(Organisations(session), services)
        access = AccessService(session, services.ids, services.clock, services.new_secret)
        advertiser = await access.create_organisation("advertiser", "Local advertiser", tier="pro")
        publisher = await access.create_organisation("publisher", "Local chat", tier="pro")
        app = await access.create_app(publisher.id, "Local demo chat", default_geo="US", web=True)
        _, advertiser_key = await access.issue_key(advertiser.id, ADVERTISER_SCOPES, name="local")
        _, publisher_key = await access.issue_key(publisher.id, PUBLISHER_SCOPES, name="local")
        catalog = CatalogService(session, services.ids, services.clock)
        await catalog.brand_kit(advertiser.id, advertiser.name, advertiser.legal_name)
    accounts = LocalAccounts(advertiser.id, advertiser_key, publisher.id, publisher_key, app.id)
    _write_private(home / _FILE, msgspec.json.format(msgspec.json.encode(accounts)))
    return accounts


async def _still_there(services: Services, accounts: LocalAccounts) -> bool:
    async with services.db.system() as session:
        return await Apps(session).find(accounts.app_id) is not None


async def _ensure_platform(organisations: Organisations, services: Services) -> None:
    if await organisations.find(PLATFORM) is None:
        await organisations.add(
            Organisation(
                id=PLATFORM,
                created_at=utc(services.clock.now_ms()),
                kind="platform",
                name="Parley",
                legal_name="Parley",
                tier="pro",
            )
        )


def _write_private(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
    draft.replace(path)
