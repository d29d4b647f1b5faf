"""The compiled price of the single slot is that of the auction's own kernel, ties and reserves included."""

from __future__ import annotations

from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auction.position import price_at
from auction.rank import order
from auction.types import PPM, Candidate
from domain.catalogue import CatalogueExport
from fastpath import _choose
from fastpath.compiler import compile_catalogue
from fastpath.expand import Expander
from fastpath.snapshot import Snapshot
from tests.fastpath.sample_catalogue import ad, app

OPENED: list[Snapshot] = []


@pytest.fixture(autouse=True, scope="module")
def _opened(tmp_path_factory: pytest.TempPathFactory) -> None:
    export = CatalogueExport(ads=(ad("a", "laptop"),), apps=(app(),))
    folder = tmp_path_factory.mktemp("price")
    OPENED.append(
        Snapshot.open(compile_catalogue(export, folder, expander=Expander(None, {})).path)
    )


def plain() -> ModuleType:
    path = Path(_choose.__file__ or "").parent / "_choose.py"
    loader = SourceFileLoader("plain_price", str(path))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


PLAIN = plain()
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

    def row(one: Candidate) -> tuple[int, ...]:
        score = one.bid_micros * one.weight
        owner = raw[number[one.ad_id]][3]
        reserve = one.reserve_micros
        return (score, number[one.ad_id], 0, 0, one.bid_micros, one.weight, reserve, 0, owner)

    kept = min(kept, len(ranked))
    best, left = [row(one) for one in ranked[:kept]], [row(one) for one in ranked[kept:]]
    first = left[0][0] if left else -1
    owner = left[0][8] if left else -1
    other = next((one[0] for one in left if one[8] != owner), -1)
    place = data.draw(st.integers(0, kept - 1))
    sale = price_at(ranked, place, (PPM,))
    wanted: Any = (sale.gsp_micros, sale.vcg_micros)
    rest = (first, owner, other)
    assert OPENED[0].market.price(best, place, rest) == wanted
    assert PLAIN.Market(OPENED[0]).price(best, place, rest) == wanted
