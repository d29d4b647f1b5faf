"""The words of an answer: the ad as the user reads it, with label, payer and reason.

These are the pieces that do not change from request to request; `_answer` joins them.
"""

from __future__ import annotations

from typing import Final

import msgspec

from domain.catalogue import AdEntry
from domain.formats import LABELS
from domain.language import Language
from fastpath import receipt
from fastpath.types import AdPayload, Answer, Features

OFFER_TTL_MS: Final = 30 * 60_000
NO_OFFER: Final = b',"nonce":null,"expiresMs":null,"receipt":null}'
_encode: Final = msgspec.json.Encoder().encode


def encode(answer: Answer) -> bytes:
    """Return the bytes of an answer: what joining pieces must give, too."""
    return _encode(answer)


def around_why(ad: AdEntry, language: str) -> tuple[bytes, bytes]:
    """Return what stands before and after the value of `why` in an ad's JSON."""
    # Inside a JSON string every quote is escaped, so this stands for the field alone.
    before, _, after = _encode(_payload(ad, language)).rpartition(b'"why":""')
    return before + b'"why":', after


def receipt_of(ad: AdEntry, language: str, snapshot_id: str) -> receipt.Receipt:
    """Return what the receipts of an ad say, but for request, price and time."""
    return receipt.Receipt(
        request_id="",
        ad_id=ad.ad_id,
        label=LABELS[language],
        payer=ad.payer,
        snapshot_id=snapshot_id,
        price_micros=0,
        currency=ad.currency,
        issued_ms=0,
    )


def understood(features: Features, snapshot_id: str) -> bytes:
    """Return what stands behind the reason code in every answer."""
    parts = (features.language, features.intent, features.opportunity_milli / 1000, snapshot_id)
    return b'","language":%b,"intent":%b,"opportunity":%b,"snapshot":%b' % tuple(
        map(_encode, parts)
    )


def _payload(ad: AdEntry, language: str) -> AdPayload:
    text = ad.texts.get(language) or ad.texts[Language.ENG]
    return AdPayload(
        id=ad.ad_id,
        advertiser_id=ad.advertiser_id,
        advertiser_name=ad.advertiser_name,
        format=ad.format,
        title=text.title,
        description=text.description,
        cta_text=text.cta_text,
        cta_url=ad.landing_url,
        label=LABELS[language],
        payer=ad.payer,
        why="",
        image_url=ad.image_url,
        question=text.question,
        success_message=text.success_message,
        placeholder=text.placeholder,
    )


def why_shown(language: str, form: str) -> str:
    """Return one sentence that tells the user why this ad is here.

    Args:
        language: Of the conversation.
        form: What was said that brought the ad in; empty where no single word did.
    """
    if language == Language.JPN:
        if not form:
            return "会話の内容に関連するため表示しています"
        return f"「{form}」に関する会話のため表示しています"
    if not form:
        return "Shown because it fits what this conversation is about"
    return f"Shown because you asked about {form}"
