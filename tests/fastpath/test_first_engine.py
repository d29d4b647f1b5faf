"""The first engine counts keywords; it is gated, eligible, recorded and replayed like the second."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from domain.formats import BidModel
from domain.ids import CountingIds
from domain.time import FixedClock
from fastpath import record
from fastpath.compiler import compile_catalogue
from fastpath.engine import FastPath
from fastpath.engines import Engine
from fastpath.local import LocalReservation
from fastpath.receipt import Signer, verify
from fastpath.replay import explain, replay
from fastpath.snapshot import Snapshot
from fastpath.types import AdRequest, Consent, Reason, Turn
from tests.fastpath.sample_catalogue import NOW, ad, sample

pytestmark = pytest.mark.asyncio
SIGNER = Signer(b"s" * 32)
ASKED = Consent()


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    ads = (
        ad("rich", "laptop", bid_micros=3_000_000),
        ad("many", "laptop", "backpack", bid_micros=400_000),
        ad("cpm", "hotel", bid_micros=5_000_000, bid_model=BidModel.CPM),
    )
    export = msgspec.structs.replace(sample(), ads=ads)
    return Snapshot.open(compile_catalogue(export, tmp_path_factory.mktemp("first")).path)


def request(said: str, number: int = 1, consent: Consent = ASKED) -> AdRequest:
    return AdRequest(
        request_id=f"req_{number}", app_id="app_demo", conversation_id=f"talk_{number}",
        message_id="m", turns=(Turn("user", said),), now_ms=NOW, consent=consent,
    )  # fmt: skip


async def test_most_tags_win_and_pay_their_bid(snapshot: Snapshot) -> None:
    state = LocalReservation(unmetered=True)
    path = FastPath(snapshot, state, SIGNER, b"n" * 32, FixedClock(NOW), CountingIds())
    cases = {
        "best laptop and backpack to buy": ("many", 400_000),
        "best laptop to buy": ("rich", 3_000_000),
        # A first engine has no idea of a good moment.
        "hello, my laptop is fine": ("rich", 3_000_000),
        "which hotel is best": ("cpm", 5_000_000),
    }
    bodies = []
    for number, (said, (winner, price)) in enumerate(cases.items()):
        body = await path.answer_bytes(request(said, number), engine=Engine.V1)
        bodies.append(body)
        answer = msgspec.json.decode(body)
        assert answer["reason"] == "served", said
        assert answer["ad"]["id"] == winner, said
        assert verify(answer["receipt"], SIGNER.public_key).price_micros == price
    for (_, verdict, data), body in zip(state.decisions, bodies, strict=True):
        kept = record.decode(data, verdict)
        assert kept.engine is Engine.V1
        assert replay(kept, snapshot) == body
        assert explain(kept, snapshot).outcome is Reason.SERVED
    second = await path.answer(request("hello, my laptop is fine", 99))
    assert (second.ad, second.reason) == (None, Reason.FORMAT_NOT_ALLOWED)


@pytest.mark.parametrize(
    ("said", "consent", "reason"),
    [
        ("I want to die, best laptop?", Consent(), Reason.SENSITIVE),
        ("best cigars and a laptop", Consent(), Reason.RESTRICTED),
        ("best laptop to buy", Consent(ads=False), Reason.NO_CONSENT),
        ("best soup to cook", Consent(), Reason.NO_MATCH),
    ],
)
async def test_gate_and_consent_come_first(
    snapshot: Snapshot, said: str, consent: Consent, reason: Reason
) -> None:
    state = LocalReservation(unmetered=True)
    path = FastPath(snapshot, state, SIGNER, b"n" * 32, FixedClock(NOW), CountingIds())
    body = await path.answer_bytes(request(said, consent=consent), engine=Engine.V1)
    answer = msgspec.json.decode(body)
    assert (answer["ad"], answer["reason"]) == (None, reason)
    ((_, verdict, data),) = state.decisions
    assert replay(record.decode(data, verdict), snapshot) == body


async def test_the_engine_is_part_of_the_record(snapshot: Snapshot, tmp_path: Path) -> None:
    state = LocalReservation(unmetered=True)
    path = FastPath(snapshot, state, SIGNER, b"n" * 32, FixedClock(NOW), CountingIds())
    await path.answer_bytes(request("best laptop and backpack to buy"), engine=Engine.V1)
    ((_, verdict, data),) = state.decisions
    changed = msgspec.structs.replace(record.decode(data, verdict), engine=Engine.V2)
    with pytest.raises(Exception, match="changed the outcome"):
        replay(changed, snapshot)
