# cython: boundscheck=True, wraparound=False, initializedcheck=False, nonecheck=True, cdivision=True
"""What a decision says and leaves behind, joined from pieces: answers, receipt, offer, record, question.

Most of each does not change from request to request and is written once per snapshot, ad and language. The
bytes are those that encoding `Answer`, `Receipt`, `Offer` and `DecisionRecord` gives; a test holds the two
together. One source, compiled or not (types: `_answer.pxd`).
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import Any, TypeVar

import msgspec

from domain.time import day_of
from fastpath import offers, receipt, record, render
from fastpath._tokens import Macs, base64url
from fastpath.caps import caps_of
from fastpath.engines import Engine
from fastpath.packed import bin_head, key, pack
from fastpath.reservation import Ask, Verdict
from fastpath.snapshot import Snapshot
from fastpath.types import AdRequest, Context, Features, Proposal, Reason

_Made = TypeVar("_Made")
_MOST = 4_096
_DAY_MS = 86_400_000
_EMPTY = blake2b(digest_size=16)
_PAUSE = Reason.COOLDOWN.value
_TTL_MS = render.OFFER_TTL_MS
_KEPT = record.KEPT
_GRANTED = Verdict.GRANTED
_REFUSED = Verdict.REFUSED
_SENSITIVE = Reason.SENSITIVE
_SECOND = Engine.V2
_json = msgspec.json.Encoder().encode
_pack = pack
_ASK = b'{"requestId":'
_NO_AD = b',"ad":null,"reason":"'
#: Pieces of the record, by what they begin with.
_MESSAGE, _FEATURES, _CONTEXT = (key(n) for n in ("message", "features", "context"))
_MESSAGE += record.HEX
_REASON, _WINNER, _RANK = (key(n) for n in ("reason", "winner", "rank"))
_PROPENSITY, _PRICE = key("propensity_ppm"), key("price_micros")
_VCG, _HOLD = key("vcg_micros"), key("hold_micros")
_ELIGIBLE, _HOW_MANY = key("eligible"), key("eligible_count")
_DROPPED, _COUNTS = key("dropped"), key("dropped_counts")
_MAC = key("nonce_mac") + bin_head(32)
_SIGNATURE = key("signature") + bin_head(64)
_HASH = key("answers_hash") + bin_head(16)
_UNSIGNED = key("nonce_mac") + _pack(b"") + key("signature") + _pack(b"") + _HASH
_NOBODY = b"".join(
    (_pack(()), _HOW_MANY, _pack(0), _DROPPED, _pack(()), _COUNTS, _pack({}), _UNSIGNED)
)
_ENDS = {
    engine: key("engine") + _pack(engine) + key("verdict") + _pack(_REFUSED) for engine in Engine
}
_END = _ENDS[_SECOND]
#: Reason code → bytes, and → the record's fields from the reason up to the eligible, without a winner.
_CODES = {reason.value: reason.value.encode("ascii") for reason in Reason}
_UNWON = {
    reason.value: b"".join(
        (
            _REASON, _pack(reason), _WINNER, _pack(None), _RANK, _pack(0), _PROPENSITY, _pack(0),
            _PRICE, _pack(0), _VCG, _pack(0), _HOLD, _pack(0), _ELIGIBLE,
        )
    )
    for reason in Reason
}  # fmt: skip


class Card:
    """One ad in one language: all that its answers, receipts and offers have in common.

    Args:
        snapshot: Where the ad is.
        number: Which one.
        language: Of the conversation.
    """

    def __init__(self, snapshot: Snapshot, number: int, language: str) -> None:
        ad = snapshot.ad(number)
        self.ad = ad
        self.before, self.after = render.around_why(ad, language)
        self.issued, self.priced, self.named, self.end = receipt.around(
            render.receipt_of(ad, language, snapshot.snapshot_id)
        )
        self.ids, self.terms, self.held, self.house = offers.around(ad, snapshot.snapshot_id)


class Seals:
    """The secrets: of nonces, of receipts, and of what frequency caps count by.

    Args:
        nonces: Makes the MACs of nonces.
        sign: Makes the signature of a receipt's bytes.
        caps_key: See `caps_of`.
    """

    def __init__(self, nonces: Macs, sign: Any, caps_key: bytes) -> None:
        self.nonces = nonces
        self.sign = sign
        self.caps_key = caps_key


class Book:
    """A snapshot, and the pieces that answers from it are joined from. Bounded.

    Args:
        snapshot: What is served from.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.snapshot_id = snapshot.snapshot_id
        self.opening = record.opening(snapshot.snapshot_id)
        self.cards: dict[Any, Any] = {}
        self.whys: dict[Any, Any] = {}
        self.ends: dict[Any, Any] = {}
        self.apps: dict[Any, Any] = {}

    def card(self, number: Any, language: str) -> Any:
        """Return an ad's card."""
        key = (number, language)
        found = self.cards.get(key)
        if found is None:
            found = _keep(self.cards, key, Card(self.snapshot, number, language))
        return found

    def why(self, language: str, form: Any) -> bytes:
        """Return the JSON of the sentence why an ad is there; see `render.why_shown`."""
        key = (form, language)
        found = self.whys.get(key)
        if found is None:
            text = self.snapshot.form(form) if form >= 0 else ""
            found = _keep(self.whys, key, _json(render.why_shown(language, text)))
        return found

    def ending(self, features: Features) -> tuple[bytes, bytes]:
        """Return what stands behind the reason code, up to the nonce, and in an answer without an ad."""
        key = (features.language, features.intent._value_, features.opportunity_milli)
        found = self.ends.get(key)
        if found is None:
            understood = render.understood(features, self.snapshot_id)
            found = _keep(self.ends, key, (understood, understood + render.NO_OFFER))
        return found

    def app(self, app_id: str) -> bytes:
        """Return app and publisher as they stand in an offer."""
        found = self.apps.get(app_id)
        if found is None:
            publisher = self.snapshot.apps[app_id].publisher_id
            found = _keep(self.apps, app_id, offers.app_of(app_id, publisher))
        return found

    def signed(self, card: Any, context: Context, proposal: Proposal) -> bytes:
        """Return the bytes of the receipt: what is signed."""
        return b"".join((
            card.issued, _json(context.now_ms), card.priced, _json(proposal.price_micros), card.named,
            _json(context.request_id), card.end,
        ))  # fmt: skip

    def granted(
        self, card: Any, features: Features, context: Context, proposal: Proposal, mac: bytes,
        signed: bytes, signature: bytes,
    ) -> bytes:  # fmt: skip
        """Return the answer with the winner; MAC and signature come from outside."""
        expires_ms = context.now_ms + _TTL_MS
        why = self.why(features.language, proposal.winner.form)  # type: ignore[union-attr]
        return b"".join((
            _ASK, _json(context.request_id), b',"ad":', card.before, why, card.after, b',"reason":"',
            _CODES[proposal.reason._value_], self.ending(features)[0], b',"nonce":"',
            base64url(expires_ms.to_bytes(8, "big") + mac), b'","expiresMs":',
            _json(expires_ms), b',"receipt":"', base64url(signed), b".",
            base64url(signature), b'"}',
        ))  # fmt: skip

    def refused(self, features: Features, request_id: str, code: str) -> bytes:
        """Return an answer without an ad."""
        return b"".join((_ASK, _json(request_id), _NO_AD, _CODES[code], self.ending(features)[1]))

    def around(self, features: Features, request_id: str) -> tuple[bytes, bytes]:
        """Return what stands before and after the reason code in an answer without an ad."""
        return b"".join((_ASK, _json(request_id), _NO_AD)), self.ending(features)[1]

    def offer(self, card: Any, context: Context, proposal: Proposal, conversation: str) -> bytes:
        """Return the bytes of the `Offer`: what is stored for whoever books events."""
        now = context.now_ms
        return b"".join((
            offers.OPENING, _pack(context.request_id), card.ids, self.app(context.app_id), card.terms,
            _pack(proposal.price_micros), offers.VCG, _pack(proposal.vcg_micros), card.held,
            _pack(proposal.hold_micros), offers.PROPENSITY, _pack(proposal.propensity_ppm), card.house,
            _pack(now), offers.EXPIRES, _pack(now + _TTL_MS), offers.CONVERSATION, _pack(conversation),
        ))  # fmt: skip

    def entry(
        self, conversation: str, message: str, features: Features, context: Context, proposal: Proposal,
        engine: Engine, mac: bytes, signature: bytes, digest: bytes,
    ) -> bytes:  # fmt: skip
        """Return the bytes of the `DecisionRecord` before the state has spoken.

        Args:
            conversation: Hash of its id.
            message: Hash of its id.
            features: What was understood.
            context: What else was known.
            proposal: What was decided.
            engine: By which rule.
            mac: Of the nonce; used with a winner only.
            signature: Of the receipt; used with a winner only.
            digest: `answers_hash` of the answers.
        """
        dropped = proposal.dropped
        counts = proposal.dropped_counts
        head = b"".join((
            self.opening, conversation.encode("ascii"), _MESSAGE, message.encode("ascii"), _FEATURES,
            _pack(features), _CONTEXT, _pack(context),
        ))  # fmt: skip
        end = _END if engine is _SECOND else _ENDS[engine]
        winner = proposal.winner
        if winner is None:
            middle = _UNWON[proposal.reason._value_]
            if not proposal.eligible_count and not dropped and not counts:
                return b"".join((head, middle, _NOBODY, digest, end))
            seals = _UNSIGNED
        else:
            middle = b"".join((
                _REASON, _pack(proposal.reason), _WINNER, _pack(winner), _RANK, _pack(proposal.rank),
                _PROPENSITY, _pack(proposal.propensity_ppm), _PRICE, _pack(proposal.price_micros), _VCG,
                _pack(proposal.vcg_micros), _HOLD, _pack(proposal.hold_micros), _ELIGIBLE,
            ))  # fmt: skip
            seals = b"".join((_MAC, mac, _SIGNATURE, signature, _HASH))
        return b"".join((
            head, middle, _pack(proposal.eligible[:_KEPT]), _HOW_MANY, _pack(proposal.eligible_count),
            _DROPPED, _pack(dropped[:_KEPT]), _COUNTS, _pack(counts), seals, digest, end,
        ))  # fmt: skip


