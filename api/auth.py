"""Who calls: an API key, or a web app by its public id. Answers are remembered for a few seconds."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from api.exchange import Scope, header
from bootstrap.services import Services
from catalog.access import AccessService, Principal, hash_secret
from catalog.repository import Apps
from domain.errors import BadInput, NotFound, ParleyError, Unauthenticated, Unavailable
from domain.ids import check_id

#: A revoked key works on for at most this long in other processes.
TTL_S = 5.0
#: After so long it is asked again, while the old answer is still used.
_FRESH_S = TTL_S / 2
#: While the database is down nobody can revoke anything either; what was known is believed this long.
STALE_S = 60.0
_MAX_ENTRIES = 10_000
_MAX_SECRET = 200
_PREFIX = "parley_sk_"

T = TypeVar("T")


@dataclass(frozen=True)
class _Known(Generic[T]):
    """An answer: a value, or the refusal to give one."""

    at: float
    value: T | None
    refusal: ParleyError | None


class Memory(Generic[T]):
    """Remembers answers of a slow source, refusals too, for a few seconds.

    However many ask, the source is asked once at a time for each key, and again before an answer is too old to
    be used: a busy caller never waits for the database.

    Args:
        now: Seconds of a clock that only goes forward.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._known: dict[str, _Known[T]] = {}
        self._asking: dict[str, asyncio.Task[_Known[T]]] = {}

    async def get(self, key: str, ask: Callable[[], Awaitable[T]]) -> T:
        """Return the remembered answer, or ask. Raises what the source raised."""
        known = self._known.get(key)
        age = self._now() - known.at if known is not None else TTL_S
        if known is None or age > TTL_S:
            # Shielded: one caller that hangs up takes nothing from the others.
            known = await asyncio.shield(self._start(key, ask, known))
        elif age > _FRESH_S:
            self._start(key, ask, known)
        if known.refusal is not None:
            raise known.refusal.with_traceback(None)
        assert known.value is not None
        return known.value

    def asked_at(self, key: str) -> float:
        """Return when the remembered answer was given; very long ago if there is none."""
        known = self._known.get(key)
        return known.at if known is not None else float("-inf")

    def forget(self) -> None:
        """Forget everything: a key or an app has just changed in this process."""
        self._known.clear()
        # What is being asked may have been read before the change.
        self._asking.clear()

    def _start(
        self, key: str, ask: Callable[[], Awaitable[T]], known: _Known[T] | None
    ) -> asyncio.Task[_Known[T]]:
        """Return the question about a key that is under way, or put it."""
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = asyncio.create_task(self._ask(ask, known))
            task.add_done_callback(lambda done: self._learn(key, done))
        return task

    def _learn(self, key: str, task: asyncio.Task[_Known[T]]) -> None:
        """Remember what came of a question, unless everything was forgotten meanwhile."""
        failed = task.cancelled() or task.exception() is not None
        if self._asking.get(key) is not task:
            return
        del self._asking[key]
        if not failed:
            if len(self._known) >= _MAX_ENTRIES:
                self._known.pop(next(iter(self._known)))
            self._known[key] = task.result()

    async def _ask(self, ask: Callable[[], Awaitable[T]], known: _Known[T] | None) -> _Known[T]:
        value: T | None = None
        refusal: ParleyError | None = None
        try:
            value = await ask()
        except Unavailable:
            if known is not None and self._now() - known.at <= STALE_S:
                return known
            raise
        except ParleyError as error:
            refusal = error
        return _Known(self._now(), value, refusal)


