"""Addresses and numbers in the one form by which people are recognised, and their keyed hashes."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import cache
from importlib.resources import files

from domain.invisible import INVISIBLE

_MAIL = re.compile(r"[^\s@\"(),:;<>\[\\\]]{1,64}@(?:[^\s@.]{1,63}\.)+[^\s@.\d]{2,63}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
_MAIL_CHARS, _DIGITS = 254, (8, 15)
#: ITU-T E.164 country codes, and what a number dialled inside the country begins with; checked 2026-11.
_CALLING = {
    "JP": ("81", "0"),
    "US": ("1", "1"),
    "CA": ("1", "1"),
    "GB": ("44", "0"),
    "DE": ("49", "0"),
    "FR": ("33", "0"),
    "IT": ("39", ""),
    "ES": ("34", ""),
    "NL": ("31", "0"),
    "BE": ("32", "0"),
    "CH": ("41", "0"),
    "AT": ("43", "0"),
    "SE": ("46", "0"),
    "NO": ("47", ""),
    "DK": ("45", ""),
    "FI": ("358", "0"),
    "IE": ("353", "0"),
    "PT": ("351", ""),
    "PL": ("48", ""),
    "CZ": ("420", ""),
    "AU": ("61", "0"),
    "NZ": ("64", "0"),
    "KR": ("82", "0"),
    "TW": ("886", "0"),
    "CN": ("86", "0"),
    "HK": ("852", ""),
    "SG": ("65", ""),
    "IN": ("91", "0"),
    "BR": ("55", "0"),
    "MX": ("52", ""),
}


class Hasher:
    """Makes the hashes of one organisation; two organisations get different ones of the same address.

    Args:
        key: The installation's secret for leads.
        org_id: Whose leads.
    """

    def __init__(self, key: bytes, org_id: str) -> None:
        self._seed = hashlib.blake2b(key=key[:64], digest_size=16, person=b"leads")
        self._seed.update(f"{org_id}\x1f".encode())

    def email(self, address: str) -> str | None:
        """Return the hash of a normalised address; None of an empty one."""
        return self._hash("email", address)

    def phone(self, number: str) -> str | None:
        """Return the hash of a normalised number; None of an empty one."""
        return self._hash("phone", number)

    def _hash(self, kind: str, value: str) -> str | None:
        if not value:
            return None
        made = self._seed.copy()
        made.update(f"{kind}\x1f{value}".encode())
        return made.hexdigest()


def email_of(stated: str) -> str | None:
    """Return an e-mail address in its one form, or None if it is none.

    Case counts for nobody; what stands after a `+` and dots do: they may be other mailboxes.
    """
    text = clean(stated).removeprefix("mailto:").strip("<>").casefold()
    if len(text) > _MAIL_CHARS or not _MAIL.fullmatch(text) or ".." in text:
        return None
    local, _, domain = text.rpartition("@")
    try:
        # Names outside ASCII in the form that DNS knows, so that both spellings are one person.
        return (
            f"{local}@{domain.encode('idna').decode('ascii') if not domain.isascii() else domain}"
        )
    except UnicodeError:
        return None


def phone_of(stated: str, country: str = "") -> str | None:
    """Return a telephone number as E.164, or None if it is none or its country is not known.

    Args:
        stated: As written.
        country: ISO 3166-1 alpha-2 code of who wrote it, for numbers without a country.
    """
    text = clean(stated).removeprefix("tel:").casefold()
    if re.search(r"[a-z\u3000-\u9fff]", text):
        return None
    # The zero in brackets is dialled inside the country only.
    digits = re.sub(r"\D", "", text.replace("(0)", "") if text.startswith("+") else text)
    if text.startswith("+"):
        number = digits
    elif digits.startswith("00"):
        number = digits[2:]
    else:
        code, trunk = _CALLING.get(country.upper(), ("", ""))
        if not code:
            return None
        number = code + (digits.removeprefix(trunk) if trunk else digits)
    return f"+{number}" if _DIGITS[0] <= len(number) <= _DIGITS[1] and number[0] != "0" else None


def clean(text: str) -> str:
    """Return text as a person reads it: NFKC, without invisible or control characters, single blanks."""
    if not text.isascii():
        text = INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    return " ".join(_CONTROL.sub(" ", text).split())


def calling_code(country: str) -> str:
    """Return the country code of telephone numbers, without `+`; empty if it is not known."""
    return _CALLING.get(country, ("", ""))[0]


@cache
def free_mail() -> frozenset[str]:
    """Return domains at which anybody gets an address: they say nothing of a company."""
    return _lines("free_mail.txt")


@cache
def throw_away() -> frozenset[str]:
    """Return domains of addresses that are meant to be thrown away."""
    return _lines("throw_away.txt")


def _lines(name: str) -> frozenset[str]:
    lines = files("audience").joinpath(name).read_text("utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))
