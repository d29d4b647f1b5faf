"""Content Credentials (C2PA): put into a picture or video, and read back."""

from __future__ import annotations

import hashlib
import io
import json
from typing import Any, Literal

import msgspec

from domain.errors import BadInput, Unprocessable
from tools.provenance.certificates import Credentials

GENERATOR = "parley"
#: Who had a part in making it; IPTC digital source types.
Origin = Literal["rules", "rules_and_photo", "model"]
_IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_TYPES: dict[Origin, str] = {
    "rules": f"{_IPTC}algorithmicMedia",
    "rules_and_photo": f"{_IPTC}composite",
    "model": f"{_IPTC}compositeWithTrainedAlgorithmicMedia",
}
#: Label of our own assertion.
RECORD = "dev.parley.provenance"
_MEDIA = frozenset({"image/png", "image/jpeg", "video/mp4"})


class ProvenanceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What made an asset, from what, when.

    Attributes:
        title: What a person would call it.
        made_by: Model, or `rule-based`.
        origin: Who had a part in it.
        inputs: SHA-256 of what it was made from, or ids of facts.
        made_at: ISO 8601, UTC.
        run: The run that made it.
        prompt_hash: SHA-256 of the prompt file, if a model was asked.
        content_sha256: Of the file before it was marked.
    """

    title: str
    made_by: str
    origin: Origin
    inputs: tuple[str, ...]
    made_at: str
    run: str = ""
    prompt_hash: str = ""
    content_sha256: str = ""


def mark(data: bytes, media_type: str, record: ProvenanceRecord, credentials: Credentials) -> bytes:
    """Return the file with its record inside, signed.

    Args:
        data: PNG, JPEG or MP4.
        media_type: Which.
        record: Its hash is filled in.
        credentials: Who signs.

    Raises:
        BadInput: `provenance_media` for another type.
        Unprocessable: `provenance_failed` if the file or the certificate is not taken.
    """
    # Loads a native library of some 30 MB: only where something is marked or read.
    from c2pa import (  # type: ignore[import-untyped]  # noqa: PLC0415
        Builder,
        C2paError,
        C2paSignerInfo,
        Signer,
    )

    _check(media_type)
    whole = msgspec.structs.replace(record, content_sha256=hashlib.sha256(data).hexdigest())
    marked = io.BytesIO()
    try:
        info = C2paSignerInfo(b"es256", credentials.chain, credentials.key, None)
        with Signer.from_info(info) as signer, Builder(_manifest(whole, media_type)) as builder:
            builder.sign(signer, media_type, io.BytesIO(data), marked)
    except C2paError as error:
        raise Unprocessable(
            "provenance_failed", f"The file could not be marked: {str(error)[:200]}."
        ) from error
    return marked.getvalue()


def read(data: bytes, media_type: str) -> ProvenanceRecord | None:
    """Return the record inside a file, None if it has none of ours.

    Raises:
        BadInput: `provenance_media` for another type.
        Unprocessable: `provenance_broken` if the file was changed after it was marked.
    """
    from c2pa import C2paError, Reader  # noqa: PLC0415 - see above

    _check(media_type)
    try:
        with Reader(media_type, io.BytesIO(data)) as reader:
            store: dict[str, Any] = json.loads(reader.json())
    except C2paError as error:
        if "ManifestNotFound" in f"{type(error).__name__} {error}":
            return None
        raise Unprocessable(
            "provenance_broken", f"The file's credentials cannot be read: {str(error)[:200]}."
        ) from error
    if broken := _failures(store):
        raise Unprocessable(
            "provenance_broken", f"The file was changed after it was marked: {', '.join(broken)}."
        )
    manifest = store["manifests"][store["active_manifest"]]
    for assertion in manifest.get("assertions", ()):
        if assertion["label"] == RECORD:
            return msgspec.convert(assertion["data"], ProvenanceRecord)
    return None


def _manifest(record: ProvenanceRecord, media_type: str) -> dict[str, Any]:
    return {
        "claim_generator_info": [{"name": GENERATOR}],
        "title": record.title,
        "format": media_type,
        "assertions": [
            {
                "label": "c2pa.actions",
                "data": {
                    "actions": [
                        {
                            "action": "c2pa.created",
                            "digitalSourceType": _TYPES[record.origin],
                            "softwareAgent": {"name": f"{GENERATOR}: {record.made_by}"},
                            "when": record.made_at,
                        }
                    ]
                },
            },
            {"label": RECORD, "data": msgspec.to_builtins(record)},
        ],
    }


def _failures(store: dict[str, Any]) -> list[str]:
    """Return why a file does not hold; that nobody trusts the signer is no reason."""
    codes = [status["code"] for status in store.get("validation_status", ())]
    return [code for code in codes if code != "signingCredential.untrusted"]


def _check(media_type: str) -> None:
    if media_type not in _MEDIA:
        known = ", ".join(sorted(_MEDIA))
        raise BadInput("provenance_media", f"{media_type} takes no credentials; use {known}.")
