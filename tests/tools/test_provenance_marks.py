"""Content Credentials: signed, read back, and broken by any change."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from PIL import Image

from domain.errors import BadInput, Unprocessable
from tools.provenance import ProvenanceRecord, configured, development, mark, read
from tools.render import Scene, render, slot_of

RECORD = ProvenanceRecord(
    title="google.marketing", made_by="rule-based", origin="rules", inputs=("fact:1", "ab" * 32),
    made_at="2026-11-21T09:30:00+00:00", run="run_1",
)  # fmt: skip


def drawing(media: str = "image/png") -> bytes:
    image = Image.new("RGB", (120, 80), (31, 79, 91))
    file = io.BytesIO()
    image.save(file, format=media.split("/")[1].upper())
    return file.getvalue()


@pytest.mark.parametrize("media", ["image/png", "image/jpeg"])
def test_what_is_marked_is_read_back(media: str) -> None:
    data = drawing(media)
    marked = mark(data, media, RECORD, development())
    found = read(marked, media)
    assert found == msgspec.structs.replace(RECORD, content_sha256=hashlib.sha256(data).hexdigest())
    with Image.open(io.BytesIO(marked)) as before, Image.open(io.BytesIO(data)) as after:
        assert before.tobytes() == after.tobytes()


def test_a_file_without_credentials_has_none() -> None:
    assert read(drawing(), "image/png") is None


def test_a_changed_picture_is_noticed() -> None:
    data = render(Scene(headline="Kaze Ridge", brand="Kaze"), slot_of("google.marketing")).data
    marked = bytearray(mark(data, "image/png", RECORD, development()))
    at = marked.rfind(b"IDAT") + 40
    marked[at] ^= 1
    with pytest.raises(Unprocessable, match="changed"):
        read(bytes(marked), "image/png")


def test_other_files_take_no_credentials() -> None:
    with pytest.raises(BadInput, match="text/plain"):
        mark(b"x", "text/plain", RECORD, development())
    with pytest.raises(Unprocessable, match="could not be marked"):
        mark(b"no picture", "image/png", RECORD, development())


def test_a_configured_certificate_signs(tmp_path: Path) -> None:
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    made = development()
    chain.write_bytes(made.chain)
    key.write_bytes(made.key)
    own = configured(chain, key)
    assert not own.development
    assert read(mark(drawing(), "image/png", RECORD, own), "image/png") is not None
    assert configured(None, None) is made
    assert "PRIVATE" not in repr(own)


def test_half_a_configuration_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "rsa.pem"
    other.write_bytes(
        rsa.generate_private_key(65537, 2048).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    chain = tmp_path / "chain.pem"
    chain.write_bytes(development().chain)
    for pair in ((chain, None), (None, other), (chain, other), (chain, tmp_path / "none.pem")):
        with pytest.raises(Unprocessable, match="PARLEY_C2PA_CHAIN"):
            configured(*pair)