def _keep(kept: Any, key: Any, made: _Made) -> _Made:
    """Keep what was made, for as long as there is room; return it."""
    if len(kept) >= _MOST:
        kept.clear()
    kept[key] = made
    return made


def question(
    book: Book, seals: Seals, request: AdRequest, features: Features, context: Context,
    proposal: Proposal, engine: Engine, conversation: str, message: str, final: Any,
) -> Ask:  # fmt: skip
    """Return the question for the state, with what it takes to answer every verdict.

    Args:
        book: Of the snapshot that decided.
        seals: The secrets.
        request: What was asked.
        features: What was understood.
        context: What else was known.
        proposal: What was decided.
        engine: By which rule.
        conversation: Hash of its id.
        message: Hash of its id.
        final: See `Ask`.
    """
    now = context.now_ms
    winner = proposal.winner
    if winner is None:
        refused = book.refused(features, context.request_id, proposal.reason._value_)
        entry = book.entry(
            conversation, message, features, context, proposal, engine, b"", b"",
            answers_hash(b"", refused),
        )  # fmt: skip
        return Ask(
            request.app_id, request.conversation_id, request.message_id, request.request_id, now,
            _day(now // _DAY_MS), False, features.refusal is _SENSITIVE, "", 0, 0, None, None, (),
            True, b"", 1, entry, {_REFUSED: refused},
        )  # fmt: skip
    card = book.card(winner.ad, features.language)
    ad = card.ad
    expires_ms = now + _TTL_MS
    signed = book.signed(card, context, proposal)
    mac = seals.nonces.of(context.request_id, winner.ad_id, expires_ms)
    signature = seals.sign(signed)
    granted = book.granted(card, features, context, proposal, mac, signed, signature)
    paused = book.refused(features, context.request_id, _PAUSE)
    entry = book.entry(
        conversation, message, features, context, proposal, engine, mac, signature,
        answers_hash(granted, paused),
    )  # fmt: skip
    return Ask(
        request.app_id, request.conversation_id, request.message_id, request.request_id, now,
        _day(now // _DAY_MS), True, False, ad.campaign_id, proposal.hold_micros, expires_ms,
        ad.budget_total_micros, ad.budget_daily_micros,
        caps_of(ad, request, seals.caps_key) if ad.caps else (), final,
        book.offer(card, context, proposal, conversation), _TTL_MS, entry, {_GRANTED: granted},
        book.around(features, context.request_id),
    )  # fmt: skip


def answers_hash(granted: bytes, refused: bytes) -> bytes:
    """Return the BLAKE2b-128 of the answer that was hoped for, if any, and of one that refuses it.

    Refusals of one request differ in their reason code alone, so one of them stands for all: that of the
    pause where an ad was hoped for.
    """
    state = _EMPTY.copy()
    state.update(granted + refused)
    return bytes(state.digest())


@lru_cache(maxsize=8)
def _day(number: int) -> str:
    """Return a UTC day, counted from 1970, as `YYYYMMDD`."""
    return day_of(number * _DAY_MS).strftime("%Y%m%d")
