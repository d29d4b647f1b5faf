"""The key that receipts are checked with. Not counted, no key: whoever holds a receipt may check it."""

from __future__ import annotations

from fastapi import APIRouter, Response

from api.deps import Api
from api.models.reports import ReceiptKeyOut
from fastpath.receipt import Signer, encoded

router = APIRouter(tags=["ads"])

PATH = "/api/receipts/key"
_CACHE = "public, max-age=3600"


@router.get(PATH)
async def receipt_key(api: Api, response: Response) -> ReceiptKeyOut:
    """Return the public key of the receipts that come with ads.

    A receipt is `payload.signature`, both base64url without padding: the payload is JSON, the signature is
    Ed25519 over the payload's bytes.
    """
    response.headers["cache-control"] = _CACHE
    public = Signer(api.settings.key("receipt")).public_key
    return ReceiptKeyOut(algorithm="Ed25519", public_key=encoded(public))