class Authenticator:
    """Finds out who calls, for the hot path and for FastAPI alike.

    Args:
        services: Where keys and apps are kept.
        now: Seconds of a clock that only goes forward; default: the running loop's.
    """

    def __init__(self, services: Services, now: Callable[[], float] | None = None) -> None:
        self._services = services
        clock = now or asyncio.get_running_loop().time
        self._principals: Memory[Principal] = Memory(clock)
        self._owners: Memory[str] = Memory(clock)
        self._now = clock
        #: Who called with this key for this app, and until when both answers are fresh.
        self._recent: dict[tuple[bytes, str], tuple[Principal, float]] = {}

    def recent(self, authorization: bytes, app_id: str) -> Principal | None:
        """Return who calls for an app if both was found out just now; None: ask `caller`.

        Args:
            authorization: The header as it was sent.
            app_id: The app named in the body.
        """
        found = self._recent.get((_digest(authorization), app_id))
        return found[0] if found is not None and self._now() < found[1] else None

    async def caller(self, scope: Scope, app_id: str | None = None) -> Principal:
        """Return who calls.

        Args:
            scope: The ASGI scope, for its headers.
            app_id: On the ad routes, the app named in the body: a web app needs no key.

        Raises:
            Unauthenticated: without a usable key.
            NotFound: if the key may not speak for that app.
            Unavailable: if the database is down and the answer is not known.
        """
        secret = secret_of(scope)
        if secret is None:
            return await self._web_app(app_id)
        principal = await self._by_secret(secret)
        if app_id is not None:
            await self._check_app(principal, app_id)
            self._remember(scope, secret, app_id, principal)
        return principal

    def _remember(self, scope: Scope, secret: str, app_id: str, principal: Principal) -> None:
        sent = header(scope, b"authorization")
        if sent is None:
            return
        asked_at = (
            self._principals.asked_at(hash_secret(secret)), self._owners.asked_at(app_id)
        )  # fmt: skip
        if len(self._recent) >= _MAX_ENTRIES:
            self._recent.clear()
        self._recent[_digest(sent), app_id] = principal, min(asked_at) + _FRESH_S

    def forget(self) -> None:
        """Forget remembered answers, after keys or apps have changed."""
        self._principals.forget()
        self._owners.forget()
        self._recent.clear()

    async def _by_secret(self, secret: str) -> Principal:
        async def ask() -> Principal:
            async with self._services.db.system() as session:
                return await self._access(session).authenticate(secret)

        return await self._principals.get(hash_secret(secret), ask)

    async def _web_app(self, app_id: str | None) -> Principal:
        if app_id is None or not _is_app_id(app_id):
            raise Unauthenticated(
                "key_missing", "Send an API key: Authorization: Bearer parley_sk_…."
            )

        async def ask() -> Principal:
            async with self._services.db.system() as session:
                return await self._access(session).web_app(app_id)

        return await self._principals.get(app_id, ask)

    async def _check_app(self, principal: Principal, app_id: str) -> None:
        if not _is_app_id(app_id) or principal.app_id not in (None, app_id):
            raise _unknown_app(app_id)

        async def ask() -> str:
            async with self._services.db.system() as session:
                app = await Apps(session).find(app_id)
            if app is None:
                raise _unknown_app(app_id)
            return app.org_id

        if await self._owners.get(app_id, ask) != principal.org_id:
            raise _unknown_app(app_id)

    def _access(self, session: AsyncSession) -> AccessService:
        parts = self._services
        return AccessService(session, parts.ids, parts.clock, parts.new_secret)


def secret_of(scope: Scope) -> str | None:
    """Return the secret that the caller sent, or None without one.

    Raises:
        Unauthenticated: if what was sent cannot be one of our keys.
    """
    bearer = header(scope, b"authorization")
    if bearer is not None:
        kind, _, raw = bearer.partition(b" ")
        if kind.lower() != b"bearer":
            raise Unauthenticated(
                "key_scheme", "Send the API key as Authorization: Bearer parley_sk_…."
            )
    else:
        found = header(scope, b"x-api-key")
        if found is None:
            return None
        raw = found
    secret = raw.strip().decode("latin-1")
    if not secret.startswith(_PREFIX) or not secret.isascii() or len(secret) > _MAX_SECRET:
        raise Unauthenticated("key_malformed", f"An API key starts with {_PREFIX}; check yours.")
    return secret


def _digest(sent: bytes) -> bytes:
    # What is remembered of a secret is its hash; of the good ones this is made fastest.
    return hashlib.blake2s(sent).digest()


def address_of(scope: Scope) -> str:
    """Return the caller's address as the server sees it."""
    client = scope.get("client")
    return str(client[0]) if client else "unknown"


def _is_app_id(value: str) -> bool:
    try:
        check_id(value, "app")
    except BadInput:
        return False
    return True


def _unknown_app(app_id: str) -> NotFound:
    return NotFound("app_not_found", f"There is no app {app_id[:40]!r} that this key can see.")
