"""The public face of the serving plane: one request in, one answer out, every refusal with a reason."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import msgspec

from auction.types import Rule
from domain.catalogue import AdEntry
from domain.errors import Unavailable
from domain.ids import Ids
from domain.time import Clock, day_of
from fastpath import gate, record, render
from fastpath.decide import choose, context_of
from fastpath.eligibility import number_of
from fastpath.nonce import mac_of
from fastpath.reading import read_turns
from fastpath.receipt import Signer
from fastpath.render import OFFER_TTL_MS
from fastpath.reservation import Ask, Keys, Reservation, Ruling, Verdict
from fastpath.snapshot import Snapshot
from fastpath.text import canonical_tag
from fastpath.types import AdRequest, Answer, Context, Features, Proposal, Reason

_ATTEMPTS: Final = 3
_DAY_MS: Final = 86_400_000
#: How long a campaign found without budget is not proposed again by this process.
_SPENT_PAUSE_MS: Final = 2_000
_ANSWER: Final = msgspec.json.Decoder(Answer)
_REASONS: Final = {
    Verdict.COOLDOWN: Reason.COOLDOWN,
    Verdict.BUDGET: Reason.BUDGET,
    Verdict.STATE_UNAVAILABLE: Reason.STATE_UNAVAILABLE,
    Verdict.SENSITIVE: Reason.SENSITIVE,
}


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


class FastPath:
    """Answers ad requests from one snapshot at a time.

    Args:
        snapshot: What to serve from.
        reservation: Shared state.
        signer: Signs receipts.
        nonce_key: Secret of the event nonces.
        clock: Used where a request carries no time.
        ids: Used where a request carries no id.
        rule: Which price is charged.

    Raises:
        GateModelError: The sensitive gate's model is missing or damaged; nothing is served without it.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        reservation: Reservation,
        signer: Signer,
        nonce_key: bytes,
        clock: Clock,
        ids: Ids,
        *,
        rule: Rule = Rule.GSP,
    ) -> None:
        gate.ready()
        self._snapshot = snapshot
        self._reservation = reservation
        self._signer = signer
        self._nonce_key = nonce_key
        self._clock = clock
        self._ids = ids
        self._rule = rule
        self._keys = Keys()
        self._spent: dict[str, int] = {}

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot that decides now."""
        return self._snapshot

    def swap(self, snapshot: Snapshot) -> Snapshot:
        """Serve from another snapshot from the next request on; returns the one before.

        Requests under way keep the one they started with.
        """
        before, self._snapshot = self._snapshot, snapshot
        return before

    async def answer(self, request: AdRequest) -> Answer:
        """Return the ad for a chat turn, or the reason why there is none. Does not raise for bad text."""
        return _ANSWER.decode(await self.answer_bytes(request))

    async def answer_bytes(self, request: AdRequest) -> bytes:
        """Return the JSON bytes of the answer: what the hot route sends and replay recomputes."""
        snapshot = self._snapshot
        request = _known(snapshot, self._completed(request))
        features = read_turns(snapshot, request)
        if not (request.app_id and request.conversation_id and request.message_id):
            features = Features(refusal=Reason.INVALID, language="und", language_why="default")
        for attempt in range(_ATTEMPTS):
            final = attempt == _ATTEMPTS - 1
            body, spent = await self._attempt(snapshot, request, features, final=final)
            if spent is None:
                break
            self._spent[spent] = request.now_ms + _SPENT_PAUSE_MS
        return body

    def _completed(self, request: AdRequest) -> AdRequest:
        if request.request_id and request.now_ms:
            return request
        return msgspec.structs.replace(
            request,
            request_id=request.request_id or self._ids.new("req"),
            now_ms=request.now_ms or self._clock.now_ms(),
        )

    async def _attempt(
        self, snapshot: Snapshot, request: AdRequest, features: Features, *, final: bool
    ) -> tuple[bytes, str | None]:
        """Propose once and ask the state; returns (answer bytes, campaign to leave out next time)."""
        now = request.now_ms
        self._spent = {c: until for c, until in self._spent.items() if until > now}
        context = context_of(request, now_ms=now, spent=self._spent)
        proposal = choose(snapshot, features, context, rule=self._rule, kept=record.KEPT)
        ask, fallback = self._ask(snapshot, request, features, context, proposal, final=final)
        try:
            ruling: Ruling = await self._reservation.reserve(ask)
        except Unavailable:
            return fallback, None
        if ruling.verdict is Verdict.BUDGET and not ruling.answer and not final:
            return b"", ask.campaign_id
        return ruling.answer, None

    def _ask(
        self,
        snapshot: Snapshot,
        request: AdRequest,
        features: Features,
        context: Context,
        proposal: Proposal,
        *,
        final: bool,
    ) -> tuple[Ask, bytes]:
        """Return the question for the state, and the answer to give if it cannot be asked."""
        conversation = self._keys.conversation("c", request.app_id, request.conversation_id)
        message = self._keys.conversation("m", request.app_id, request.message_id)
        mac, signature = self._seals(snapshot, features, context, proposal)
        answers = answers_of(snapshot, features, context, proposal, mac, signature)
        entry = record.build(
            snapshot_id=snapshot.snapshot_id,
            conversation=conversation,
            message=message,
            features=features,
            context=context,
            proposal=proposal,
            nonce_mac=mac,
            signature=signature,
            answers=answers,
        )
        base = Ask(
            app_id=request.app_id,
            conversation_id=request.conversation_id,
            message_id=request.message_id,
            request_id=request.request_id,
            now_ms=request.now_ms,
            day=_day(request.now_ms // _DAY_MS),
            wants_ad=proposal.winner is not None,
            sensitive=features.refusal is Reason.SENSITIVE,
            final=final,
            record=record.encode(entry),
            answers=answers,
        )
        if proposal.winner is None:
            return base, answers[Verdict.REFUSED]
        ad = snapshot.ad(proposal.winner.ad)
        offer = _offer(snapshot, context, proposal, ad, conversation)
        asked = msgspec.structs.replace(
            base,
            campaign_id=ad.campaign_id,
            hold_micros=proposal.hold_micros,
            hold_expires_ms=request.now_ms + OFFER_TTL_MS,
            budget_total_micros=ad.budget_total_micros,
            budget_daily_micros=ad.budget_daily_micros,
            offer=msgspec.msgpack.encode(offer),
            offer_ttl_ms=OFFER_TTL_MS,
        )
        return asked, answers[Verdict.STATE_UNAVAILABLE]

    def _seals(
        self, snapshot: Snapshot, features: Features, context: Context, proposal: Proposal
    ) -> tuple[bytes, bytes]:
        """Return nonce MAC and receipt signature, the two parts that need secrets."""
        if proposal.winner is None:
            return b"", b""
        expires_ms = context.now_ms + OFFER_TTL_MS
        mac = mac_of(self._nonce_key, context.request_id, proposal.winner.ad_id, expires_ms)
        return mac, self._signer.signature(render.receipt_of(snapshot, features, context, proposal))


def _offer(
    snapshot: Snapshot, context: Context, proposal: Proposal, ad: AdEntry, conversation: str
) -> Offer:
    """Return what is stored about a proposed ad."""
    return Offer(
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


@lru_cache(maxsize=8)
def _day(number: int) -> str:
    """Return a UTC day, counted from 1970, as `YYYYMMDD`."""
    return day_of(number * _DAY_MS).strftime("%Y%m%d")


def _known(snapshot: Snapshot, request: AdRequest) -> AdRequest:
    """Leave out topics and mutes that no ad of the snapshot has to do with.

    They decide nothing, and a host may have put words of its user there, which no record may keep.
    """
    if not (request.topics or request.blocked_advertisers):
        return request
    topics = {canonical_tag(topic) for topic in request.topics} & snapshot.topics
    names = snapshot.names.advertisers
    muted = {one for one in request.blocked_advertisers if number_of(names, one) >= 0}
    return msgspec.structs.replace(request, topics=tuple(topics), blocked_advertisers=tuple(muted))


def answers_of(
    snapshot: Snapshot,
    features: Features,
    context: Context,
    proposal: Proposal,
    nonce_mac: bytes,
    signature: bytes,
) -> dict[Verdict, bytes]:
    """Return the answer bytes for every verdict the state may give."""
    if proposal.winner is None:
        refused = render.refusal(snapshot.snapshot_id, features, context, proposal.reason)
        return {Verdict.REFUSED: render.encode(refused)}
    answers = {
        verdict: render.encode(render.refusal(snapshot.snapshot_id, features, context, reason))
        for verdict, reason in _REASONS.items()
    }
    offer = render.offer(
        snapshot, features, context, proposal, nonce_mac=nonce_mac, signature=signature
    )
    return {Verdict.GRANTED: render.encode(offer), **answers}
