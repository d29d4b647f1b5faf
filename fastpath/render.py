"""Proposal → answer: the ad as the user reads it, with label, payer, reason, nonce and receipt.

Answers are spliced from pieces that do not change from request to request: what was understood, and the ad's
texts. The bytes are those that encoding an `Answer` gives; a test holds the two together.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import msgspec

from domain.catalogue import AdEntry
from domain.formats import LABELS, Intent
from domain.language import Language
from fastpath import nonce, receipt
from fastpath.snapshot import Snapshot
from fastpath.types import AdPayload, Answer, Context, Features, Proposal, Reason

OFFER_TTL_MS: Final = 30 * 60_000
_MOST_CARDS: Final = 4_096
_NO_OFFER: Final = b',"nonce":null,"expiresMs":null,"receipt":null}'
_encode: Final = msgspec.json.Encoder().encode


def encode(answer: Answer) -> bytes:
    """Return the bytes of an answer: what splicing must give, too."""
    return _encode(answer)


def around_reason(snapshot_id: str, features: Features, request_id: str) -> tuple[bytes, bytes]:
    """Return what stands before and after the reason code in an answer without an ad."""
    before = b'{"requestId":' + _encode(request_id) + b',"ad":null,"reason":"'
    return before, _tail(snapshot_id, features) + _NO_OFFER


def offer(
    cards: Cards,
    snapshot: Snapshot,
    features: Features,
    context: Context,
    proposal: Proposal,
    *,
    nonce_mac: bytes,
    signed: bytes,
    signature: bytes,
) -> bytes:
    """Return the answer with the winner; the two secrets-made parts come from outside.

    Args:
        cards: The ads' pieces.
        snapshot: Where the winner's texts are.
        features: Decides the language of label and reason.
        context: Request id and time.
        proposal: With a winner.
        nonce_mac: `nonce.mac_of` for this offer.
        signed: `receipt.payload` of `receipt_of` for this offer.
        signature: Of those bytes.
    """
    assert proposal.winner is not None
    before, after = cards.around_why(snapshot, proposal.winner.ad, features.language)
    expires_ms = context.now_ms + OFFER_TTL_MS
    return b"".join(
        (
            b'{"requestId":', _encode(context.request_id),
            b',"ad":', before, _encode(why_shown(features.language, _why_form(snapshot, proposal))),
            after, b',"reason":"', _code(proposal.reason), _tail(snapshot.snapshot_id, features),
            b',"nonce":"', nonce.token(expires_ms, nonce_mac),
            b'","expiresMs":%d,"receipt":"' % expires_ms, receipt.token(signed, signature), b'"}',
        )
    )  # fmt: skip


class Cards:
    """The JSON of ads around the one field that differs from request to request.

    Bounded; entries are found by the snapshot's content hash, so a swap needs no clearing.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, int, str], tuple[bytes, bytes]] = {}

    def around_why(self, snapshot: Snapshot, number: int, language: str) -> tuple[bytes, bytes]:
        """Return what stands before and after the value of `why` in an ad's JSON."""
        key = (snapshot.snapshot_id, number, language)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _MOST_CARDS:
                self._known.clear()
            body = _encode(_payload(snapshot.ad(number), language))
            # Inside a JSON string every quote is escaped, so this stands for the field alone.
            before, _, after = body.rpartition(b'"why":""')
            known = self._known[key] = (before + b'"why":', after)
        return known


def receipt_of(
    snapshot: Snapshot, features: Features, context: Context, proposal: Proposal
) -> receipt.Receipt:
    """Return what the receipt of a proposal with a winner says."""
    assert proposal.winner is not None
    ad = snapshot.ad(proposal.winner.ad)
    return receipt.Receipt(
        request_id=context.request_id,
        ad_id=ad.ad_id,
        label=LABELS[features.language],
        payer=ad.payer,
        snapshot_id=snapshot.snapshot_id,
        price_micros=proposal.price_micros,
        currency=ad.currency,
        issued_ms=context.now_ms,
    )


@lru_cache(maxsize=4_096)
def _understood(language: str, intent: Intent, opportunity_milli: int, snapshot_id: str) -> bytes:
    parts = (language, intent, opportunity_milli / 1000, snapshot_id)
    return b'","language":%b,"intent":%b,"opportunity":%b,"snapshot":%b' % tuple(
        map(_encode, parts)
    )


def _tail(snapshot_id: str, features: Features) -> bytes:
    return _understood(features.language, features.intent, features.opportunity_milli, snapshot_id)


@lru_cache(maxsize=256)
def _code(reason: Reason) -> bytes:
    return reason.value.encode("ascii")


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


def _why_form(snapshot: Snapshot, proposal: Proposal) -> str:
    assert proposal.winner is not None
    form = proposal.winner.form
    return snapshot.form(form) if form >= 0 else ""


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
