"""The second pure stage of the decision: features → proposal.

It sees only features (`reading.read_turns` makes them) and the snapshot, so a decision can be recomputed from
its record.
"""

from __future__ import annotations

from domain.catalogue import AppEntry
from fastpath._auction import MAX_CANDIDATES
from fastpath._context import context_of
from fastpath._decide import asked_of, choose, desk_for, refusal_of
from fastpath.eligibility import declared_of
from fastpath.plain import kernel_of, plain_market
from fastpath.snapshot import Snapshot
from fastpath.types import Context, Features, Reason

__all__ = ["MAX_CANDIDATES", "choose", "context_of", "plain_market", "rank"]


def rank(
    snapshot: Snapshot,
    features: Features,
    context: Context,
    *,
    app: AppEntry | None = None,
    top: int = 10,
    bids: bool = False,
) -> tuple[tuple[str, int], ...]:
    """Return the ads that may be shown, best first, as (ad id, relevance in parts per million).

    For measuring: whatever the opportunity, no budget, cap or pace counts, and nothing is explored.

    Args:
        snapshot: As for `choose`, as are the next three.
        features: Of the conversation.
        context: Of the request.
        app: The asking app.
        top: How many at most.
        bids: Rank and report by score, bids included, instead of by relevance alone.
    """
    market = snapshot.market
    desk = desk_for(snapshot, market, context.app_id, app)
    refusal = refusal_of(features, context, desk)
    if desk is None or refusal not in (None, Reason.LOW_OPPORTUNITY):
        return ()
    if not desk.safe:
        market = plain_market(snapshot)
    asked = asked_of(snapshot, features, context, desk, market, None, True)
    declared = declared_of(snapshot, context)
    rows = kernel_of(market).ranked(market, features, declared, asked, MAX_CANDIDATES)
    found = [(score if bids else one.relevance_ppm, one) for score, one in rows]
    found.sort(key=lambda row: (-row[0], -row[1].relevance_ppm, row[1].ad))
    return tuple((one.ad_id, value) for value, one in found[:top])
