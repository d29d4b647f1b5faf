"""The accounts of a local installation: an advertiser, a publisher with a web app, and their keys."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from billing.service import PLATFORM
from bootstrap.services import Services
from catalog.access import ADVERTISER_SCOPES, PUBLISHER_SCOPES, AccessService
from catalog.repository import Apps, Organisations
from catalog.service import CatalogService
from catalog.tables import Organisation
from domain.errors import BadInput, Unauthenticated
from domain.time import utc

_FILE = "accounts.json"
_ADVERTISER = "Local advertiser"


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
    """Return the local accounts: made anew if file or rows are missing, with new keys for dead ones.

    The rows are committed before the file is written: a crash between the two leaves rows that
    nobody has a key for, and the next start makes new ones.
    """
    home = services.settings.parley_home
    known = read_accounts(home)
    async with services.db.system() as session:
        access = AccessService(session, services.ids, services.clock, services.new_secret)
        if known is not None and await Apps(session).find(known.app_id) is not None:
            accounts = await _with_working_keys(access, known)
        else:
            await _ensure_platform(Organisations(session), services)
            accounts = await _new_accounts(access)
            catalog = CatalogService(session, services.ids, services.clock)
            await catalog.brand_kit(accounts.advertiser_id, _ADVERTISER, _ADVERTISER)
    if accounts != known:
        _write_private(home / _FILE, msgspec.json.format(msgspec.json.encode(accounts)))
    return accounts


async def _new_accounts(access: AccessService) -> LocalAccounts:
    advertiser = await access.create_organisation("advertiser", _ADVERTISER, tier="pro")
    publisher = await access.create_organisation("publisher", "Local chat", tier="pro")
    app = await access.create_app(publisher.id, "Local demo chat", default_geo="US", web=True)
    return LocalAccounts(
        advertiser_id=advertiser.id,
        advertiser_key=await _key(access, advertiser.id, ADVERTISER_SCOPES),
        publisher_id=publisher.id,
        publisher_key=await _key(access, publisher.id, PUBLISHER_SCOPES),
        app_id=app.id,
    )


async def _with_working_keys(access: AccessService, known: LocalAccounts) -> LocalAccounts:
    """Return the accounts with new keys for those that were revoked or have run out."""
    if not await _works(access, known.advertiser_key):
        key = await _key(access, known.advertiser_id, ADVERTISER_SCOPES)
        known = msgspec.structs.replace(known, advertiser_key=key)
    if not await _works(access, known.publisher_key):
        key = await _key(access, known.publisher_id, PUBLISHER_SCOPES)
        known = msgspec.structs.replace(known, publisher_key=key)
    return known


async def _key(access: AccessService, org_id: str, scopes: Sequence[str]) -> str:
    _, secret = await access.issue_key(org_id, scopes, name="local")
    return secret


async def _works(access: AccessService, secret: str) -> bool:
    try:
        await access.authenticate(secret)
    except Unauthenticated:
        return False
    return True


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
