"""The public face of the serving plane: one request in, one answer out, every refusal with a reason."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import msgspec

from auction.types import Rule
from domain.catalogue import CapScope
from domain.errors import Unavailable
from domain.formats import COOLDOWN_MS
from domain.ids import Ids
from domain.time import Clock
from fastpath import gate, record
from fastpath._answer import Book, Seals, question
from fastpath._context import context_at, names_of
from fastpath._tokens import Macs
from fastpath.caps import Shown
from fastpath.eligibility import number_of
from fastpath.engines import Engine, propose
from fastpath.offers import Offer as Offer
from fastpath.reading import read_turns
from fastpath.receipt import Signer
from fastpath.reservation import TRY_ANOTHER, Reservation, Ruling, Verdict
from fastpath.snapshot import Snapshot
from fastpath.text import canonical_tag
from fastpath.types import AdRequest, Answer, Features, Proposal, Reason

_ATTEMPTS: Final = 3
#: How long a campaign found without budget is not proposed again by this process.
_SPENT_PAUSE_MS: Final = 2_000
_ANSWER: Final = msgspec.json.Decoder(Answer)
#: Conversations this process remembers to have given an ad.
_MOST_GRANTED: Final = 20_000


class FastPath:
    """Answers ad requests from one snapshot at a time.

    What costs most is done last and only where it can matter: a refusal is joined from pieces and signs
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
        self._book = Book(snapshot)
        self._reservation = reservation
        self._seals = Seals(Macs(nonce_key), signer.sign_bytes, caps_key)
        self._clock = clock
        self._ids = ids
        self._rule = rule
        self._cooldown_ms = cooldown_ms
        self._paces = paces
        self._spent: dict[str, int] = {}
        self._shown = Shown()
        self._granted: OrderedDict[str, int] = OrderedDict()

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot that decides now."""
        return self._book.snapshot

    def swap(self, snapshot: Snapshot) -> Snapshot:
        """Serve from another snapshot from the next request on; returns the one before.

        Requests under way keep the one they started with.
        """
        before, self._book = self._book, Book(snapshot)
        return before.snapshot

    async def answer(self, request: AdRequest, *, engine: Engine = Engine.V2) -> Answer:
        """Return the ad for a chat turn, or the reason why there is none. Does not raise for bad text."""
        return _ANSWER.decode(await self.answer_bytes(request, engine=engine))

    async def answer_bytes(self, request: AdRequest, *, engine: Engine = Engine.V2) -> bytes:
        """Return the JSON bytes of the answer: what the hot route sends and replay recomputes."""
        book = self._book
        snapshot = book.snapshot
        if not (request.request_id and request.now_ms):
            request = self._completed(request)
        if request.topics or request.blocked_topics or request.blocked_advertisers:
            request = known(snapshot, request)
        features = read_turns(snapshot, request)
        if not (request.app_id and request.conversation_id and request.message_id):
            features = Features(refusal=Reason.INVALID, language="und", language_why="default")
        conversation, message = names_of(request)
        now = request.now_ms
        capped: set[str] = set()
        for attempt in range(_ATTEMPTS):
            final = attempt == _ATTEMPTS - 1
            context = context_at(
                request, now, self._without_budget(now) if self._spent else (), capped,
                self._shown.of(conversation), self._rule,
            )  # fmt: skip
            proposal = propose(
                engine, snapshot, features, context, kept=record.KEPT, paces=self._paces()
            )
            if proposal.paces:
                context = msgspec.structs.replace(context, paces=proposal.paces)
            if proposal.winner is not None and self._resting(conversation, now):
                proposal = record.rested(proposal)
            ask = question(
                book, self._seals, request, features, context, proposal, engine, conversation,
                message, final,
            )  # fmt: skip
            try:
                ruling = await self._reservation.reserve(ask)
            except Unavailable:
                down = Verdict.REFUSED if proposal.winner is None else Verdict.STATE_UNAVAILABLE
                return ask.said(down)
            self._learn(conversation, now, ruling)
            if final or ruling.answer or ruling.verdict not in TRY_ANOTHER:
                break
            if ruling.verdict is Verdict.BUDGET:
                self._spent[ask.campaign_id] = now + _SPENT_PAUSE_MS
            else:
                capped.update(_capped(snapshot, proposal, ruling.cap))
        return ruling.answer

    def _completed(self, request: AdRequest) -> AdRequest:
        return msgspec.structs.replace(
            request,
            request_id=request.request_id or self._ids.new("req"),
            now_ms=request.now_ms or self._clock.now_ms(),
        )

    def _without_budget(self, now_ms: int) -> dict[str, int]:
        """Return the campaigns found without budget just now."""
        self._spent = {c: until for c, until in self._spent.items() if until > now_ms}
        return self._spent

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
