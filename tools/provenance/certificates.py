"""Who signs: a configured certificate, or one made for this process and called what it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from domain.errors import Unprocessable

#: Name of the development certificate; nobody can mistake it for a trusted one.
DEVELOPMENT = "Parley development certificate, not trusted"
#: Wide, so that the clock of a run, whatever it is, lies within.
_FROM, _UNTIL = datetime(2025, 1, 1, tzinfo=UTC), timedelta(days=3650)


@dataclass(frozen=True, repr=False)
class Credentials:
    """A key and the certificates that vouch for it.

    Attributes:
        chain: PEM, the signer's certificate first.
        key: PEM of the private key, PKCS 8.
        development: Whether it was made here and is trusted by nobody.
    """

    chain: bytes
    key: bytes
    development: bool


def configured(chain: Path | None, key: Path | None) -> Credentials:
    """Return the credentials of an installation: its own files, or the development ones without them.

    Raises:
        Unprocessable: `provenance_certificate` if only one file is named, or one cannot be read.
    """
    if chain is None and key is None:
        return development()
    try:
        if chain is None or key is None:
            raise ValueError("name both")
        found = Credentials(chain.read_bytes(), key.read_bytes(), development=False)
        x509.load_pem_x509_certificates(found.chain)
        loaded = serialization.load_pem_private_key(found.key, None)
        if not isinstance(loaded, ec.EllipticCurvePrivateKey) or loaded.curve.name != "secp256r1":
            raise ValueError("the key is not on the curve P-256")
    except (OSError, ValueError, TypeError) as error:
        raise Unprocessable(
            "provenance_certificate",
            "Set both PARLEY_C2PA_CHAIN and PARLEY_C2PA_KEY to PEM files of one P-256 certificate.",
        ) from error
    return found


@cache
def development() -> Credentials:
    """Return a certificate and its authority, made once a process and kept nowhere."""
    root_key, leaf_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root_name = _name(f"{DEVELOPMENT} (root)")
    root = (
        _begun(root_name, root_name, root_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    leaf = (
        _begun(_name(DEVELOPMENT), root_name, leaf_key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()),
            critical=False,
        )
        .sign(root_key, hashes.SHA256())
    )
    chain = b"".join(c.public_bytes(serialization.Encoding.PEM) for c in (leaf, root))
    key = leaf_key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return Credentials(chain, key, development=True)


def _name(common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Parley"),
            x509.NameAttribute(NameOID.COMMON_NAME, common[:64]),
        ]
    )


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_FROM)
        .not_valid_after(_FROM + _UNTIL)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates, key_cert_sign=signs_certificates,
        crl_sign=signs_certificates, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
