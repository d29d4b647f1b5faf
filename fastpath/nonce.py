"""The token that ties events to one shown ad: it expires, and nobody else can make one.

Single use is kept by whoever books the event (the nonce is its idempotency key); this module says
whether a token is ours and still good.
"""

from __future__ import annotations

import base64
import binascii
from hmac import compare_digest
from typing import Final

from domain.errors import Forbidden, Gone
from fastpath._tokens import MAC, Macs, base64url

_LENGTH: Final = 8 + MAC


def mac_of(key: bytes, request_id: str, ad_id: str, expires_ms: int) -> bytes:
    """Return the 32 bytes that nobody else can make; see `Macs`."""
    return Macs(key).of(request_id, ad_id, expires_ms)


def join(expires_ms: int, mac: bytes) -> str:
    """Return the token made of expiry and MAC."""
    return base64url(expires_ms.to_bytes(8, "big") + mac).decode()


def issue(key: bytes, request_id: str, ad_id: str, expires_ms: int) -> str:
    """Return a token for one ad of one request, good until `expires_ms` (exclusive)."""
    return join(expires_ms, mac_of(key, request_id, ad_id, expires_ms))


def check(key: bytes, given: str, *, request_id: str, ad_id: str, now_ms: int) -> int:
    """Return the expiry of a good token.

    Raises:
        Forbidden: `nonce_forged` for a token we did not issue for this request and ad.
        Gone: `nonce_expired`.
    """
    try:
        raw = base64.b64decode(
            given.encode("ascii") + b"=" * (-len(given) % 4), b"-_", validate=True
        )
    except (binascii.Error, ValueError) as error:
        raise _forged() from error
    if len(raw) != _LENGTH or base64url(raw).decode() != given:
        raise _forged()
    expires_ms = int.from_bytes(raw[:8], "big")
    if not compare_digest(raw[8:], mac_of(key, request_id, ad_id, expires_ms)):
        raise _forged()
    if now_ms >= expires_ms:
        raise Gone("nonce_expired", "This ad was shown too long ago to report events for it.")
    return expires_ms


def _forged() -> Forbidden:
    return Forbidden(
        "nonce_forged",
        "This nonce was not issued for this ad: send back the one that came with it.",
    )
