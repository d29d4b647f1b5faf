"""What is stored about an ad that was offered, beside its decision record."""

from __future__ import annotations

from typing import Final

import msgspec

from domain.catalogue import AdEntry
from fastpath.render import OFFER_TTL_MS
from fastpath.snapshot import Snapshot
from fastpath.types import Context, Proposal

_encode: Final = msgspec.msgpack.Encoder().encode


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored under `offer:<request id>` (msgpack) for whoever books the events of an ad.

    Attributes:
        request_id, ad_id, campaign_id, advertiser_id, app_id, snapshot_id: What was shown, where.
        bid_model: `cpc` or `cpm`.
        price_micros, vcg_micros, currency: Charge and shadow price per billable unit.
        hold_micros: What is held of the budget. propensity_ppm: chance of the choice.
        house: Never billed.
        issued_ms, expires_ms: UTC milliseconds.
        conversation: Hash of the conversation.
    """

    request_id: str
    ad_id: str
    campaign_id: str
    creative_id: str
    advertiser_id: str
    app_id: str
    publisher_id: str
    snapshot_id: str
    format: str
    bid_model: str
    price_micros: int
    vcg_micros: int
    currency: str
    hold_micros: int
    propensity_ppm: int
    house: bool
    issued_ms: int
    expires_ms: int
    conversation: str


def offer_bytes(
    snapshot: Snapshot, context: Context, proposal: Proposal, ad: AdEntry, conversation: str
) -> bytes:
    """Return what is stored about a proposed ad.

    Args:
        snapshot: Where the ad is.
        context: Request, app and time.
        proposal: With the prices.
        ad: The winner.
        conversation: Hash of the conversation.
    """
    offer = Offer(
        request_id=context.request_id,
        ad_id=ad.ad_id,
        campaign_id=ad.campaign_id,
        creative_id=ad.creative_id,
        advertiser_id=ad.advertiser_id,
        app_id=context.app_id,
        publisher_id=snapshot.apps[context.app_id].publisher_id,
        snapshot_id=snapshot.snapshot_id,
        format=ad.format.value,
        bid_model=ad.bid_model.value,
        price_micros=proposal.price_micros,
        vcg_micros=proposal.vcg_micros,
        currency=ad.currency,
        hold_micros=proposal.hold_micros,
        propensity_ppm=proposal.propensity_ppm,
        house=ad.house,
        issued_ms=context.now_ms,
        expires_ms=context.now_ms + OFFER_TTL_MS,
        conversation=conversation,
    )
    return _encode(offer)
