"""What was decided and what happened: kept once, reported from what was kept, seen by its two sides only."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from bootstrap.services import Services
from domain.errors import Conflict, NotFound
from domain.formats import EventType
from domain.ids import stable_id
from domain.time import utc
from measurement.publisher import app_reports
from measurement.service import (
    CampaignReport,
    Decision,
    campaign_report,
    campaign_reports,
    decision_of,
    keep_decisions,
    record_event,
)
from measurement.tables import DecisionRow, EventRow
from tests.support.catalogue import Market, market

pytestmark = pytest.mark.asyncio

AT = utc(1_800_000_000_000)
CAMPAIGN = stable_id("cmp", "shoes")
RIVAL = stable_id("cmp", "rival")


@dataclass(frozen=True)
class Scene:
    """Two advertisers, two publishers, and what they are connected by."""

    services: Services
    ours: Market
    theirs: Market

    def decision(self, request_id: str = "req_1", **changes: Any) -> Decision:
        given: dict[str, Any] = {
            "request_id": request_id, "created_at": AT, "app_id": self.ours.app,
            "publisher_id": self.ours.publisher, "snapshot_id": "snp_1", "reason": "served",
            "record": b"record", "advertiser_id": self.ours.advertiser, "campaign_id": CAMPAIGN,
            "ad_id": "ad_1", "language": "eng", "intent": "high_commercial", "bid_model": "cpc",
            "price_micros": 420_000, "currency": "USD", "expires_at": AT, **changes,
        }  # fmt: skip
        return Decision(**given)

    async def keep(self, *decisions: Decision) -> int:
        async with self.services.db.system() as session:
            return await keep_decisions(session, decisions)

    async def happen(
        self,
        kind: str = "click",
        request_id: str = "req_1",
        event_id: str | None = None,
        charged: int = 0,
    ) -> tuple[str, bool]:
        """Record an event as the intake does; return its id and whether it is new."""
        async with self.services.db.system() as session:
            decision = await decision_of(session, request_id)
            event, new = await record_event(
                session, decision, EventType(kind), event_id=event_id, at=AT
            )
            if new:
                event.charged_micros = charged
            return event.id, new


@pytest_asyncio.fixture
async def scene(services: Services) -> Scene:
    return Scene(services, await market(services), await market(services))


async def rows(scene: Scene, table: type[Any] = EventRow) -> int:
    async with scene.services.db.system() as session:
        return int(await session.scalar(select(func.count()).select_from(table)) or 0)


async def test_a_decision_is_kept_once_however_often_it_is_delivered(scene: Scene) -> None:
    assert await scene.keep() == 0
    assert await scene.keep(scene.decision("req_1"), scene.decision("req_2")) == 2
    # A second delivery, even a different one, changes nothing.
    again = scene.decision("req_2", reason="forged", price_micros=1)
    assert await scene.keep(again, scene.decision("req_3")) == 1
    async with scene.services.db.system() as session:
        kept = await decision_of(session, "req_2")
        assert (kept.reason, kept.price_micros, kept.record) == ("served", 420_000, b"record")
        with pytest.raises(NotFound, match="req_9"):
            await decision_of(session, "req_9")


async def test_many_deliveries_at_once_keep_one_row(scene: Scene) -> None:
    kept = await asyncio.gather(
        *(scene.keep(*(scene.decision(f"req_{n}") for n in range(5))) for _ in range(8))
    )
    assert (sum(kept), await rows(scene, DecisionRow)) == (5, 5)


async def test_the_same_event_again_is_the_first_one(scene: Scene) -> None:
    await scene.keep(scene.decision())
    assert await scene.happen(event_id="evt_mine", charged=420_000) == ("evt_mine", True)
    assert await scene.happen(event_id="evt_mine", charged=999) == ("evt_mine", False)
    async with scene.services.db.system() as session:
        event = await session.get(EventRow, "evt_mine")
        assert event is not None
        assert (event.charged_micros, event.campaign_id) == (420_000, CAMPAIGN)


async def test_events_without_an_id_get_one_of_their_offer_and_type(scene: Scene) -> None:
    await scene.keep(scene.decision())
    first = await scene.happen("impression")
    assert await scene.happen("impression") == (first[0], False)
    other, new = await scene.happen("click")
    assert (new, other != first[0]) == (True, True)


async def test_an_offer_pays_once_whatever_id_the_event_has(scene: Scene) -> None:
    await scene.keep(scene.decision())
    await scene.happen(event_id="evt_a")
    for event_id in ("evt_b", None):
        with pytest.raises(Conflict) as caught:
            await scene.happen(event_id=event_id)
        assert caught.value.code == "nonce_used"
    # Another type of the same offer is another event.
    assert await scene.happen("dismiss", event_id="evt_b") == ("evt_b", True)


@pytest.mark.parametrize(("kind", "request_id"), [("impression", "req_1"), ("click", "req_2")])
async def test_an_event_id_belongs_to_one_event(scene: Scene, kind: str, request_id: str) -> None:
    await scene.keep(scene.decision("req_1"), scene.decision("req_2"))
    await scene.happen("click", "req_1", event_id="evt_a")
    with pytest.raises(Conflict) as caught:
        await scene.happen(kind, request_id, event_id="evt_a")
    assert caught.value.code == "event_id_reused"
    assert await rows(scene) == 1


async def test_without_an_ad_nothing_can_happen(scene: Scene) -> None:
    none = {"advertiser_id": None, "campaign_id": None, "ad_id": None, "currency": None}
    await scene.keep(scene.decision(reason="no_match", **none))
    with pytest.raises(Conflict) as caught:
        await scene.happen()
    assert caught.value.code == "no_ad_shown"


@pytest.mark.parametrize("ids", ["same", "different", "none"])
async def test_of_twenty_at_once_one_counts(scene: Scene, ids: str) -> None:
    await scene.keep(scene.decision())
    named = {
        "same": ["evt_a"] * 20,
        "different": [f"evt_{n}" for n in range(20)],
        "none": [None] * 20,
    }
    outcomes = await asyncio.gather(
        *(scene.happen(event_id=event_id, charged=1) for event_id in named[ids]),
        return_exceptions=True,
    )
    new = [o for o in outcomes if isinstance(o, tuple) and o[1]]
    assert (len(new), await rows(scene)) == (1, 1)
    refused = [o for o in outcomes if isinstance(o, BaseException)]
    assert len(refused) == (19 if ids == "different" else 0)
    assert all(isinstance(o, Conflict) and o.code == "nonce_used" for o in refused)


async def test_a_report_counts_and_divides_what_was_kept(scene: Scene) -> None:
    await scene.keep(*(scene.decision(f"req_{n}") for n in range(8)))
    await scene.keep(scene.decision("req_r", campaign_id=RIVAL, currency="JPY"))
    for number in range(8):
        await scene.happen("impression", f"req_{number}")
    for number in range(3):
        await scene.happen("click", f"req_{number}", charged=333_333 + number)
    await scene.happen("submit", "req_0")
    await scene.happen("dismiss", "req_7")
    await scene.happen("impression", "req_r", charged=5)
    unknown = stable_id("cmp", "unknown")
    async with scene.services.db.system() as session:
        found = await campaign_reports(session, [CAMPAIGN, RIVAL, unknown])
        assert await campaign_report(session, CAMPAIGN) == found[CAMPAIGN]
        assert await campaign_reports(session, []) == {}
    assert found[CAMPAIGN] == CampaignReport(
        campaign_id=CAMPAIGN, currency="USD", impressions=8, clicks=3, submits=1, dismissals=1,
        spend_micros=1_000_002, ctr=3 / 8, cpc_micros=333_334,
    )  # fmt: skip
    assert (found[RIVAL].ctr, found[RIVAL].cpc_micros, found[RIVAL].currency) == (0.0, None, "JPY")
    assert found[unknown] == CampaignReport(
        campaign_id=unknown, currency=None, impressions=0, clicks=0, submits=0, dismissals=0,
        spend_micros=0, ctr=None, cpc_micros=None,
    )  # fmt: skip


async def test_a_publisher_reads_by_app_and_currency(scene: Scene) -> None:
    await scene.keep(scene.decision("req_1"), scene.decision("req_2", currency="JPY"))
    theirs = {"app_id": scene.theirs.app, "publisher_id": scene.theirs.publisher}
    await scene.keep(scene.decision("req_3", **theirs))
    for request_id in ("req_1", "req_2", "req_3"):
        await scene.happen("impression", request_id)
    await scene.happen("click", "req_1", charged=420_000)
    async with scene.services.db.tenant(scene.ours.publisher) as session:
        found = await app_reports(session, scene.ours.publisher)
        assert await app_reports(session, scene.theirs.publisher) == []
    assert [(r.app_id, r.currency, r.impressions, r.clicks, r.charged_micros) for r in found] == [
        (scene.ours.app, "JPY", 1, 0, 0),
        (scene.ours.app, "USD", 1, 1, 420_000),
    ]


@pytest.mark.parametrize("side", ["advertiser", "publisher"])
async def test_both_sides_of_an_ad_see_it_and_strangers_do_not(scene: Scene, side: str) -> None:
    await scene.keep(scene.decision("req_1"))
    await scene.keep(scene.decision("req_2", advertiser_id=None, campaign_id=None, ad_id=None))
    await scene.happen("click", "req_1", charged=7)
    seen = {"advertiser": ["req_1"], "publisher": ["req_1", "req_2"]}[side]
    async with scene.services.db.tenant(getattr(scene.ours, side)) as session:
        query = select(DecisionRow.id).order_by(DecisionRow.id)
        assert (await session.scalars(query)).all() == seen
        assert (await campaign_report(session, CAMPAIGN)).spend_micros == 7
    async with scene.services.db.tenant(getattr(scene.theirs, side)) as session:
        assert (await session.scalars(select(DecisionRow.id))).all() == []
        assert (await session.scalars(select(EventRow.id))).all() == []
        assert (await campaign_report(session, CAMPAIGN)).clicks == 0
        with pytest.raises(NotFound):
            await decision_of(session, "req_1")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ad_events SET charged_micros = 0",
        "DELETE FROM ad_events",
        "UPDATE decisions SET price_micros = 0",
        "DELETE FROM decisions",
    ],
)
@pytest.mark.parametrize("side", ["advertiser", "publisher"])
async def test_neither_side_can_change_what_happened(
    scene: Scene, side: str, statement: str
) -> None:
    await scene.keep(scene.decision())
    await scene.happen(charged=7)
    with pytest.raises(DBAPIError, match="permission denied"):
        async with scene.services.db.tenant(getattr(scene.ours, side)) as session:
            await session.execute(text(statement))
    assert (await rows(scene), await rows(scene, DecisionRow)) == (1, 1)
