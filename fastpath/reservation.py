"""Shared state of serving in one atomic trip: the question, the verdict and the Redis implementation.

Cooldown is measured with the service's own clock (passed in, recorded, replayable), not with the server's:
a clock that goes backwards finds `now < last + pause` and grants nothing. Budgets count what the ledger
has booked plus what is held for offers still open; a campaign whose counter is missing gets no ad.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Protocol, runtime_checkable

import msgspec

from domain.errors import Unavailable
from domain.formats import COOLDOWN_MS
from fastpath._trip import Parts, command
from fastpath.caps import CapKey as CapKey
from fastpath.caps import caps_of as caps_of

_FOLDER: Final = Path(__file__).parent
IDEMPOTENCY_TTL_MS: Final = 24 * 3_600_000
STICKY_TTL_MS: Final = 24 * 3_600_000
#: How long a conversation's counts of showings are kept after the last one, and for how many campaigns.
SHOWN_TTL_MS: Final = 24 * 3_600_000
SHOWN_CAMPAIGNS: Final = 32
STREAM_LENGTH: Final = 1_000_000
_REFUSE: Final = "refuse.lua"
_RESERVE: Final = "reserve.lua"
#: Keys of the two scripts; a question for an ad has one more for each cap.
_REFUSE_KEYS: Final = 4
_ASK_KEYS: Final = 10
_ZERO: Final = ord("0")


class Verdict(StrEnum):
    """What the state said."""

    GRANTED = "granted"
    REFUSED = "refused"
    COOLDOWN = "cooldown"
    BUDGET = "budget"
    STATE_UNAVAILABLE = "state_unavailable"
    SENSITIVE = "sensitive"
    FREQUENCY = "frequency"

    # Answers are looked up by it; that of `Enum` is a call into Python.
    __hash__ = str.__hash__


#: Verdicts after which another candidate may be tried.
TRY_ANOTHER: Final = frozenset({Verdict.BUDGET, Verdict.FREQUENCY})
#: Codes of the verdicts in scripts and in what is kept: their places.
VERDICTS: Final = tuple(Verdict)


class Ask(msgspec.Struct, frozen=True, gc=False):
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


class Ruling(msgspec.Struct, frozen=True, gc=False):
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


@runtime_checkable
class PackedClient(EvalClient, Protocol):
    """A client that also sends a command which is written out already, and gives up waiting in time."""

    def send(self, command: bytes) -> Awaitable[Any]:
        """Send the bytes of a whole command; its reply, or what the server says is wrong with it."""
        ...


class Keys:
    """Names of all keys. One server holds them all.

    A script takes keys of a conversation, a campaign and an account in one trip, so on a cluster all of them
    must lie in one slot: set a `{hash tag}` as prefix and give the serving state a shard of its own.

    Args:
        prefix: Put before every key, e.g. for tests that share a server.

    Attributes:
        decisions: The stream of what was decided.
        said: Before a message's hash: what it was answered. sticky, shown, cool: before a conversation's.
    """

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix
        self.decisions = f"{prefix}parley:decisions"
        self.said = f"{prefix}parley:said:"
        self.sticky = f"{prefix}parley:sticky:"
        self.shown = f"{prefix}parley:shown:"
        self.cool = f"{prefix}parley:cool:"

    def offer(self, request_id: str) -> str:
        """Return the key of an open offer."""
        return f"{self._prefix}offer:{request_id}"

    def spent(self, campaign_id: str) -> str:
        """Return the hash of booked micros: `total` and `d:<day>`."""
        return f"{self._prefix}parley:spent:{campaign_id}"

    def hold(self, campaign_id: str) -> str:
        """Return what the names of `holds` begin with."""
        return f"{self._prefix}parley:hold:{campaign_id}"

    def holds(self, campaign_id: str) -> tuple[str, str, str]:
        """Return the keys of held sums, hold expiries and holds by request."""
        base = self.hold(campaign_id)
        return f"{base}:sum", f"{base}:exp", f"{base}:req"

    def cap(self, key: str) -> str:
        """Return the sorted set of a frequency cap: request ids by the time of their grant."""
        return f"{self._prefix}parley:cap:{key}"


class RedisReservation:
    """The state in Redis or Valkey, one EVALSHA per decision.

    Args:
        client: See `EvalClient`; a `PackedClient` is asked without detours if it keeps time itself.
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
        self._parts = Parts(self.keys, VERDICTS)
        self._cooldown_ms = cooldown_ms
        self._timeout_s = timeout_s
        self._send = client.send if timeout_s is None and isinstance(client, PackedClient) else None
        self._shas: dict[str, str] = {}

    async def reserve(self, ask: Ask) -> Ruling:
        """Decide atomically.

        Raises:
            Unavailable: `state_unavailable`.
        """
        name = _RESERVE if ask.wants_ad else _REFUSE
        sha = self._shas.get(name)
        try:
            parts = self._parts.wanted(ask) if ask.wants_ad else self._parts.refused(ask)
            keys = _ASK_KEYS + len(ask.caps) if ask.wants_ad else _REFUSE_KEYS
            if sha is None or self._send is None:
                reply = await self._run(name, keys, parts)
            else:
                reply = await self._send(command(_head(sha, keys, len(parts)), parts))
        except Exception as error:  # a state that cannot be asked, or not this, grants nothing
            if sha is None or not _forgotten(error):
                raise _unavailable() from error
            self._shas.clear()
            return await self.reserve(ask)
        return _ruling(ask, reply)

    async def settle(
        self, campaign_id: str, request_id: str, *, spent_micros: int, day: str
    ) -> bool:
        """Replace a hold by what was spent; False if there was no hold (any more)."""
        keys = (self.keys.spent(campaign_id), *self.keys.holds(campaign_id))
        return bool(
            await self._run("settle.lua", len(keys), (*keys, request_id, spent_micros, day))
        )

    async def release(
        self, campaign_id: str, request_id: str, caps: tuple[CapKey, ...] = ()
    ) -> bool:
        """Give back what a grant took that never reached the host: its hold, and its place in caps."""
        k = self.keys
        keys = (k.spent(campaign_id), *k.holds(campaign_id), *(k.cap(cap.key) for cap in caps))
        return bool(await self._run("settle.lua", len(keys), (*keys, request_id, 0, "")))

    async def set_spent(
        self, campaign_id: str, *, total_micros: int, day: str, daily_micros: int
    ) -> None:
        """Set the counters of a campaign to what the ledger says."""
        spent = self.keys.spent(campaign_id)
        await self._run("spent.lua", 1, (spent, total_micros, day, daily_micros))

    async def held(self, campaign_id: str, *, now_ms: int, day: str) -> tuple[int, int]:
        """Return the micros held for open offers of a campaign, in all and of one day."""
        keys = self.keys.holds(campaign_id)
        total, today = await self._run("held.lua", len(keys), (*keys, now_ms, day))
        return int(total), int(today)

    async def pass_on(self, decisions: Sequence[tuple[str, Verdict, bytes]]) -> None:
        """Put decisions of another state, (request id, verdict, record), into the stream of those to be kept.

        Raises:
            Unavailable: `state_unavailable`; whether they are in it is not known then.
        """
        parts = (part for name, said, record in decisions for part in (name, said.value, record))
        await self._run("pass_on.lua", 1, (self.keys.decisions, STREAM_LENGTH, *parts))

    async def _run(self, name: str, keys: int, words: Sequence[Any]) -> Any:
        """Run a script with its keys and arguments; raises `Unavailable`, whatever client it is."""
        try:
            if self._timeout_s is None:
                return await self._ask(name, keys, words)
            async with asyncio.timeout(self._timeout_s):
                return await self._ask(name, keys, words)
        except Exception as error:
            raise _unavailable() from error

    async def _ask(self, name: str, keys: int, words: Sequence[Any]) -> Any:
        sha = self._shas.get(name) or await self._load(name)
        try:
            return await self._client.evalsha(sha, keys, *words)
        except Exception as error:
            if not _forgotten(error):
                raise
            sha = await self._load(name)
            return await self._client.evalsha(sha, keys, *words)

    async def _load(self, name: str) -> str:
        sha = _text(await self._client.script_load(_script(name, self._cooldown_ms)))
        self._shas[name] = sha
        return sha


