"""Shared state of serving in one atomic trip: the question, the verdict and the Redis implementation.

Cooldown is measured with the service's own clock (passed in, recorded, replayable), not with the server's:
a clock that goes backwards finds `now < last + pause` and grants nothing. Budgets count what the ledger
has booked plus what is held for offers still open; a campaign whose counter is missing gets no ad.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from domain.errors import Unavailable
from domain.formats import COOLDOWN_MS
from fastpath.caps import CapKey as CapKey
from fastpath.caps import caps_of as caps_of

_FOLDER: Final = Path(__file__).parent
IDEMPOTENCY_TTL_MS: Final = 24 * 3_600_000
STICKY_TTL_MS: Final = 24 * 3_600_000
#: How long a conversation's counts of showings are kept after the last one, and for how many campaigns.
SHOWN_TTL_MS: Final = 24 * 3_600_000
SHOWN_CAMPAIGNS: Final = 32
STREAM_LENGTH: Final = 1_000_000


class Verdict(StrEnum):
    """What the state said."""

    GRANTED = "granted"
    REFUSED = "refused"
    COOLDOWN = "cooldown"
    BUDGET = "budget"
    STATE_UNAVAILABLE = "state_unavailable"
    SENSITIVE = "sensitive"
    FREQUENCY = "frequency"


#: Verdicts after which another candidate may be tried.
TRY_ANOTHER: Final = frozenset({Verdict.BUDGET, Verdict.FREQUENCY})
#: Order of the answers in the script's arguments.
VERDICTS: Final = tuple(Verdict)


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """One decision that asks the state for leave.

    Attributes:
        app_id, conversation_id, message_id: Together the idempotency key; the first two the cooldown key.
        request_id: Names hold and offer.
        now_ms: The service's clock. day: its UTC day, `YYYYMMDD`.
        wants_ad: False only records and repeats a refusal made before.
        sensitive: The conversation has just been found sensitive; stays so for a day.
        campaign_id: Whose budget bears it; empty without an ad.
        hold_micros: What the offer can cost at most; 0 needs no budget.
        hold_expires_ms: When an unused hold is given back.
        budget_total_micros, budget_daily_micros: Caps, None = none.
        caps: Frequency caps of the candidate, from `caps_of`; a grant counts in each of them.
        final: False: when budget or a cap is used up, write nothing, another candidate will be tried.
        offer: Stored under the request id for whoever books events.
        offer_ttl_ms: How long.
        record: Decision record.
        answers: Answer bytes by verdict.
        overruled: What stands before and after the verdict in the answers to verdicts that have none there.
    """

    app_id: str
    conversation_id: str
    message_id: str
    request_id: str
    now_ms: int
    day: str
    wants_ad: bool
    sensitive: bool = False
    campaign_id: str = ""
    hold_micros: int = 0
    hold_expires_ms: int = 0
    budget_total_micros: int | None = None
    budget_daily_micros: int | None = None
    caps: tuple[CapKey, ...] = ()
    final: bool = True
    offer: bytes = b""
    offer_ttl_ms: int = 1
    record: bytes = b""
    answers: dict[Verdict, bytes] = {}
    overruled: tuple[bytes, bytes] = (b"", b"")

    def said(self, verdict: Verdict) -> bytes:
        """Return the answer to a verdict; empty if there is none."""
        found = self.answers.get(verdict)
        if found is None:
            before, after = self.overruled
            return before + verdict.value.encode("ascii") + after if before else b""
        return found


class Ruling(msgspec.Struct, frozen=True):
    """What the state decided.

    Attributes:
        verdict: See `Verdict`.
        answer: The bytes to send; of the first request when this one repeats it.
        repeated: Whether the message had been answered before.
        cap: Scope of the frequency cap that was reached, or "".
        shown: Grants of the last day in this conversation by campaign id, this one included; for the fatigue
            of the next decision. Empty in a repeated answer.
    """

    verdict: Verdict
    answer: bytes
    repeated: bool
    cap: str = ""
    shown: tuple[tuple[str, int], ...] = ()


class Reservation(Protocol):
    """Shared serving state; `RedisReservation` and `LocalReservation` pass the same tests."""

    async def reserve(self, ask: Ask) -> Ruling:
        """Decide atomically; raises `Unavailable` (`state_unavailable`) when the state is down."""
        ...

    async def settle(
        self, campaign_id: str, request_id: str, *, spent_micros: int, day: str
    ) -> bool:
        """Replace a hold by what was spent; False if there was no hold (any more)."""
        ...

    async def release(
        self, campaign_id: str, request_id: str, caps: tuple[CapKey, ...] = ()
    ) -> bool:
        """Give back what a grant took that never reached the host: its hold, and its place in caps."""
        ...

    async def set_spent(
        self, campaign_id: str, *, total_micros: int, day: str, daily_micros: int
    ) -> None:
        """Set the counters of a campaign to what the ledger says."""
        ...

    async def held(self, campaign_id: str, *, now_ms: int, day: str) -> tuple[int, int]:
        """Return the micros held for open offers of a campaign, in all and of one day."""
        ...


class EvalClient(Protocol):
    """The two calls this package needs of a Redis client; `redis.asyncio.Redis` fits."""

    def script_load(self, script: str) -> Awaitable[Any]:
        """Load a script and return its SHA-1."""
        ...

    def evalsha(self, sha: str, numkeys: int, *keys_and_args: Any) -> Awaitable[Any]:
        """Run a loaded script."""
        ...


class Keys:
    """Names of all keys. One server holds them all.

    A script takes keys of a conversation, a campaign and an account in one trip, so on a cluster all of them
    must lie in one slot: set a `{hash tag}` as prefix and give the serving state a shard of its own.

    Args:
        prefix: Put before every key, e.g. for tests that share a server.
    """

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix
        self.decisions = f"{prefix}parley:decisions"

    def offer(self, request_id: str) -> str:
        """Return the key of an open offer."""
        return f"{self._prefix}offer:{request_id}"

    def spent(self, campaign_id: str) -> str:
        """Return the hash of booked micros: `total` and `d:<day>`."""
        return f"{self._prefix}parley:spent:{campaign_id}"

    def holds(self, campaign_id: str) -> tuple[str, str, str]:
        """Return the keys of held sums, hold expiries and holds by request."""
        base = f"{self._prefix}parley:hold:{campaign_id}"
        return f"{base}:sum", f"{base}:exp", f"{base}:req"

    def cap(self, key: str) -> str:
        """Return the sorted set of a frequency cap: request ids by the time of their grant."""
        return f"{self._prefix}parley:cap:{key}"

    def conversation(self, kind: str, *parts: str) -> str:
        """Return a key over host-chosen ids, hashed: they may be long, odd or identifying."""
        return f"{self._prefix}parley:{kind}:{_digest(parts).hexdigest()}"

    def message(self, app: str, conversation: str, message: str) -> tuple[str, str, str, str]:
        """Return the keys `idem` of a message, and `cool`, `sticky` and `shown` of its conversation.

        The names are those of `conversation`; hashing its ids once for all four is what a decision can afford.
        """
        digest = _digest((app, conversation))
        talk, prefix = digest.hexdigest(), f"{self._prefix}parley"
        digest.update(_sized(message))
        idem = f"{prefix}:idem:{digest.hexdigest()}"
        return idem, f"{prefix}:cool:{talk}", f"{prefix}:sticky:{talk}", f"{prefix}:shown:{talk}"


def _digest(parts: Iterable[str]) -> hashlib.blake2b:
    return hashlib.blake2b(b"".join(map(_sized, parts)), digest_size=16)


def _sized(part: str) -> bytes:
    raw = part.encode("utf-8", "replace")
    return len(raw).to_bytes(4, "big") + raw


class RedisReservation:
    """The state in Redis or Valkey, one EVALSHA per decision.

    Args:
        client: See `EvalClient`.
        keys: Key names.
        cooldown_ms: Pause between two ads of one conversation.
        timeout_s: A slower answer counts as "down"; None: the client itself gives up in time.
    """

    def __init__(
        self,
        client: EvalClient,
        *,
        keys: Keys | None = None,
        cooldown_ms: int = COOLDOWN_MS,
        timeout_s: float | None = 0.5,
    ) -> None:
        self._client = client
        self.keys = keys or Keys()
        self._cooldown_ms = cooldown_ms
        self._timeout_s = timeout_s
        self._shas: dict[str, str] = {}

    async def reserve(self, ask: Ask) -> Ruling:
        """Decide atomically.

        Raises:
            Unavailable: `state_unavailable`.
        """
        k = self.keys
        idem, cool, sticky, shown_key = k.message(ask.app_id, ask.conversation_id, ask.message_id)
        keys = (
            idem,
            cool,
            sticky,
            k.spent(ask.campaign_id),
            *k.holds(ask.campaign_id),
            k.decisions,
            k.offer(ask.request_id),
            shown_key,
            *(k.cap(cap.key) for cap in ask.caps),
        )
        args: tuple[Any, ...] = (
            ask.now_ms, self._cooldown_ms, int(ask.wants_ad), int(ask.sensitive), ask.request_id,
            ask.hold_micros, ask.hold_expires_ms, ask.day, _cap(ask.budget_total_micros),
            _cap(ask.budget_daily_micros), int(ask.final), IDEMPOTENCY_TTL_MS, STICKY_TTL_MS,
            ask.offer, ask.offer_ttl_ms, STREAM_LENGTH, ask.record,
            *[ask.answers.get(verdict, b"") for verdict in VERDICTS], *ask.overruled,
            ask.campaign_id, SHOWN_TTL_MS, SHOWN_CAMPAIGNS,
            *(part for cap in ask.caps for part in (cap.limit, cap.window_ms, cap.scope.value)),
        )  # fmt: skip
        verdict, answer, repeated, cap, flat = await self._run("reserve.lua", keys, args)
        shown = tuple((_text(c), int(n)) for c, n in zip(flat[::2], flat[1::2], strict=True))
        said = Verdict(_text(verdict))
        # What was asked is not sent back.
        given = _bytes(answer) if repeated else b""
        if not repeated and (ask.final or said not in TRY_ANOTHER):
            given = ask.said(said)
        return Ruling(said, given, bool(repeated), cap=_text(cap), shown=shown)

    async def settle(
        self, campaign_id: str, request_id: str, *, spent_micros: int, day: str
    ) -> bool:
        """Replace a hold by what was spent; False if there was no hold (any more)."""
        keys = (self.keys.spent(campaign_id), *self.keys.holds(campaign_id))
        return bool(await self._run("settle.lua", keys, (request_id, spent_micros, day)))

    async def release(
        self, campaign_id: str, request_id: str, caps: tuple[CapKey, ...] = ()
    ) -> bool:
        """Give back what a grant took that never reached the host: its hold, and its place in caps."""
        k = self.keys
        keys = (k.spent(campaign_id), *k.holds(campaign_id), *(k.cap(cap.key) for cap in caps))
        return bool(await self._run("settle.lua", keys, (request_id, 0, "")))

    async def set_spent(
        self, campaign_id: str, *, total_micros: int, day: str, daily_micros: int
    ) -> None:
        """Set the counters of a campaign to what the ledger says."""
        keys = (self.keys.spent(campaign_id),)
        await self._run("spent.lua", keys, (total_micros, day, daily_micros))

    async def held(self, campaign_id: str, *, now_ms: int, day: str) -> tuple[int, int]:
        """Return the micros held for open offers of a campaign, in all and of one day."""
        keys = self.keys.holds(campaign_id)
        total, today = await self._run("held.lua", keys, (now_ms, day))
        return int(total), int(today)

    async def pass_on(self, decisions: Sequence[tuple[str, Verdict, bytes]]) -> None:
        """Put decisions of another state, (request id, verdict, record), into the stream of those to be kept.

        Raises:
            Unavailable: `state_unavailable`; whether they are in it is not known then.
        """
        parts = (part for name, said, record in decisions for part in (name, said.value, record))
        await self._run("pass_on.lua", (self.keys.decisions,), (STREAM_LENGTH, *parts))

    async def _run(self, name: str, keys: tuple[str, ...], args: tuple[Any, ...]) -> Any:
        try:
            if self._timeout_s is None:
                return await self._ask(name, keys, args)
            async with asyncio.timeout(self._timeout_s):
                return await self._ask(name, keys, args)
        except (
            Exception
        ) as error:  # whatever client it is: a state that cannot be asked grants nothing
            raise Unavailable(
                "state_unavailable",
                "The serving state (Redis) cannot be reached, so no ad is shown; check REDIS_URL.",
            ) from error

    async def _ask(self, name: str, keys: tuple[str, ...], args: tuple[Any, ...]) -> Any:
        sha = self._shas.get(name) or await self._load(name)
        try:
            return await self._client.evalsha(sha, len(keys), *keys, *args)
        except Exception as error:
            if "NOSCRIPT" not in f"{type(error).__name__} {error}".upper():
                raise
            # The server was restarted and has forgotten its scripts.
            sha = await self._load(name)
            return await self._client.evalsha(sha, len(keys), *keys, *args)

    async def _load(self, name: str) -> str:
        sha = _text(await self._client.script_load((_FOLDER / name).read_text("utf-8")))
        self._shas[name] = sha
        return sha


def _cap(micros: int | None) -> int:
    return -1 if micros is None else micros


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
