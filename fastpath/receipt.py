"""Signed receipts: anybody with the public key can check which ad was promised, from whom, at what price."""

from __future__ import annotations

import base64
import binascii
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from domain.errors import BadInput, Forbidden
from fastpath._tokens import base64url

SEED_BYTES: Final = 32


class Receipt(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What is signed.

    Attributes:
        request_id, ad_id, snapshot_id: What was decided, and from which snapshot.
        label, payer: What the user sees beside the ad.
        price_micros, currency: Charge per billable unit.
        issued_ms: When, UTC milliseconds.
    """

    request_id: str
    ad_id: str
    label: str
    payer: str
    snapshot_id: str
    price_micros: int
    currency: str
    issued_ms: int


class Signer:
    """Signs receipts with an Ed25519 key.

    Args:
        seed: 32 secret bytes.

    Raises:
        BadInput: `bad_signing_key` for a seed of another length.
    """

    def __init__(self, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            raise BadInput("bad_signing_key", "The receipt signing key must be exactly 32 bytes.")
        self._key = Ed25519PrivateKey.from_private_bytes(seed)

    @property
    def public_key(self) -> bytes:
        """The 32 bytes others verify with."""
        return self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def signature(self, receipt: Receipt) -> bytes:
        """Return the 64-byte signature; the same receipt always gives the same one."""
        return self._key.sign(payload(receipt))

    def sign_bytes(self, signed: bytes) -> bytes:
        """Return the signature of `payload(receipt)`, for whoever needs those bytes, too."""
        return self._key.sign(signed)


_payload: Final = msgspec.json.Encoder(order="sorted").encode


def payload(receipt: Receipt) -> bytes:
    """Return the bytes that are signed: JSON with sorted keys."""
    return _payload(receipt)


def around(receipt: Receipt) -> tuple[bytes, bytes, bytes, bytes]:
    """Return the payload of a receipt around `issued_ms`, `price_micros` and `request_id`: 0, 0 and "" in it."""
    # Inside a JSON string every quote is escaped, so these stand for the fields alone.
    start, _, rest = payload(receipt).partition(b'"issuedMs":0,')
    middle, _, end = rest.partition(b'"priceMicros":0,"requestId":"",')
    return (
        start + b'"issuedMs":',
        b"," + middle + b'"priceMicros":',
        b',"requestId":',
        b"," + end,
    )


def join(receipt: Receipt, signature: bytes) -> str:
    """Return the token `payload.signature`, both base64url."""
    return f"{encoded(payload(receipt))}.{encoded(signature)}"


def encoded(raw: bytes) -> str:
    """Return bytes as base64url without padding."""
    return base64url(raw).decode()


def sign(signer: Signer, receipt: Receipt) -> str:
    """Return the signed token of a receipt."""
    return join(receipt, signer.signature(receipt))


def verify(given: str, public_key: bytes) -> Receipt:
    """Return what a token says, if we signed it.

    Raises:
        BadInput: `receipt_malformed`.
        Forbidden: `receipt_forged` when the signature does not fit.
    """
    try:
        body, signature = (_decode(part) for part in given.split("."))
        receipt = msgspec.json.decode(body, type=Receipt)
        key = Ed25519PublicKey.from_public_bytes(public_key)
    except (ValueError, binascii.Error, msgspec.MsgspecError) as error:
        raise BadInput("receipt_malformed", "This is not a receipt of this service.") from error
    try:
        key.verify(signature, body)
    except InvalidSignature as error:
        raise Forbidden("receipt_forged", "The signature does not fit this receipt.") from error
    return receipt


def _decode(part: str) -> bytes:
    return base64.b64decode(part.encode("ascii") + b"=" * (-len(part) % 4), b"-_", validate=True)