def _script(name: str, cooldown_ms: int) -> str:
    """Return a script with the constants that it names set before it."""
    text = (_FOLDER / name).read_text("utf-8")
    constants: dict[str, int | str] = {
        **{said.name: code for code, said in enumerate(VERDICTS)},
        "NAMES": "{" + ", ".join(f"'{said.value}'" for said in VERDICTS) + "}",
        "COOLDOWN_MS": cooldown_ms,
        "IDEMPOTENCY_TTL_MS": IDEMPOTENCY_TTL_MS,
        "STICKY_TTL_MS": STICKY_TTL_MS,
        "SHOWN_TTL_MS": SHOWN_TTL_MS,
        "SHOWN_CAMPAIGNS": SHOWN_CAMPAIGNS,
        "STREAM_LENGTH": STREAM_LENGTH,
    }
    used = [f"local {key} = {value}\n" for key, value in constants.items() if key in text]
    return "".join(used) + text


@lru_cache(maxsize=256)
def _head(sha: str, keys: int, parts: int) -> bytes:
    """Return how the command begins that runs a script with so many keys, and arguments after them."""
    return b"*%d\r\n$7\r\nEVALSHA\r\n$%d\r\n%b\r\n$%d\r\n%d" % (
        parts + 3, len(sha), sha.encode(), len(str(keys)), keys
    )  # fmt: skip


def _ruling(ask: Ask, reply: Any) -> Ruling:
    """Read what the scripts return, see `reserve.lua`."""
    cap = ""
    shown: tuple[tuple[str, int], ...] = ()
    if type(reply) is int:
        verdict = VERDICTS[reply]
    elif isinstance(reply, bytes | str):
        # What was asked is not sent back, but what was answered before is.
        said = _bytes(reply)
        return Ruling(VERDICTS[said[0] - _ZERO], said[1:], True)
    else:
        verdict, cap, flat = VERDICTS[reply[0]], _text(reply[1]), reply[2]
        shown = tuple((_text(c), int(n)) for c, n in zip(flat[::2], flat[1::2], strict=True))
    open_still = verdict in TRY_ANOTHER and not ask.final
    return Ruling(verdict, b"" if open_still else ask.said(verdict), False, cap, shown)


def _forgotten(error: Exception) -> bool:
    """Tell whether a server was restarted and has forgotten its scripts; nothing was done then."""
    return "NOSCRIPT" in f"{type(error).__name__} {error}".upper()


def _unavailable() -> Unavailable:
    return Unavailable(
        "state_unavailable",
        "The serving state (Redis) cannot be reached, so no ad is shown; check REDIS_URL.",
    )


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
