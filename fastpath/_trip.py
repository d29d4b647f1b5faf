# cython: boundscheck=True, wraparound=False, nonecheck=True
"""What one trip to the state is made of: hashed names, and the bytes of a command (types: `_trip.pxd`)."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

_KNOWN = 2_048
#: What stands before a part of so many bytes: numbers are written out once.
_LENGTHS = [b"\r\n$%d\r\n" % size for size in range(_KNOWN)]
_SHORT = 256
_SIZES = [size.to_bytes(4, "big") for size in range(_SHORT)]
_FLAGS = (b"0", b"1")
_NO_CAP = b"-1"


def names(app: str, conversation: str, message: str) -> Any:
    """Return a conversation's and a message's hashed names: ids of hosts may be long, odd or identifying."""
    digest = blake2b(_sized(app) + _sized(conversation), digest_size=16)
    talk = digest.hexdigest()
    # Its beginning is hashed once for both.
    digest.update(_sized(message))
    return talk, digest.hexdigest()


def keyed(secret: bytes, parts: Any) -> str:
    """Return the keyed hash of a tuple of texts."""
    raw = b"".join([_sized(part) for part in parts])
    return str(blake2b(raw, digest_size=16, key=secret).hexdigest())


def command(head: bytes, parts: Any) -> bytes:
    """Return a whole command for the server.

    Args:
        head: All before the first part, without the end of its line.
        parts: List of further words, bytes.
    """
    pieces = [head]
    for part in parts:
        size = len(part)
        pieces.append(_LENGTHS[size] if size < _KNOWN else b"\r\n$%d\r\n" % size)
        pieces.append(part)
    pieces.append(b"\r\n")
    return b"".join(pieces)


class Parts:
    """Writes the keys and arguments of the two scripts, see `refuse.lua` and `reserve.lua`.

    Args:
        keys: Names of keys, see `reservation.Keys`.
        verdicts: All, by their codes: granted, refused and others.
    """

    def __init__(self, keys: Any, verdicts: tuple[Any, ...]) -> None:
        self.said = keys.said.encode()
        self.sticky = keys.sticky.encode()
        self.shown = keys.shown.encode()
        self.decisions = keys.decisions.encode()
        self.cool = keys.cool.encode()
        self.offer = keys.offer("").encode()
        self.spent = keys.spent("").encode()
        self.hold = keys.hold("").encode()
        self.cap = keys.cap("").encode()
        self.verdicts = verdicts

    def refused(self, ask: Any) -> Any:
        """Return keys and arguments for a question that wants no ad."""
        talk, message = names(ask.app_id, ask.conversation_id, ask.message_id)
        hashed = talk.encode()
        return [
            self.said + message.encode(), self.sticky + hashed, self.shown + hashed, self.decisions,
            ask.request_id.encode(), ask.record, b"1" + self._answer(ask, 1),
            _FLAGS[1 if ask.sensitive else 0],
        ]  # fmt: skip

    def wanted(self, ask: Any) -> Any:
        """Return keys and arguments for a question that wants an ad."""
        talk, message = names(ask.app_id, ask.conversation_id, ask.message_id)
        hashed = talk.encode()
        request = ask.request_id.encode()
        campaign = ask.campaign_id.encode()
        hold = self.hold + campaign
        before, after = ask.overruled
        caps = ask.caps
        parts = [
            self.said + message.encode(), self.sticky + hashed, self.shown + hashed, self.decisions,
            self.cool + hashed, self.offer + request, self.spent + campaign,
            hold + b":sum", hold + b":exp", hold + b":req",
        ]  # fmt: skip
        for cap in caps:
            parts.append(self.cap + cap.key.encode())
        parts += [
            request, ask.record, self._answer(ask, 0), _FLAGS[1 if ask.sensitive else 0],
            _number(ask.now_ms), ask.day.encode(), campaign, _number(ask.hold_micros),
            _number(ask.hold_expires_ms), _most(ask.budget_total_micros),
            _most(ask.budget_daily_micros), _FLAGS[1 if ask.final else 0], ask.offer,
            _number(ask.offer_ttl_ms), before, after,
        ]  # fmt: skip
        for cap in caps:
            parts += [_number(cap.limit), _number(cap.window_ms), cap.scope.value.encode()]
        answers = ask.answers
        if len(answers) > 1:
            for code, verdict in enumerate(self.verdicts):
                if code and verdict in answers:
                    parts += [_number(code), answers[verdict]]
        return parts

    def _answer(self, ask: Any, code: Any) -> Any:
        """Return the answer to a verdict; empty if there is none."""
        verdict = self.verdicts[code]
        found = ask.answers.get(verdict)
        return ask.said(verdict) if found is None else found


def _sized(part: str) -> bytes:
    raw = part.encode("utf-8", "replace")
    size = len(raw)
    return (_SIZES[size] if size < _SHORT else size.to_bytes(4, "big")) + raw


def _number(value: Any) -> bytes:
    return str(value).encode()


def _most(micros: Any) -> bytes:
    return _NO_CAP if micros is None else _number(micros)
