# cython: boundscheck=True, wraparound=False, initializedcheck=False, nonecheck=True, cdivision=True
"""MACs of nonces, and bytes as text: for every ad, so compiled (types: `_tokens.pxd`)."""

from __future__ import annotations

from binascii import b2a_base64
from hashlib import blake2b
from typing import Any

#: Bytes of a MAC.
MAC = 32
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


class Macs:
    """Makes the MACs of nonces: keyed BLAKE2b over request, ad and expiry, 32 bytes.

    Args:
        key: At most 64 secret bytes.
    """

    def __init__(self, key: bytes) -> None:
        self.keyed: Any = blake2b(key=key, digest_size=MAC, person=b"parley-nonce-2")

    def of(self, request_id: str, ad_id: str, expires_ms: Any) -> bytes:
        """Return the MAC.

        Args:
            request_id: What the token is for.
            ad_id: Which ad it is for.
            expires_ms: Until when it is good, UTC milliseconds.
        """
        request = request_id.encode("utf-8", "replace")
        ad = ad_id.encode("utf-8", "replace")
        state = self.keyed.copy()
        state.update(b"%d %d %d %b%b" % (expires_ms, len(request), len(ad), request, ad))
        found: bytes = state.digest()
        return found


def base64url(raw: bytes) -> bytes:
    """Return bytes as base64url without padding."""
    return b2a_base64(raw, newline=False).translate(_URL_SAFE).rstrip(b"=")
