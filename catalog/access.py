"""Who may do what: organisations, apps and API keys."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.controls import AppControls, check_controls
from catalog.repository import ApiKeys, Apps, Organisations
from catalog.tables import ApiKey, App, Organisation
from domain.errors import BadInput, Forbidden, Unauthenticated
from domain.formats import AdFormat
from domain.geo import COUNTRIES
from domain.ids import Ids
from domain.money import Money, check_currency
from domain.time import Clock, utc

#: What a key can be allowed to do.
SCOPES: dict[str, str] = {
    "campaigns:read": "see campaigns, runs and sources",
    "campaigns:write": "create campaigns and upload sources",
    "approvals:write": "approve or reject what waits for a person",
    "reports:read": "see reports, events and money",
    "ads:serve": "ask for ads",
    "ads:test": "ask for test ads, which are never billed",
    "events:write": "send impressions, clicks, submits and dismissals",
    "keys:write": "make, rotate and revoke keys",
}
ADVERTISER_SCOPES = (
    "campaigns:read", "campaigns:write", "approvals:write", "reports:read", "keys:write",
)  # fmt: skip
PUBLISHER_SCOPES = ("ads:serve", "ads:test", "events:write", "reports:read", "keys:write")
_PREFIX = "parley_sk_"


class Principal(msgspec.Struct, frozen=True):
    """Who calls: an organisation through one of its keys, or a web app by its public id.

    Attributes:
        org_id: Organisation.
        key_id: Key, or None for a web app without a secret.
        scopes: What it may do.
        app_id: The only app the caller may speak for, if it is bound to one.
        tier: Rate tier, `free` or `pro`.
    """

    org_id: str
    key_id: str | None
    scopes: frozenset[str]
    app_id: str | None
    tier: str

    def need(self, scope: str) -> None:
        """Raise `Forbidden` unless the caller has the scope."""
        if scope not in self.scopes:
            raise Forbidden(
                "scope_missing",
                f"This key may not {SCOPES[scope]}; use one with the scope {scope}.",
            )


class AccessService:
    """Makes and checks keys inside one unit of work of the system role.

    Args:
        session: The open unit of work.
        ids: Where new ids come from.
        clock: Where "now" comes from.
        new_secret: Returns a fresh secret of at least 256 random bits.
    """

    def __init__(
        self, session: AsyncSession, ids: Ids, clock: Clock, new_secret: Callable[[], str]
    ) -> None:
        self.session = session
        self.ids = ids
        self.clock = clock
        self._new_secret = new_secret

    async def create_organisation(
        self, kind: str, name: str, *, legal_name: str | None = None, tier: str = "free"
    ) -> Organisation:
        """Create an organisation (`advertiser`, `publisher` or `platform`)."""
        if kind not in ("advertiser", "publisher", "platform"):
            raise BadInput("bad_kind", f"{kind!r} is not a kind of organisation.")
        if not name.strip():
            raise BadInput("name_missing", "Give the organisation a name.")
        return await Organisations(self.session).add(
            Organisation(
                id=self.ids.new("org"),
                created_at=self._now(),
                kind=kind,
                name=name,
                legal_name=legal_name or name,
                tier=tier,
            )
        )

    async def create_app(
        self,
        org_id: str,
        name: str,
        *,
        formats: Sequence[AdFormat] = tuple(AdFormat),
        currency: str = "USD",
        reserve_micros: int | None = None,
        default_geo: str | None = None,
        web: bool = False,
        controls: AppControls | None = None,
    ) -> App:
        """Create a publisher app; without a reserve it gets five of the smallest units of its currency."""
        check_currency(currency)
        chosen = controls or AppControls()
        check_controls(chosen)
        if default_geo is not None and default_geo not in COUNTRIES:
            raise BadInput(
                "unknown_geo", f"{default_geo!r} is not an ISO 3166 country code such as JP or US."
            )
        if reserve_micros is None:
            reserve_micros = Money.of_minor(5, currency).micros
        return await Apps(self.session).add(
            App(
                id=self.ids.new("app"),
                org_id=org_id,
                created_at=self._now(),
                name=name,
                formats=[str(f) for f in formats],
                currency=currency,
                reserve_micros=reserve_micros,
                default_geo=default_geo,
                web=web,
                relevance_floor_ppm=chosen.relevance_floor_ppm,
                allowed_advertisers=list(chosen.allowed_advertisers),
                blocked_advertisers=list(chosen.blocked_advertisers),
                blocked_topics=list(chosen.blocked_topics),
                passes_user_ids=chosen.passes_user_ids,
            )
        )

    async def change_app(self, app_id: str, controls: AppControls) -> App:
        """Replace what a host wants and does not want; the caller announces it to the compiler."""
        check_controls(controls)
        app = await Apps(self.session).get(app_id, lock=True)
        app.relevance_floor_ppm = controls.relevance_floor_ppm
        app.allowed_advertisers = list(controls.allowed_advertisers)
        app.blocked_advertisers = list(controls.blocked_advertisers)
        app.blocked_topics = list(controls.blocked_topics)
        app.passes_user_ids = controls.passes_user_ids
        await self.session.flush()
        return app

    async def issue_key(
        self,
        org_id: str,
        scopes: Sequence[str],
        *,
        name: str,
        app_id: str | None = None,
        expires_at: datetime | None = None,
        replaces: str | None = None,
    ) -> tuple[ApiKey, str]:
        """Make a key; the secret in the answer is shown once and cannot be read again."""
        unknown = sorted(set(scopes) - SCOPES.keys())
        if unknown or not scopes:
            raise BadInput("bad_scope", f"Unknown scopes {unknown}; possible: {', '.join(SCOPES)}.")
        secret = _PREFIX + self._new_secret()
        key = await ApiKeys(self.session).add(
            ApiKey(
                id=self.ids.new("key"),
                org_id=org_id,
                created_at=self._now(),
                name=name,
                secret_hash=hash_secret(secret),
                hint=secret[-4:],
                scopes=sorted(set(scopes)),
                app_id=app_id,
                expires_at=expires_at,
                replaces=replaces,
            )
        )
        return key, secret

    async def rotate_key(
        self, key_id: str, *, grace: timedelta = timedelta(hours=24)
    ) -> tuple[ApiKey, str]:
        """Make a successor with the same rights; the old key works on for the grace period."""
        old = await ApiKeys(self.session).get(key_id, lock=True)
        until = self._now() + grace
        old.expires_at = min(old.expires_at, until) if old.expires_at else until
        return await self.issue_key(
            old.org_id, old.scopes, name=old.name, app_id=old.app_id, replaces=old.id
        )

    async def revoke_key(self, key_id: str) -> None:
        """End a key at once."""
        key = await ApiKeys(self.session).get(key_id, lock=True)
        key.revoked_at = key.revoked_at or self._now()

    async def authenticate(self, secret: str) -> Principal:
        """Return who holds the secret.

        Raises:
            Unauthenticated: if it is unknown, revoked or expired.
        """
        key = await ApiKeys(self.session).by_hash(hash_secret(secret))
        if key is None:
            raise Unauthenticated(
                "key_unknown", "This API key is not known; check it or make a new one."
            )
        if key.revoked_at is not None:
            raise Unauthenticated("key_revoked", "This API key has been revoked; make a new one.")
        if key.expires_at is not None and key.expires_at <= self._now():
            raise Unauthenticated("key_expired", "This API key has expired; make a new one.")
        org = await Organisations(self.session).get(key.org_id)
        return Principal(key.org_id, key.id, frozenset(key.scopes), key.app_id, org.tier)

    async def web_app(self, app_id: str) -> Principal:
        """Return the principal of a web app that has no secret.

        Raises:
            Unauthenticated: if the app is unknown, inactive or must use a key.
        """
        app = await Apps(self.session).find(app_id)
        if app is None or not app.web or app.status != "active":
            raise Unauthenticated(
                "key_missing", "Send an API key: Authorization: Bearer parley_sk_…."
            )
        org = await Organisations(self.session).get(app.org_id)
        scopes = frozenset({"ads:serve", "events:write"})
        return Principal(app.org_id, None, scopes, app.id, org.tier)

    def _now(self) -> datetime:
        return utc(self.clock.now_ms())


def hash_secret(secret: str) -> str:
    """Return the SHA-256 of a secret; enough, since secrets carry 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()
