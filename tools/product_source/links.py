"""Addresses as feeds and pages write them."""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit

_HOST = re.compile(
    r"^(?:[^\s/?#@:\[\]\x00-\x20]{1,63}\.)+[^\s/?#@:\[\]\d\W][^\s/?#@:\[\]]{1,62}$", re.UNICODE
)
_LONGEST = 2_000


def web_address(stated: str, base: str | None = None) -> str | None:
    """Return an absolute http(s) address, or None.

    Args:
        stated: An address, or a bare host such as `shop.example` (which becomes `https://shop.example/`).
        base: Address that a relative one is resolved against; with it nothing counts as a bare host.
    """
    text = stated.strip()
    if (
        not text
        or len(text) > _LONGEST
        or re.search(r"[\s\x00-\x1f\ud800-\udfff<>\"\\^`{|}]", text)
    ):
        return None
    if base:
        try:
            text = urljoin(base, text)
        except ValueError:
            return None
    if text.startswith("//"):
        text = f"https:{text}"
    if "://" not in text:
        host, _, rest = text.partition("/")
        text = f"https://{host}/{rest}" if _is_host(host) else ""
    try:
        parts = urlsplit(text)
        name, _ = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme.lower() not in {"http", "https"} or not name or "@" in parts.netloc:
        return None
    return text if _is_host(name) or _is_local(name) else None


def _is_host(text: str) -> bool:
    return bool(_HOST.match(text))


def _is_local(host: str) -> bool:
    return host == "localhost" or bool(re.fullmatch(r"[\d.]{7,15}|[0-9a-f:.]{2,45}", host))
