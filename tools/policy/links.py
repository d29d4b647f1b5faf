"""Links in text, also where somebody tries to hide that they are links."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from domain.invisible import INVISIBLE

#: Endings at which a bare name counts as a host. Common generic ones, the countries served, and those that
#: the measurement of abuse reports name most; a name with a scheme or `www.` counts whatever its ending.
_ENDINGS = (
    "com|net|org|info|biz|io|ai|app|dev|co|me|ly|gl|gg|to|tv|cc|xyz|top|site|online|store|shop|click|link|live|"
    "club|pro|page|web|cloud|tech|space|website|fun|icu|vip|win|bid|loan|jp|us|uk|de|fr|ru|cn|eu|in|kr|tw|"
    "example|test|invalid|onion"
)
_ASCII = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_SCHEME = re.compile(r"(?:[a-z][a-z0-9+.-]{1,9}:)?//([^\s/?#<>\"'`()（）「」、。]+)", re.IGNORECASE)
_WWW = re.compile(rf"\bwww\.({_ASCII}(?:\.{_ASCII})+)", re.IGNORECASE)
_BARE = re.compile(rf"(?<![a-z0-9.-])((?:{_ASCII}\.)+(?:{_ENDINGS}))(?![a-z0-9-])", re.IGNORECASE)
_SCRIPT = re.compile(r"\b(?:javascript|data|vbscript|file|blob):", re.IGNORECASE)
_HIDDEN_DOT = re.compile(r"\s*(?:\[\.\]|\(\.\)|\[dot\]|\(dot\)|\{dot\}| dot )\s*", re.IGNORECASE)
_HXXP = re.compile(r"\bhxxp(s?)\b", re.IGNORECASE)


def plain_text(text: str) -> str:
    """Return a text as a reader takes it: NFKC, nothing invisible, no dots in disguise."""
    shown = INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).replace("。", "。 ")
    return _HXXP.sub(r"http\1", _HIDDEN_DOT.sub(".", shown))


def hosts_in(text: str) -> tuple[str, ...]:
    """Return the hosts that a text names, lower case and without `www.`; the domain of a mail address is one.

    A scheme that runs something (`javascript:`, `data:`) counts as the host `script`.
    """
    return tuple(dict.fromkeys(_found(plain_text(text))))


def host_of(address: str) -> str | None:
    """Return the host of one http(s) address, None if it is no such address or hides another one."""
    try:
        parts = urlsplit(address.strip())
        host = parts.hostname
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc:
        return None
    if (
        "\\" in address
        or INVISIBLE.search(address)
        or any(sign.isspace() for sign in address.strip())
    ):
        return None
    return _tidy(host)


def is_among(host: str, allowed: Iterable[str]) -> bool:
    """Return whether a host is one of the allowed ones or below one."""
    return any(host == own or host.endswith(f".{own}") for own in map(_tidy, allowed) if own)


def _found(text: str) -> Iterator[str]:
    if _SCRIPT.search(text):
        yield "script"
    for pattern in (_SCHEME, _WWW, _BARE):
        for match in pattern.finditer(text):
            host = _tidy(match[1].rpartition("@")[2].partition(":")[0])
            if "." in host:
                yield host


def _tidy(host: str) -> str:
    return host.lower().strip(".").removeprefix("www.")
