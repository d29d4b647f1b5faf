"""The rules and the selection as plain Python give what the compiled ones give, whatever is asked."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from domain.catalogue import CatalogueExport
from domain.formats import AdFormat, BidModel
from fastpath.compiler import compile_catalogue
from fastpath.decide import choose, context_of
from fastpath.expand import Expander
from fastpath.reading import read_turns
from fastpath.snapshot import Snapshot
from fastpath.types import AdRequest, Turn
from tests.fastpath.sample_catalogue import NOW, ad, app
from tests.fastpath.test_compiled_core import plain

TAGS = ["laptop", "gaming laptop", "tent", "coffee", "student", "bag", "keyboard"]


def test_every_rule_as_plain_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(11)

    def some(*values: object, often: int = 3) -> tuple[object, ...]:
        return (chance.choice(values),) if chance.randrange(often) == 0 else ()

    ads = tuple(
        ad(
            f"a{i:03}", *chance.sample(TAGS, chance.randint(1, 3)), advertiser_id=f"org_{i % 9}",
            campaign_id=f"cmp_{i % 40}", format=chance.choice(list(AdFormat)),
            bid_micros=chance.choice([10_000, 900_000, 1_000_000, 1_100_000]),
            bid_model=chance.choice(list(BidModel)), quality_ppm=chance.choice([700_000, 1_000_000]),
            geos=some("US", "JP"), devices=some("mobile", "tv"), weekdays=some(1, 2, 3, 4, 5, 6, 7),
            apps=some("app_demo", "x", often=6), blocked_apps=some("app_demo", "x", often=6),
            negative_tags=some("bag", "keyboard"), blocked_topics=some("coffee", "iab:2", often=5),
            topics=some("2", "52"), pace_ppm=chance.choice([1_000_000, 400_000]), house=i % 11 == 0,
            ends_ms=chance.choice([None, NOW - 1, NOW + 99]), currency=chance.choice(["USD", "USD", "EUR"]),
        )
        for i in range(260)
    )  # fmt: skip
    host = app(
        blocked_topics=("bag",), blocked_advertisers=("org_1",), relevance_floor_ppm=200_000,
        allowed_advertisers=tuple(f"org_{i}" for i in range(8)),
    )  # fmt: skip
    export = CatalogueExport(ads=ads, apps=(host,))
    opened = Snapshot.open(compile_catalogue(export, tmp_path, expander=Expander(None, {})).path)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "fastpath._columns", plain("_columns"))
        market = plain("_choose").Market(opened)
    assert type(market).__mro__[1] is not type(opened.market).__mro__[1]
    throughout = plain("_decide")
    reasons: set[str] = set()
    for number in range(150):
        request = AdRequest(
            request_id=f"r{number}", app_id="app_demo", conversation_id="c", message_id="m", now_ms=NOW,
            turns=(Turn("user", f"which {' or '.join(chance.sample(TAGS, 3))} should I buy?"),),
            geo=chance.choice([None, "US"]), device=chance.choice([None, "mobile"]),
            formats=chance.choice([None, (AdFormat.STATIC,)]),
            topics=tuple(map(str, some("2", "coffee", "nothing"))),
            blocked_topics=tuple(map(str, some("tent", "52", often=6))),
            blocked_advertisers=tuple(map(str, some("org_2", "org_x", often=6))),
            test=number % 20 == 0,
        )  # fmt: skip
        features = read_turns(opened, request)
        context = context_of(
            request, now_ms=NOW, spent=["cmp_3"], capped=["cmp_4", "cmp_5"], shown={"cmp_6": 2}
        )
        paces = {"cmp_7": 0, "cmp_8": 1_000_000} if number % 2 else None
        compiled = choose(opened, features, context, paces=paces)
        with monkeypatch.context() as patch:
            patch.setattr(Snapshot, "market", property(lambda _: market))
            assert choose(opened, features, context, paces=paces) == compiled
            assert throughout.choose(opened, features, context, paces=paces) == compiled
        reasons |= compiled.dropped_counts.keys()
    assert reasons >= {
        "format_not_allowed", "currency", "schedule", "weekday", "geo", "device", "app_not_allowed", "blocked",
        "muted", "negative_tag", "budget", "frequency", "relevance", "paced", "below_reserve", "house",
    }  # fmt: skip
