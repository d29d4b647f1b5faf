"""Asks the real fast path for ads, turn by turn, and recomputes every answer from its record."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from billing.service import BillingService, Charge
from bootstrap.decisions import keep
from bootstrap.services import Services
from catalog.access import AccessService
from catalog.repository import Campaigns
from catalog.service import export_catalogue
from domain.catalogue import AdEntry, AppEntry, CatalogueExport
from domain.errors import Unavailable
from domain.formats import EventType
from domain.money import Money
from domain.time import day_of, utc
from evals.observed import Shown
from evals.scenario import ChatTurn, Scenario
from evals.seeded import SeededIds, VirtualClock
from evals.worlds import World, load_world
from fastpath.compiler import compile_catalogue
from fastpath.engine import FastPath
from fastpath.local import LocalReservation
from fastpath.receipt import Signer, verify
from fastpath.record import decode
from fastpath.replay import replay
from fastpath.reservation import Ask, Ruling
from fastpath.snapshot import Snapshot
from fastpath.types import AdRequest, Answer, Consent, Turn
from measurement.service import decision_of, record_event

APP = "app_eval"
_SIGNER = Signer(b"evals" + b"-" * 27)
_NONCE_KEY = b"evals-nonce-key-" * 2


class Away(LocalReservation):
    """Serving state that cannot be reached."""

    async def reserve(self, ask: Ask) -> Ruling:
        """Fail as a lost Redis does."""
        raise Unavailable("state_unavailable", "By script.")


@dataclass
class Chats:
    """Conversations of one scenario.

    Attributes:
        snapshot: What is served.
        path: The fast path.
        state: Its memory, which also has every record.
        app_id: The chat product.
        clock: Moves between turns.
        services: Where clicks are booked; None if nothing is kept.
    """

    snapshot: Snapshot
    path: FastPath
    state: LocalReservation
    app_id: str
    clock: VirtualClock
    services: Services | None = None
    shown: list[Shown] = field(default_factory=list)

    async def play(self, turns: tuple[ChatTurn, ...]) -> list[Shown]:
        """Go through the turns; return what was answered to each."""
        for number, turn in enumerate(turns, 1):
            self.clock.advance(turn.after_s * 1_000)
            request = self._request(turn, number)
            data = await self.path.answer_bytes(request)
            answer = msgspec.json.decode(data, type=Answer)
            click = await self._click(request, answer) if turn.clicks and answer.ad else ""
            self.shown.append(
                Shown(
                    answer=_flat(answer), replayed=self._same(request.request_id, data), click=click
                )
            )
        return self.shown

    def _request(self, turn: ChatTurn, number: int) -> AdRequest:
        said = (turn.say,) if isinstance(turn.say, str) else turn.say
        # Through the JSON types, as a host sends it: formats and consent are checked on the way.
        fields = {"formats": turn.formats} if turn.formats is not None else {}
        return msgspec.convert(
            {
                "request_id": f"req_eval_{number}" if self.services is None else self._new_id(),
                "app_id": self.app_id,
                "conversation_id": turn.conversation,
                "message_id": f"m{number}",
                "turns": [_turn(text) for text in said],
                "now_ms": self.clock.now_ms(),
                "language": turn.language,
                "geo": turn.geo,
                "device": turn.device,
                "topics": turn.topics,
                "blocked_topics": turn.muted,
                "consent": Consent(ads=turn.ads_consent),
                **fields,
            },
            AdRequest,
        )

    def _new_id(self) -> str:
        assert self.services is not None
        return self.services.ids.new("req")

    def _same(self, request_id: str, data: bytes) -> bool:
        """Recompute the answer from its record alone."""
        for known, verdict, record in self.state.decisions:
            if known == request_id:
                return replay(decode(record, verdict), self.snapshot) == data
        # Nothing was decided anew: a repeated message, or no state to keep a record in.
        return True

    async def _click(self, request: AdRequest, answer: Answer) -> str:
        """Book a click as the event intake does: kept decision, event, charge within the budget."""
        assert self.services is not None
        assert answer.ad is not None
        parts = self.services
        entries = [
            (name, record, verdict.encode()) for name, verdict, record in self.state.decisions
        ]
        await keep(parts, entries)
        async with parts.db.system() as session:
            decision = await decision_of(session, request.request_id)
            event, new = await record_event(
                session, decision, EventType.CLICK, event_id=None, at=utc(self.clock.now_ms())
            )
            if not new or not decision.price_micros or decision.currency is None:
                return "recorded"
            campaign = await Campaigns(session).get(str(decision.campaign_id))
            posted = await BillingService(session, parts.ids, self.clock).charge(
                Charge(
                    event_id=event.id,
                    kind=event.type,
                    campaign_id=campaign.id,
                    advertiser_id=event.advertiser_id,
                    publisher_id=event.publisher_id,
                    amount=Money(decision.price_micros, decision.currency),
                    budget_total_micros=campaign.budget_total_micros,
                    budget_daily_micros=campaign.budget_daily_micros,
                )
            )
            event.charged_micros = decision.price_micros if posted.charged else 0
            event.verdict = "charged" if posted.charged else "over_budget"
        await self.state.settle(
            campaign.id, decision.id, spent_micros=event.charged_micros,
            day=day_of(self.clock.now_ms()).strftime("%Y%m%d"),
        )  # fmt: skip
        return event.verdict


async def world_chats(scenario: Scenario, clock: VirtualClock, folder: Path) -> Chats:
    """Return conversations about the world's own offers, without any service."""
    export = _export(load_world(scenario.world))
    path = await asyncio.to_thread(_compiled, msgspec.json.encode(export), folder)
    lost = any(fault.kind == "redis" for fault in scenario.faults)
    return await _chats(Snapshot.open(path), export, APP, scenario, clock, lost=lost)


