"""Which rule chooses the ad: the second engine (`decide.choose`), or the first, which counts keywords.

The first is what apps outside the roll-out get. It shares everything that protects people and budgets: the
gate, consent, language, eligibility and the state. What it lacks is judgement: no opportunity, no estimate of
clicks, no auction, no exploration.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from auction.types import PPM
from domain.formats import BidModel
from fastpath.decide import MAX_CANDIDATES, choose
from fastpath.snapshot import Snapshot
from fastpath.types import Context, Features, Proposal, Reason, Scored

_ANY_MOMENT: Final = 1_000


class Engine(StrEnum):
    """The two engines of the roll-out."""

    V1 = "v1"
    V2 = "v2"


def propose(
    engine: Engine,
    snapshot: Snapshot,
    features: Features,
    context: Context,
    *,
    kept: int,
    paces: Mapping[str, int] | None = None,
) -> Proposal:
    """Choose the ad and its price, or say why there is none; see `decide.choose` for the arguments."""
    if engine is Engine.V2 or context.test:
        return choose(snapshot, features, context, kept=kept, paces=paces)
    return count_keywords(snapshot, features, context, kept=kept, paces=paces)


def count_keywords(
    snapshot: Snapshot,
    features: Features,
    context: Context,
    *,
    kept: int,
    paces: Mapping[str, int] | None = None,
) -> Proposal:
    """Choose the ad with the most tags in what the user said; then the highest bid, which it pays."""
    lifted = msgspec.structs.replace(features, opportunity_milli=_ANY_MOMENT)
    found = choose(snapshot, lifted, context, kept=MAX_CANDIDATES, paces=paces)
    if found.winner is None:
        return msgspec.structs.replace(found, dropped=found.dropped[:kept])
    counts = _counts(snapshot, features)

    def rank(one: Scored) -> tuple[int, int, str]:
        return -counts[one.ad], -one.bid_micros, one.ad_id

    ranked = sorted(found.eligible, key=rank)
    ad = snapshot.ad(ranked[0].ad)
    price = 0 if ad.house else ranked[0].bid_micros
    return Proposal(
        reason=Reason.SERVED,
        winner=ranked[0],
        propensity_ppm=PPM,
        propensities=(PPM,),
        price_micros=price,
        gsp_micros=price,
        vcg_micros=price,
        hold_micros=-(-price // 1_000) if ad.bid_model is BidModel.CPM else price,
        eligible=tuple(ranked[:kept]),
        eligible_count=found.eligible_count,
        dropped=found.dropped[:kept],
        dropped_counts=found.dropped_counts,
        cut=found.cut,
        paces=found.paces,
    )


def _counts(snapshot: Snapshot, features: Features) -> Counter[int]:
    """Return how many of each ad's tags the user said."""
    counts: Counter[int] = Counter()
    for match in features.matches:
        if match.asked:
            counts.update(snapshot.row(snapshot.post_offsets, snapshot.post_ads, match.tag))
    return counts
