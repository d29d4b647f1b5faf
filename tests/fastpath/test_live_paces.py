"""Shares of auctions that change every few seconds: no compilation, and every record replays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from domain.catalogue import CatalogueExport, Pacing
from domain.ids import CountingIds
from domain.time import FixedClock
from fastpath import record
from fastpath.compiler import compile_catalogue
from fastpath.engine import FastPath
from fastpath.engines import Engine
from fastpath.local import LocalReservation
from fastpath.receipt import Signer
from fastpath.replay import replay
from fastpath.snapshot import Snapshot
from fastpath.types import AdRequest, Reason, Turn
from tests.fastpath.sample_catalogue import NOW, ad, app

pytestmark = pytest.mark.asyncio
ROUNDS = 300


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    ads = (
        ad("ad_even", "trail running shoes", pacing=Pacing.EVEN, pace_ppm=200_000),
        ad("ad_other", "laptop", pacing=Pacing.EVEN, pace_ppm=200_000),
    )
    folder: Path = tmp_path_factory.mktemp("paces")
    return Snapshot.open(compile_catalogue(CatalogueExport(ads=ads, apps=(app(),)), folder).path)


async def served(
    snapshot: Snapshot, paces: Mapping[str, int], engine: Engine = Engine.V2
) -> tuple[int, LocalReservation]:
    """Return how many of the rounds got an ad; each answer replays from its record alone."""
    state = LocalReservation()
    path = FastPath(
        snapshot, state, Signer(b"s" * 32), b"n" * 32, FixedClock(NOW), CountingIds(),
        paces=lambda: paces,
    )  # fmt: skip
    count = 0
    for n in range(ROUNDS):
        asked = AdRequest(
            request_id=f"req_{n}", app_id="app_demo", conversation_id=f"c{n}", message_id="m",
            turns=(Turn("user", "best trail running shoes to buy?"),), now_ms=NOW,
        )  # fmt: skip
        body = await path.answer_bytes(asked, engine=engine)
        count += b'"reason":"served"' in body
        request_id, verdict, data = state.decisions[-1]
        assert request_id == f"req_{n}"
        assert replay(record.decode(data, verdict.value), snapshot) == body
    return count, state


@pytest.mark.parametrize("engine", list(Engine))
async def test_a_live_share_goes_before_that_of_the_snapshot(
    snapshot: Snapshot, engine: Engine
) -> None:
    assert (await served(snapshot, {"cmp_ad_even": 0}, engine))[0] == 0
    assert (await served(snapshot, {"cmp_ad_even": 1_000_000}, engine))[0] == ROUNDS
    for paces, share in (({}, 0.2), ({"cmp_ad_even": 600_000}, 0.6)):
        count, _ = await served(snapshot, paces, engine)
        assert abs(count / ROUNDS - share) < 0.09


async def test_only_shares_that_mattered_are_recorded(snapshot: Snapshot) -> None:
    paces = {"cmp_ad_even": 0, "cmp_ad_other": 7, "cmp_unknown": 9}
    _, state = await served(snapshot, paces)
    kept = [record.decode(data) for _, _, data in state.decisions]
    assert {one.context.paces for one in kept} == {(("cmp_ad_even", 0),)}
    assert {one.reason for one in kept} == {Reason.PACED}
