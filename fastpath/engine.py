"""The public face of the serving plane: one request in, one answer out, every refusal with a reason."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Final, NamedTuple

import msgspec

from auction.types import Rule
from domain.catalogue import CapScope
from domain.errors import Unavailable
from domain.formats import COOLDOWN_MS
from domain.ids import Ids
from domain.time import Clock, day_of
from fastpath import gate, receipt, record, render
from fastpath.caps import Shown, caps_of
from fastpath.decide import context_of
from fastpath.eligibility import number_of
from fastpath.engines import Engine, propose
from fastpath.nonce import mac_of
from fastpath.offers import Offer as Offer
from fastpath.offers import offer_bytes
from fastpath.reading import read_turns
from fastpath.receipt import Signer
from fastpath.render import OFFER_TTL_MS
from fastpath.reservation import TRY_ANOTHER, Ask, Reservation, Ruling, Verdict
from fastpath.snapshot import Snapshot
from fastpath.text import canonical_tag
from fastpath.types import AdRequest, Answer, Context, Features, Proposal, Reason

_ATTEMPTS: Final = 3
_DAY_MS: Final = 86_400_000
#: How long a campaign found without budget is not proposed again by this process.
_SPENT_PAUSE_MS: Final = 2_000
_ANSWER: Final = msgspec.json.Decoder(Answer)
#: Conversations this process remembers to have given an ad.
_MOST_GRANTED: Final = 20_000


class Seal(NamedTuple):
    """What an offer holds that needs secrets: nonce MAC, receipt bytes and their signature."""

    mac: bytes
    signed: bytes
    signature: bytes


_NO_SEAL: Final = Seal(b"", b"", b"")


class FastPath:
    """Answers ad requests from one snapshot at a time.

    What costs most is done last and only where it can matter: a refusal is spliced from pieces and signs
    nothing; a conversation that this process gave an ad less than a pause ago is refused without a
    signature; the receipt of an ad is encoded once and signed once, before the one trip to the state, so
    that the record holds all that a replay needs.

    Args:
        snapshot: What to serve from.
        reservation: Shared state.
        signer: Signs receipts.
        nonce_key: Secret of the event nonces.
        clock: Used where a request carries no time.
        ids: Used where a request carries no id.
        rule: Which price is charged.
        caps_key: Secret that hashes what frequency caps count by.
        cooldown_ms: The pause that the reservation keeps.
        paces: Live shares of evenly paced campaigns, by id; by default those of the snapshot.

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
        caps_key: bytes = b"",
        cooldown_ms: int = COOLDOWN_MS,
        paces: Callable[[], Mapping[str, int]] = dict,
    ) -> None:
        gate.ready()
        self._snapshot = snapshot
        self._reservation = reservation
        self._signer = signer
        self._nonce_key = nonce_key
        self._clock = clock
        self._ids = ids
        self._rule = rule
        self._caps_key = caps_key
        self._cooldown_ms = cooldown_ms
        self._paces = paces
        self._cards = render.Cards()
        self._spent: dict[str, int] = {}
        self._shown = Shown()
        self._granted: OrderedDict[str, int] = OrderedDict()

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

    async def answer(self, request: AdRequest, *, engine: Engine = Engine.V2) -> Answer:
        """Return the ad for a chat turn, or the reason why there is none. Does not raise for bad text."""
        return _ANSWER.decode(await self.answer_bytes(request, engine=engine))

    async def answer_bytes(self, request: AdRequest, *, engine: Engine = Engine.V2) -> bytes:
        """Return the JSON bytes of the answer: what the hot route sends and replay recomputes."""
        snapshot = self._snapshot
        request = known(snapshot, self._completed(request))
        features = read_turns(snapshot, request)
        if not (request.app_id and request.conversation_id and request.message_id):
            features = Features(refusal=Reason.INVALID, language="und", language_why="default")
        conversation = hashed(request.app_id, request.conversation_id)
        capped: set[str] = set()
        for attempt in range(_ATTEMPTS):
            final = attempt == _ATTEMPTS - 1
            context = self._context(request, conversation, capped)
            proposal = propose(
                engine, snapshot, features, context, kept=record.KEPT, paces=self._paces()
            )
            if proposal.paces:
                context = msgspec.structs.replace(context, paces=proposal.paces)
            if proposal.winner is not None and self._resting(conversation, request.now_ms):
                proposal = record.rested(proposal)
            ask = self._ask(
                snapshot, request, features, context, proposal, engine, conversation, final
            )
            try:
                ruling = await self._reservation.reserve(ask)
            except Unavailable:
                down = Verdict.REFUSED if proposal.winner is None else Verdict.STATE_UNAVAILABLE
                return ask.said(down)
            self._learn(conversation, request.now_ms, ruling)
            if final or ruling.answer or ruling.verdict not in TRY_ANOTHER:
                break
            if ruling.verdict is Verdict.BUDGET:
                self._spent[ask.campaign_id] = request.now_ms + _SPENT_PAUSE_MS
            else:
                capped.update(_capped(snapshot, proposal, ruling.cap))
        return ruling.answer

    def _completed(self, request: AdRequest) -> AdRequest:
        if request.request_id and request.now_ms:
            return request
        return msgspec.structs.replace(
            request,
            request_id=request.request_id or self._ids.new("req"),
            now_ms=request.now_ms or self._clock.now_ms(),
        )

    def _context(self, request: AdRequest, conversation: str, capped: set[str]) -> Context:
        now = request.now_ms
        if self._spent:
            self._spent = {c: until for c, until in self._spent.items() if until > now}
        shown = self._shown.of(conversation)
        return context_of(
            request, now_ms=now, spent=self._spent, capped=capped, shown=shown, rule=self._rule
        )

    def _resting(self, conversation: str, now_ms: int) -> bool:
        """Tell whether the state is known to refuse: this process gave the conversation its last ad."""
        last = self._granted.get(conversation)
        return last is not None and now_ms < last + self._cooldown_ms

    def _learn(self, conversation: str, now_ms: int, ruling: Ruling) -> None:
        """Keep what a ruling tells about a conversation, for its next decision."""
        if ruling.repeated:
            return
        self._shown.learn(conversation, ruling.shown)
        if ruling.verdict is Verdict.GRANTED:
            self._granted[conversation] = now_ms
            self._granted.move_to_end(conversation)
            if len(self._granted) > _MOST_GRANTED:
                self._granted.popitem(last=False)

    def _ask(
        self,
        snapshot: Snapshot,
        request: AdRequest,
        features: Features,
        context: Context,
        proposal: Proposal,
        engine: Engine,
        conversation: str,
        final: bool,
    ) -> Ask:
        """Return the question for the state, with what it takes to answer every verdict."""
        seal = self._seal(snapshot, features, context, proposal)
        granted, around = answers_of(snapshot, features, context, proposal, seal, self._cards)
        refused = overruled(around, proposal)
        entry = record.build(
            snapshot_id=snapshot.snapshot_id,
            conversation=conversation,
            message=hashed(request.app_id, request.message_id),
            features=features,
            context=context,
            proposal=proposal,
            engine=engine,
            nonce_mac=seal.mac,
            signature=seal.signature,
            answers=(granted, refused),
        )
        now = request.now_ms
        if proposal.winner is None:
            return Ask(
                app_id=request.app_id,
                conversation_id=request.conversation_id,
                message_id=request.message_id,
                request_id=request.request_id,
                now_ms=now,
                day=_day(now // _DAY_MS),
                wants_ad=False,
                sensitive=features.refusal is Reason.SENSITIVE,
                record=record.encode(entry),
                answers={Verdict.REFUSED: refused},
            )
        ad = snapshot.ad(proposal.winner.ad)
        return Ask(
            app_id=request.app_id,
            conversation_id=request.conversation_id,
            message_id=request.message_id,
            request_id=request.request_id,
            now_ms=now,
            day=_day(now // _DAY_MS),
            wants_ad=True,
            campaign_id=ad.campaign_id,
            hold_micros=proposal.hold_micros,
            hold_expires_ms=now + OFFER_TTL_MS,
            budget_total_micros=ad.budget_total_micros,
            budget_daily_micros=ad.budget_daily_micros,
            caps=caps_of(ad, request, self._caps_key) if ad.caps else (),
            final=final,
            offer=offer_bytes(snapshot, context, proposal, ad, conversation),
            offer_ttl_ms=OFFER_TTL_MS,
            record=record.encode(entry),
            answers={Verdict.GRANTED: granted},
            overruled=around,
        )

    def _seal(
        self, snapshot: Snapshot, features: Features, context: Context, proposal: Proposal
    ) -> Seal:
        """Return the parts of an offer that need secrets."""
        if proposal.winner is None:
            return _NO_SEAL
        expires_ms = context.now_ms + OFFER_TTL_MS
        mac = mac_of(self._nonce_key, context.request_id, proposal.winner.ad_id, expires_ms)
        signed = receipt.payload(render.receipt_of(snapshot, features, context, proposal))
        return Seal(mac, signed, self._signer.sign_bytes(signed))


@lru_cache(maxsize=8)
def _day(number: int) -> str:
    """Return a UTC day, counted from 1970, as `YYYYMMDD`."""
    return day_of(number * _DAY_MS).strftime("%Y%m%d")


def hashed(app_id: str, name: str) -> str:
    """Return the hash of an id that a host chose: it may be long, odd or identifying."""
    app, own = app_id.encode("utf-8", "replace"), name.encode("utf-8", "replace")
    raw = b"%d,%d:%b:%b" % (len(app), len(own), app, own)
    return blake2b(raw, digest_size=16).hexdigest()


def _capped(snapshot: Snapshot, proposal: Proposal, scope: str) -> Iterable[str]:
    """Return the campaigns to leave out after a frequency cap of that scope was found reached."""
    assert proposal.winner is not None
    ad = snapshot.ad(proposal.winner.ad)
    if scope != CapScope.ACCOUNT:
        return (ad.campaign_id,)
    own = snapshot.ad_advertiser == snapshot.ad_advertiser[proposal.winner.ad]
    return {snapshot.names.campaigns[int(number)] for number in snapshot.ad_campaign[own]}


def known(snapshot: Snapshot, request: AdRequest) -> AdRequest:
    """Leave out topics and mutes that the snapshot does not know.

    They decide nothing, and a host may have put words of its user there, which no record may keep: what stays
    are tags that advertisers wrote, IAB ids and ids of advertisers.
    """
    if not (request.topics or request.blocked_topics or request.blocked_advertisers):
        return request
    names = snapshot.names.advertisers
    muted = {one for one in request.blocked_advertisers if number_of(names, one) >= 0}
    return msgspec.structs.replace(
        request,
        topics=_known_topics(snapshot, request.topics),
        blocked_topics=_known_topics(snapshot, request.blocked_topics),
        blocked_advertisers=tuple(muted),
    )


def _known_topics(snapshot: Snapshot, topics: tuple[str, ...]) -> tuple[str, ...]:
    names = {canonical_tag(topic) for topic in topics}
    return tuple(
        [
            name for name in names
            if snapshot.topic_number(name) >= 0 or snapshot.tag_number(name) >= 0
        ]
    )  # fmt: skip


def answers_of(
    snapshot: Snapshot,
    features: Features,
    context: Context,
    proposal: Proposal,
    seal: Seal,
    cards: render.Cards,
) -> tuple[bytes, tuple[bytes, bytes]]:
    """Return the answer with the winner, if any, and what stands around the reason in all others.

    The verdicts of the state that overrule a proposal are reason codes.
    """
    around = render.around_reason(snapshot.snapshot_id, features, context.request_id)
    if proposal.winner is None:
        return b"", around
    granted = render.offer(
        cards,
        snapshot,
        features,
        context,
        proposal,
        nonce_mac=seal.mac,
        signed=seal.signed,
        signature=seal.signature,
    )
    return granted, around


def overruled(around: tuple[bytes, bytes], proposal: Proposal) -> bytes:
    """Return the answer without an ad: the proposal's own, or that of the pause where it has a winner."""
    reason = proposal.reason if proposal.winner is None else Reason.COOLDOWN
    return around[0] + reason.value.encode("ascii") + around[1]
