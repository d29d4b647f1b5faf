"""The compiled price of the single slot is that of the auction's own kernel, ties and reserves included."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auction.position import price_at
from auction.rank import order
from auction.types import PPM, Candidate
from domain.catalogue import CatalogueExport
from fastpath import _auction, _choose
from fastpath.compiler import compile_catalogue
from fastpath.expand import Expander
from fastpath.plain import plain
from fastpath.snapshot import Snapshot
from tests.fastpath.sample_catalogue import ad, app

OPENED: list[Snapshot] = []


@pytest.fixture(autouse=True, scope="module")
def _opened(tmp_path_factory: pytest.TempPathFactory) -> None:
    export = CatalogueExport(
        ads=tuple(ad(f"a{i}", "laptop", advertiser_id=f"org_{i}") for i in range(4)), apps=(app(),)
    )
    folder = tmp_path_factory.mktemp("price")
    OPENED.append(
        Snapshot.open(compile_catalogue(export, folder, expander=Expander(None, {})).path)
    )


PAIRS: list[tuple[Any, Any]] = [(_choose, _auction), (plain("_choose"), plain("_auction"))]
rows = st.lists(
    st.tuples(
        st.integers(0, 50) | st.integers(0, 10**9),
        st.integers(1, 5) | st.integers(1, 10**9),
        st.integers(0, 20) | st.integers(0, 10**6),
        st.integers(0, 3),
    ),
    min_size=1,
    max_size=9,
)


@given(rows, st.integers(1, 9), st.data())
@settings(max_examples=400, deadline=None)
def test_both_kernels_agree(
    raw: list[tuple[int, int, int, int]], kept: int, data: st.DataObject
) -> None:
    field = [
        Candidate(f"ad{i}", f"org{owner}", bid, weight, min(reserve, bid))
        for i, (bid, weight, reserve, owner) in enumerate(raw)
    ]
    ranked = order("x", field)
    number = {one.ad_id: i for i, one in enumerate(field)}

    kept = min(kept, len(ranked))
    place = data.draw(st.integers(0, kept - 1))
    sale = price_at(ranked, place, (PPM,))
    for choose, auction in PAIRS:
        market = choose.Market(OPENED[0])
        work = choose.Scratch()
        for i, one in enumerate(ranked):
            # The ads of the snapshot are numbered by advertiser: one each.
            work.ads[i] = raw[number[one.ad_id]][3]
            work.bids[i], work.weights[i] = one.bid_micros, one.weight
            work.floors[i], work.totals[i] = one.reserve_micros, one.bid_micros * one.weight
            work.reasons[i], work.hits[i] = 0, 1
        work.count = len(ranked)
        auction.sift(market, work, kept)
        auctioned = [work.totals[work.order[j]] for j in range(work.top)]
        assert auctioned == [one.bid_micros * one.weight for one in ranked[: work.top]]
        for j in range(work.top):
            work.order[j] = j
        assert auction.price(market, work, place) == (sale.gsp_micros, sale.vcg_micros)
