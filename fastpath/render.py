"""Proposal → answer: the ad as the user reads it, with label, payer, reason, nonce and receipt."""

from __future__ import annotations

from typing import Final

import msgspec

from domain.catalogue import AdEntry
from domain.formats import LABELS
from domain.language import Language
from fastpath import nonce, receipt
from fastpath.snapshot import Snapshot
from fastpath.types import AdPayload, Answer, Context, Features, Proposal, Reason

OFFER_TTL_MS: Final = 30 * 60_000
_ENCODER: Final = msgspec.json.Encoder()


def encode(answer: Answer) -> bytes:
    """Return the bytes that go over the wire and into the replay check."""
    return _ENCODER.encode(answer)


def refusal(snapshot_id: str, features: Features, context: Context, reason: Reason) -> Answer:
    """Return the answer without an ad."""
    return Answer(
        request_id=context.request_id,
        ad=None,
        reason=reason,
        language=features.language,
        intent=features.intent,
        opportunity=features.opportunity_milli / 1000,
        snapshot=snapshot_id,
    )


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


def offer(
    snapshot: Snapshot,
    features: Features,
    context: Context,
    proposal: Proposal,
    *,
    nonce_mac: bytes,
    signature: bytes,
) -> Answer:
    """Return the answer with the winner; the two secrets-made parts come from outside.

    Args:
        snapshot: Where the winner's texts are.
        features: Decides the language of label and reason.
        context: Request id and time.
        proposal: With a winner.
        nonce_mac: `nonce.mac_of` for this offer.
        signature: Of `receipt_of` for this offer.
    """
    assert proposal.winner is not None
    ad = snapshot.ad(proposal.winner.ad)
    expires_ms = context.now_ms + OFFER_TTL_MS
    return Answer(
        request_id=context.request_id,
        ad=_payload(snapshot, features, ad, proposal.winner.form),
        reason=Reason.SERVED,
        language=features.language,
        intent=features.intent,
        opportunity=features.opportunity_milli / 1000,
        snapshot=snapshot.snapshot_id,
        nonce=nonce.join(expires_ms, nonce_mac),
        expires_ms=expires_ms,
        receipt=receipt.join(receipt_of(snapshot, features, context, proposal), signature),
    )


def _payload(snapshot: Snapshot, features: Features, ad: AdEntry, form: int) -> AdPayload:
    text = ad.texts.get(features.language) or ad.texts[Language.ENG]
    return AdPayload(
        id=ad.ad_id,
        advertiser_id=ad.advertiser_id,
        advertiser_name=ad.advertiser_name,
        format=ad.format,
        title=text.title,
        description=text.description,
        cta_text=text.cta_text,
        cta_url=ad.landing_url,
        label=LABELS[features.language],
        payer=ad.payer,
        why=why_shown(features.language, snapshot.form(form)),
        image_url=ad.image_url,
        question=text.question,
        success_message=text.success_message,
        placeholder=text.placeholder,
    )


def why_shown(language: str, form: str) -> str:
    """Return one sentence that tells the user why this ad is here."""
    if language == Language.JPN:
        return f"「{form}」に関する会話のため表示しています"
    return f"Shown because you asked about {form}"
