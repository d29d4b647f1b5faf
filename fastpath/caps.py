"""Frequency caps: which counters a showing would touch, and what a process remembers of a conversation.

A cap is an exact sliding window: at most `limit` grants within the last `window_ms`. A grant counts when the
ad is handed out, whether or not the host shows it; `release` gives a grant back that never reached the host.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from domain.catalogue import AdEntry, CapScope
from fastpath._trip import keyed
from fastpath.types import AdRequest

#: Most grants that one counter keeps apart: they are kept one by one, so that the window is exact.
MAX_LIMIT: Final = 10_000
MIN_WINDOW_MS: Final = 1_000
#: How far back showings are remembered.
MAX_WINDOW_MS: Final = 30 * 86_400_000
_REMEMBERED: Final = 20_000
_NOTHING: Final[Mapping[str, int]] = {}


class CapKey(msgspec.Struct, frozen=True, array_like=True):
    """One counter that must stay below its limit.

    Attributes:
        scope: What it counts within, for whoever explains a refusal.
        key: Keyed hash of scope, window and subject; holds no id that could be read back.
        limit: Most grants within the window.
        window_ms: Length of the sliding window.
    """

    scope: CapScope
    key: str
    limit: int
    window_ms: int


def caps_of(ad: AdEntry, request: AdRequest, secret: bytes) -> tuple[CapKey, ...]:
    """Return the counters that an ad's frequency caps need for one request.

    The engine passes the result as `Ask.caps` together with `Ask.campaign_id`:

        ask = replace(base, caps=caps_of(snapshot.ad(winner.ad), request, secret), …)

    and, on `Verdict.FREQUENCY` with `final=False`, leaves that campaign out and proposes again
    (`Ruling.cap` says which scope was full; `account` means every campaign of the advertiser).

    What is counted: `user`, this campaign's ads for one user of the app; `conversation`, this campaign's ads
    in one conversation; `campaign`, this campaign's ads whoever sees them; `account`, all ads of the
    advertiser whose campaign carries the cap (the export gives all its campaigns the same ones).
    A user counts by id only with consent to personalisation; without it, or without an id, the
    conversation stands for the user, so that a user cap still holds as far as it can.

    Args:
        ad: The candidate.
        request: Who asks.
        secret: Installation's own (`Settings.key("caps")`): user ids leave the process as keyed hashes only,
            different in every app and installation. It does not rotate: a cap of 30 days needs 30 days.
    """
    if not ad.caps:
        return ()
    talk = (request.app_id, request.conversation_id)
    known = request.consent.personalisation is True and bool(request.user_id)
    user = ("id", request.app_id, request.user_id or "") if known else ("talk", *talk)
    subjects: dict[CapScope, tuple[str, ...]] = {
        CapScope.USER: (ad.campaign_id, *user),
        CapScope.CONVERSATION: (ad.campaign_id, *talk),
        CapScope.CAMPAIGN: (ad.campaign_id,),
        CapScope.ACCOUNT: (ad.advertiser_id,),
    }
    return tuple(
        CapKey(
            cap.scope,
            keyed(secret[:64], (cap.scope.value, str(cap.window_ms), *subjects[cap.scope])),
            cap.limit,
            cap.window_ms,
        )
        for cap in ad.caps
    )


class Shown:
    """How often campaigns were shown in conversations, as far as this process has been told.

    One trip is the rule: the state tells the counts with each ruling, and they serve the conversation's next
    decision. Where its turns come to several processes the counts may be old or missing, hence too low; they
    only lower a rank (fatigue), they never enforce a cap. Each decision records the counts it used.

    Args:
        most: Conversations remembered; the longest unheard of is forgotten first.
    """

    def __init__(self, most: int = _REMEMBERED) -> None:
        self._most = most
        self._counts: OrderedDict[str, Mapping[str, int]] = OrderedDict()

    def of(self, conversation: str) -> Mapping[str, int]:
        """Return grants by campaign id in a conversation (its hashed name); empty if unknown."""
        return self._counts.get(conversation, _NOTHING)

    def learn(self, conversation: str, shown: Sequence[tuple[str, int]]) -> None:
        """Take in `Ruling.shown`."""
        if not shown:
            self._counts.pop(conversation, None)
            return
        self._counts[conversation] = dict(shown)
        self._counts.move_to_end(conversation)
        if len(self._counts) > self._most:
            self._counts.popitem(last=False)
