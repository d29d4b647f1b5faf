"""The ad routes' wire, in the field names of the Ceed web SDK; msgspec, because this path is hot.

Unknown fields are ignored: older and newer SDKs must both be understood.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from domain.errors import Unprocessable
from domain.formats import AdFormat, Intent
from fastpath.types import AdPayload, AdRequest, Consent, Reason, Turn

Name = Annotated[str, Meta(min_length=1, max_length=200)]
Country = Annotated[str, Meta(pattern="^[A-Za-z]{2}$")]

#: Joins request id and nonce in the request id on the wire: the Ceed SDK sends back the request id only.
JOINT = "~"
_JOINT = JOINT.encode()
NO_SNAPSHOT = "no_snapshot"
INTERNAL = "internal_error"
_encode = msgspec.json.Encoder().encode


class TurnBody(Turn, frozen=True):
    """One message of the conversation; a `Turn`, so that it is read into what the fast path takes."""

    role: Literal["user", "assistant", "system"]
    text: str


class AdRequestBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`POST /api/requests`.

    Attributes:
        app_id, conversation_id, message_id: Who asks, in which conversation, for which message.
        context_text: The user's message; or
        turns: the conversation, oldest first.
        language: Hint, ISO 639-1 or -3.
        user_id: Opaque; used only with personalisation consent.
        sdk_version: Accepted, not used.
        formats: What the host can show here.
        geo: ISO 3166-1 alpha-2. device: `desktop`, `mobile`, `tablet`, `tv`, `watch`, `speaker` or `car`.
        muted_advertisers, blocked_advertisers: Advertisers this user muted; both names mean the same.
        blocked_topics: Topics this user muted: tags, or IAB Content Taxonomy ids.
        topics: What the host declares the conversation to be about.
        consent: What the user agreed to.
        test: Ask for a test ad: labelled, never billed. Needs a key that may (`ads:test`).
    """

    app_id: Name
    conversation_id: Name
    message_id: Name
    context_text: str | None = None
    turns: Annotated[tuple[TurnBody, ...], Meta(max_length=200)] | None = None
    language: Annotated[str, Meta(max_length=35)] | None = None
    user_id: Name | None = None
    sdk_version: str | None = None
    formats: tuple[AdFormat, ...] | None = None
    geo: Country | None = None
    device: Annotated[str, Meta(max_length=40)] | None = None
    muted_advertisers: Annotated[tuple[Name, ...], Meta(max_length=200)] = ()
    blocked_advertisers: Annotated[tuple[Name, ...], Meta(max_length=200)] = ()
    blocked_topics: Annotated[tuple[Name, ...], Meta(max_length=50)] = ()
    topics: Annotated[tuple[Name, ...], Meta(max_length=50)] = ()
    consent: Consent = Consent()
    test: bool = False


class AnswerBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The answer of `POST /api/requests`; `on_wire` makes its bytes.

    `ad` is null when there is none; `reason` says why.

    Attributes:
        request_id: What events must carry; joined with the nonce when there is an ad.
        nonce: The token alone, for hosts that send it in a field of its own.
        expires_ms: Until when events are accepted, UTC milliseconds.
        language, intent, opportunity: What was understood, null if nothing was read.
        snapshot: Which snapshot decided, null if none did.
        receipt: Signed proof of ad, label, payer, snapshot and price.
    """

    ok: bool = True
    ad: AdPayload | None = None
    request_id: str
    nonce: str | None = None
    expires_ms: int | None = None
    receipt: str | None = None
    reason: str
    language: str | None = None
    intent: Intent | None = None
    opportunity: float | None = None
    snapshot: str | None = None


def to_request(
    body: AdRequestBody, request_id: str, now_ms: int, default_geo: str | None
) -> AdRequest:
    """Turn the wire into the fast path's question.

    Args:
        body: As it was sent.
        request_id: Fresh id.
        now_ms: The service's clock.
        default_geo: Country of most of the app's users, for a body that names none.

    Raises:
        Unprocessable: if there is nothing to read.
    """
    # By position: naming sixteen fields costs five times as much. A test holds the order.
    return AdRequest(
        request_id,
        body.app_id,
        body.conversation_id,
        body.message_id,
        _turns(body),
        now_ms,
        body.formats,
        body.language,
        body.user_id,
        body.geo.upper() if body.geo else default_geo,
        body.device,
        body.topics,
        body.consent,
        body.muted_advertisers + body.blocked_advertisers,
        body.blocked_topics,
        body.test,
    )


def _turns(body: AdRequestBody) -> tuple[Turn, ...]:
    if (body.context_text is None) == (body.turns is None):
        raise Unprocessable(
            "context_missing", "Send either contextText or turns: what the user said."
        )
    if body.turns is not None:
        return body.turns
    assert body.context_text is not None
    return (Turn("user", body.context_text),)


_HEAD = b'{"requestId":"'
_START = b'{"ok":true,'
_REFUSED = b'","ad":null,"reason":"'
_NONCE = b',"nonce":"'
_REASON = b'"reason":"'


def on_wire(answer: bytes) -> tuple[bytes, str]:
    """Put the fast path's answer bytes on the wire; return them with their reason code.

    The wire differs from an `Answer` in two places: it starts with `ok`, and the request id of an ad is
    joined with its nonce. Both are spliced in. Inside a JSON string every quote is escaped, so the names
    looked for stand for the fields alone, whatever an advertiser wrote.
    """
    end = answer.index(b'"', len(_HEAD))
    if answer.startswith(_REFUSED, end):
        at = end + len(_REFUSED)
        return _START + answer[1:], answer[at : answer.index(b'"', at)].decode("ascii")
    at = answer.rindex(_REASON) + len(_REASON)
    reason = answer[at : answer.index(b'"', at)].decode("ascii")
    nonce = answer.rindex(_NONCE) + len(_NONCE)
    token = answer[nonce : answer.index(b'"', nonce)]
    return b"".join((_START, answer[1:end], _JOINT, token, answer[end:])), reason


def no_ad(request_id: str, reason: str | Reason) -> bytes:
    """Return an answer without an ad that no snapshot was asked for."""
    return _encode(AnswerBody(request_id=request_id, reason=str(reason)))


def split_id(wire_id: str, nonce: str | None) -> tuple[str, str | None]:
    """Return request id and nonce of an event, whichever way they came."""
    request_id, joint, joined = wire_id.partition(JOINT)
    return request_id, (joined if joint else nonce)


def sentence(error: msgspec.ValidationError) -> str:
    """Return one sentence that names the field, from msgspec's `… - at `$.field``."""
    what, _, where = str(error).partition(" - at `$")
    field = where.rstrip("`").lstrip(".")
    if "missing required field" in what:
        name = what.rsplit("`", 2)[-2]
        return f"{field + '.' if field else ''}{name} is missing."
    return f"{field or 'body'}: {what[:1].lower()}{what[1:]}."
