"""Bytes to text: byte-order mark, then what the document declares, then what the bytes allow."""

from __future__ import annotations

import codecs
import re

from domain.errors import Unprocessable

_BOMS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_META = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([A-Za-z0-9_:.\-]{2,40})""", re.I)
_XML = re.compile(
    rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9_:.\-]{2,40})["']""", re.I
)
#: Web names whose Python codec is wider (WHATWG Encoding Standard §4.2, checked 2026-11).
_WIDER = {"shift_jis": "cp932", "iso8859-1": "cp1252", "ascii": "cp1252", "latin-1": "cp1252"}
_JAPANESE = ("cp932", "euc_jp", "iso2022_jp")
_KANA = re.compile(r"[\u3041-\u3096\u30a1-\u30fa]")
_BINARY_SHARE = 0.01


def decode_page(data: bytes) -> str:
    """Return the text of an HTML document.

    Raises:
        Unprocessable: `page_not_text` if the bytes are no text in any encoding a page may use.
    """
    marked = _by_bom(data)
    if marked is not None:
        return marked
    if not _looks_binary(data):
        for encoding in _declared(data):
            text = _strict(data, encoding)
            if text is not None:
                return text
        text = _guess(data)
        if text is not None:
            return text
    raise Unprocessable(
        "page_not_text",
        "The page is not readable text; save it as UTF-8 HTML or give another address.",
    )


def decode_feed(data: bytes) -> str:
    """Return the text of a feed; bytes of a single broken row come back as lone surrogates.

    A file that is UTF-8 but for a few lines stays UTF-8, so that one broken row does not garble the
    names in all others. A file that is not UTF-8 is read as Japanese (cp932, EUC-JP) or Western
    European (cp1252) text.
    """
    marked = _by_bom(data)
    if marked is not None:
        return marked
    for encoding in _declared(data):
        text = _strict(data, encoding)
        if text is not None:
            return text
    lines = [line for line in data.splitlines() if not line.isascii()]
    broken = sum(_strict(line, "utf-8") is None for line in lines)
    if lines and broken * 2 > len(lines):
        text = _guess(data)
        if text is not None:
            return text
    return data.decode("utf-8", "surrogateescape")


def is_broken(text: str) -> bool:
    """Return whether `decode_feed` could not decode every byte of this text."""
    return any("\udc80" <= c <= "\udcff" for c in text)


def _by_bom(data: bytes) -> str | None:
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            errors = "surrogateescape" if encoding == "utf-8" else "replace"
            return data[len(mark) :].decode(encoding, errors)
    return None


def _declared(data: bytes) -> list[str]:
    names = []
    for pattern in (_XML, _META):
        found = pattern.search(data[:4096])
        if found:
            try:
                name = codecs.lookup(found.group(1).decode("ascii")).name
            except LookupError:
                continue
            names.append(_WIDER.get(name, name))
    if b"\x1b$" in data:
        names.insert(0, "iso2022_jp")
    # A page that can be searched for an ASCII `<meta` is not UTF-16, whatever it claims.
    seven_bit = [n for n in names if n.startswith("iso2022")]
    others = [n for n in names if not n.startswith(("iso2022", "utf-16", "utf-8"))]
    return [*seven_bit, "utf-8", *others]


def _strict(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return None


def _guess(data: bytes) -> str | None:
    for encoding in _JAPANESE:
        text = _strict(data, encoding)
        if text is not None and len(_KANA.findall(text)) >= 2:
            return text
    high = sum(byte > 0x7F for byte in data)
    lenient = data.decode("utf-8", "replace")
    if lenient.count("\ufffd") * 50 < len(lenient) and lenient.count("\ufffd") * 4 < high:
        return lenient
    # Western European text is mostly ASCII; random bytes are not.
    return _strict(data, "cp1252") if high * 5 < len(data) else None


def _looks_binary(data: bytes) -> bool:
    head = data[:8192]
    controls = sum(byte < 0x09 or 0x0E <= byte < 0x1B or byte == 0x7F for byte in head)
    return bool(head) and controls > _BINARY_SHARE * len(head)


def encoding_of(head: bytes) -> str:
    """Return the encoding of a text file of which only the beginning has been read.

    Args:
        head: Its first bytes, cut anywhere.

    Returns:
        A Python codec name that reads a byte-order mark if there is one; `utf-8` where nothing else fits.
    """
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return {"utf-8": "utf-8-sig"}.get(
                encoding, encoding.partition("-le")[0].partition("-be")[0]
            )
    whole = head[: head.rfind(b"\n") + 1] or head
    for encoding in _declared(whole):
        if _strict(whole, encoding) is not None:
            return encoding
    lines = [line for line in whole.splitlines() if not line.isascii()]
    broken = sum(_strict(line, "utf-8") is None for line in lines)
    if lines and broken * 2 > len(lines):
        for encoding in _JAPANESE:
            text = _strict(whole, encoding)
            if text is not None and len(_KANA.findall(text)) >= 2:
                return encoding
        return "cp1252" if _strict(whole, "cp1252") is not None else "latin-1"
    return "utf-8"
