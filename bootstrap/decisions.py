"""Decisions on their way from the serving state's stream to PostgreSQL, where they are kept."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from redis.exceptions import ResponseError
from sqlalchemy.ext.asyncio import AsyncSession

from bootstrap.services import Services
from catalog.repository import Ads, Apps
from catalog.tables import Campaign
from domain.errors import BadInput, NotFound, Unavailable
from domain.time import utc
from fastpath.record import DecisionRecord, decode, encode
from fastpath.render import OFFER_TTL_MS
from fastpath.reservation import Keys, Verdict
from fastpath.types import Reason
from measurement.service import Decision, keep_decisions
from measurement.tables import DecisionRow

log = logging.getLogger("parley.decisions")

_GROUP = "keep"
_BATCH = 500
#: Entries that another consumer took and did not acknowledge for so long are taken over.
_STALE_MS = 3_000

_REASONS = {
    Verdict.COOLDOWN: Reason.COOLDOWN,
    Verdict.BUDGET: Reason.BUDGET,
    Verdict.STATE_UNAVAILABLE: Reason.STATE_UNAVAILABLE,
    Verdict.SENSITIVE: Reason.SENSITIVE,
    Verdict.FREQUENCY: Reason.FREQUENCY,
}
Entry = tuple[bytes, Mapping[bytes, bytes]]


class DecisionConsumer:
    """Keeps decisions; any number may run, each entry is acknowledged after its commit.

    Args:
        services: The installation's parts.
        consumer: Name of this consumer, unique among processes.
    """

    def __init__(self, services: Services, consumer: str) -> None:
        self._services = services
        self._consumer = consumer
        self._stream = Keys().decisions

    async def drain(self) -> int:
        """Keep what waits in the stream; return how many entries were read."""
        redis, read = self._services.redis, 0
        try:
            claimed: Any = await redis.xautoclaim(
                self._stream, _GROUP, self._consumer, min_idle_time=_STALE_MS, count=_BATCH
            )
            entries: list[Entry] = [e for e in claimed[1] if e[1]]
            fresh: Any = await redis.xreadgroup(
                _GROUP, self._consumer, {self._stream: ">"}, count=_BATCH
            )
            entries += fresh[0][1] if fresh else []
        except ResponseError as error:
            if "NOGROUP" not in str(error):
                raise
            await self._make_group()
            return 0
        if entries:
            await self._keep(entries)
            await redis.xack(self._stream, _GROUP, *(entry_id for entry_id, _ in entries))
            read = len(entries)
        return read

    async def _keep(self, entries: Sequence[Entry]) -> None:
        await keep(
            self._services,
            [
                (str(entry_id), fields.get(b"record", b""), fields.get(b"verdict", b""))
                for entry_id, fields in entries
            ],
        )

    async def _make_group(self) -> None:
        try:
            await self._services.redis.xgroup_create(self._stream, _GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise


async def keep(services: Services, entries: Sequence[tuple[str, bytes, bytes]]) -> None:
    """Keep (name, record, verdict) entries that are not kept yet; what is no decision is left out, loudly."""
    records = []
    for name, data, verdict in entries:
        try:
            records.append(decode(data, verdict.decode()))
        except (BadInput, UnicodeDecodeError) as error:
            log.warning("entry %s is not a decision and is left out: %s", name, error)
    async with services.db.system() as session:
        await keep_decisions(session, await as_decisions(session, records))


async def kept_decision(services: Services, request_id: str, wait_s: float = 3.0) -> None:
    """Return when a decision is kept; an event may arrive before the ticker has kept its decision.

    Raises:
        NotFound: if there is no such decision.
        Unavailable: if there is one and it could not be kept in time; the event can be sent again.
    """
    consumer = DecisionConsumer(services, "events")
    deadline = asyncio.get_running_loop().time() + wait_s
    while True:
        async with services.db.system() as session:
            if await session.get(DecisionRow, request_id) is not None:
                return
        if not await services.redis.exists(Keys().offer(request_id)):
            raise NotFound("request_not_found", f"There is no ad request {request_id[:40]!r}.")
        if asyncio.get_running_loop().time() > deadline:
            raise Unavailable(
                "request_not_kept",
                "The ad request is still being written down; send the event again.",
            )
        await consumer.drain()
        await asyncio.sleep(0.02)


async def as_decisions(session: AsyncSession, records: Sequence[DecisionRecord]) -> list[Decision]:
    """Return decision records as they are kept, with the organisations they belong to.

    Args:
        session: Of the system role.
        records: With the verdict of the serving state, so that the kept record alone is enough to
            recompute the answer.
    """
    publishers = {app.id: app.org_id for app in await Apps(session).active()}
    shown = [r.winner.ad_id for r in records if _granted(r) and r.winner is not None]
    owners = await Ads(session).owners(shown)
    return [
        _decision(record, publishers[record.context.app_id], owners)
        for record in records
        # A request of an app that nobody owns has nobody to keep it for.
        if record.context.app_id in publishers
    ]


def _decision(
    record: DecisionRecord, publisher_id: str, owners: Mapping[str, Campaign]
) -> Decision:
    common: dict[str, Any] = {
        "request_id": record.context.request_id,
        "created_at": utc(record.context.now_ms),
        "app_id": record.context.app_id,
        "publisher_id": publisher_id,
        "snapshot_id": record.snapshot_id,
        "record": encode(record),
        "language": record.features.language,
        "intent": str(record.features.intent),
    }
    campaign = owners.get(record.winner.ad_id) if record.winner and _granted(record) else None
    if campaign is None or record.winner is None:
        reason = _REASONS.get(record.verdict, record.reason)
        return Decision(**common, reason=str(reason))
    return Decision(
        **common,
        reason=str(record.reason),
        advertiser_id=campaign.org_id,
        campaign_id=campaign.id,
        ad_id=record.winner.ad_id,
        bid_model=campaign.bid_model,
        price_micros=0 if campaign.house else record.price_micros,
        currency=campaign.currency,
        expires_at=utc(record.context.now_ms + OFFER_TTL_MS),
    )


def _granted(record: DecisionRecord) -> bool:
    return record.verdict is Verdict.GRANTED