async def campaign_chats(
    scenario: Scenario, services: Services, clock: VirtualClock, folder: Path
) -> Chats:
    """Return conversations about what is live in the catalogue, with a publisher made for them."""
    async with services.db.system() as session:
        access = AccessService(session, services.ids, clock, services.new_secret)
        publisher = await access.create_organisation("publisher", "Eval Chat")
        fields = load_world(scenario.world).app
        app = await access.create_app(publisher.id, "Eval Chat", **fields)
        export = await export_catalogue(session)
    info = await asyncio.to_thread(compile_catalogue, export, folder)
    lost = any(fault.kind == "redis" for fault in scenario.faults)
    chats = await _chats(Snapshot.open(info.path), export, app.id, scenario, clock, lost=lost)
    chats.services = services
    return chats


async def _chats(
    snapshot: Snapshot,
    export: CatalogueExport,
    app_id: str,
    scenario: Scenario,
    clock: VirtualClock,
    *,
    lost: bool,
) -> Chats:
    state = Away() if lost else LocalReservation()
    day = day_of(clock.now_ms()).strftime("%Y%m%d")
    for campaign_id in sorted({ad.campaign_id for ad in export.ads}):
        await state.set_spent(campaign_id, total_micros=0, day=day, daily_micros=0)
    ids = SeededIds(clock, scenario.seeded)
    path = FastPath(snapshot, state, _SIGNER, _NONCE_KEY, clock, ids)
    return Chats(snapshot, path, state, app_id, clock)


@cache
def _compiled(export: bytes, folder: Path) -> Path:
    """Compile a world once per process; a snapshot never changes."""
    return compile_catalogue(msgspec.json.decode(export, type=CatalogueExport), folder).path


def _export(world: World) -> CatalogueExport:
    ads = []
    for offer in world.offers:
        raw = {
            "ad_id": f"ad_{offer.id}", "campaign_id": f"cmp_{offer.id}", "creative_id": f"crt_{offer.id}",
            "advertiser_id": f"org_{offer.advertiser}", "advertiser_name": offer.advertiser,
            "payer": offer.advertiser, "format": offer.format, "texts": offer.texts, "tags": offer.tags,
            "landing_url": offer.url, "bid_micros": 500_000, "budget_total_micros": 100_000_000,
            **offer.rest,
        }  # fmt: skip
        ads.append(msgspec.convert(raw, AdEntry))
    formats = ("action_card", "lead_gen", "static", "followup")
    app = {"app_id": APP, "publisher_id": "org_eval", "formats": formats, **world.app}
    return CatalogueExport(
        ads=tuple(sorted(ads, key=lambda ad: ad.ad_id)), apps=(msgspec.convert(app, AppEntry),)
    )


def _turn(text: str) -> Turn:
    role, _, said = text.partition(": ")
    return (
        Turn(role, said) if role in ("user", "assistant", "system") and said else Turn("user", text)
    )


def _flat(answer: Answer) -> dict[str, Any]:
    """Return an answer as expectations see it."""
    flat: dict[str, Any] = {
        "ad": answer.ad is not None,
        "reason": answer.reason.value,
        "language": answer.language,
        "intent": answer.intent.value,
    }
    if answer.ad is not None:
        ad = answer.ad
        flat |= {
            "label": ad.label, "payer": ad.payer, "why": ad.why, "advertiser": ad.advertiser_name,
            "format": ad.format.value, "title": ad.title, "text": ad.description, "url": ad.cta_url,
        }  # fmt: skip
        signed = verify(answer.receipt or "", _SIGNER.public_key)
        flat |= {"price_micros": signed.price_micros, "signed_label": signed.label}
    return flat
