# cython: boundscheck=True, wraparound=False, initializedcheck=False, nonecheck=True, cdivision=True
"""What every decision needs of its request besides the text: names without ids, and the context.

One source, compiled or not (types: `_context.pxd`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

from auction.types import Rule
from fastpath import layout
from fastpath._fields import Field
from fastpath.types import AdRequest, Consent, Context

_ID = Field(AdRequest, "request_id")
_APP = Field(AdRequest, "app_id")
_FORMATS = Field(AdRequest, "formats")
_GEO = Field(AdRequest, "geo")
_DEVICE = Field(AdRequest, "device")
_TOPICS = Field(AdRequest, "topics")
_MUTED = Field(AdRequest, "blocked_advertisers")
_MUTED_TOPICS = Field(AdRequest, "blocked_topics")
_CONSENT = Field(AdRequest, "consent")
_ADS = Field(Consent, "ads")
_TEST = Field(AdRequest, "test")
_EMPTY = blake2b(digest_size=16)
#: Lengths as digits; ids are hardly ever longer.
_DIGITS = tuple(b"%d" % number for number in range(128))


def names_of(request: AdRequest) -> tuple[str, str]:
    """Return the hashes of conversation and message: their ids may be long, odd or identifying.

    Each is BLAKE2b-128 over the lengths and bytes of app id and own id, as hex.
    """
    app = request.app_id.encode("utf-8", "replace")
    head = _digits(len(app)) + b","
    return _hashed(head, app, request.conversation_id), _hashed(head, app, request.message_id)


def _hashed(head: bytes, app: bytes, name: str) -> str:
    own = name.encode("utf-8", "replace")
    state = _EMPTY.copy()
    state.update(b"".join((head, _digits(len(own)), b":", app, b":", own)))
    return state.hexdigest()


def _digits(number: Any) -> bytes:
    return _DIGITS[number] if number < 128 else b"%d" % number


def context_of(
    request: AdRequest,
    *,
    now_ms: int,
    spent: Iterable[str] = (),
    capped: Iterable[str] = (),
    shown: Mapping[str, int] | None = None,
    rule: Rule = Rule.GSP,
) -> Context:
    """Return what the choice may know of a request besides its text.

    Args:
        request: What was asked.
        now_ms: The service's clock; schedules and the day of the week (UTC) are read from it.
        spent: Campaigns known to be without budget.
        capped: Campaigns known to be at a frequency cap.
        shown: How often this conversation (or consenting user) saw a campaign.
        rule: Which price is charged.
    """
    return context_at(request, now_ms, spent, capped, shown, rule)


def context_at(
    request: AdRequest,
    now_ms: Any,
    spent: Any,
    capped: Any,
    shown: Any,
    rule: Rule,
) -> Context:
    """Return what `context_of` does; every argument has its place, which is cheaper."""
    geo = _GEO.of(request)
    device = _DEVICE.of(request)
    known = device.lower() if device else None
    return Context(
        _ID.of(request),
        _APP.of(request),
        now_ms,
        _FORMATS.of(request),
        geo.upper() if geo else None,
        _sorted(_TOPICS.of(request)),
        _sorted(_MUTED.of(request)),
        _ADS.of(_CONSENT.of(request)),
        _sorted(spent),
        known if known in layout.DEVICES else None,
        _sorted(_MUTED_TOPICS.of(request)),
        _sorted(capped),
        _sorted(shown.items()) if shown else (),
        _TEST.of(request),
        (),
        rule,
    )


def _sorted(found: Any) -> Any:
    return tuple(sorted(found)) if found else ()
