"""What is stored about an ad that was offered, beside its decision record."""

from __future__ import annotations

from typing import Final

import msgspec

from domain.catalogue import AdEntry
from fastpath.packed import key, map_head, pack


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


#: Names of the fields, as they stand before their values.
OPENING: Final = map_head(len(Offer.__struct_fields__)) + key("request_id")
_AD, _CAMPAIGN, _CREATIVE = key("ad_id"), key("campaign_id"), key("creative_id")
_ADVERTISER, _APP, _PUBLISHER = key("advertiser_id"), key("app_id"), key("publisher_id")
_SNAPSHOT, _FORMAT, _MODEL = key("snapshot_id"), key("format"), key("bid_model")
_PRICE, VCG, _CURRENCY = key("price_micros"), key("vcg_micros"), key("currency")
_HOLD, PROPENSITY, _HOUSE = key("hold_micros"), key("propensity_ppm"), key("house")
_ISSUED, EXPIRES, CONVERSATION = key("issued_ms"), key("expires_ms"), key("conversation")


def around(ad: AdEntry, snapshot_id: str) -> tuple[bytes, bytes, bytes, bytes]:
    """Return what the offers of an ad have in common.

    Returns:
        What stands before the app, from there to the price, from VCG price to hold, and from propensity to time.
    """
    ids = (
        _AD, pack(ad.ad_id), _CAMPAIGN, pack(ad.campaign_id), _CREATIVE, pack(ad.creative_id),
        _ADVERTISER, pack(ad.advertiser_id), _APP,
    )  # fmt: skip
    terms = (
        _SNAPSHOT, pack(snapshot_id), _FORMAT, pack(ad.format), _MODEL, pack(ad.bid_model), _PRICE,
    )  # fmt: skip
    return (
        b"".join(ids),
        b"".join(terms),
        _CURRENCY + pack(ad.currency) + _HOLD,
        _HOUSE + pack(ad.house) + _ISSUED,
    )


def app_of(app_id: str, publisher_id: str) -> bytes:
    """Return app and publisher as they stand in an offer."""
    return pack(app_id) + _PUBLISHER + pack(publisher_id)
