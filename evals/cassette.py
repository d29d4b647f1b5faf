"""Recordings of HTTP exchanges: found again by what was asked, free of secrets, strict about anything new."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec

from domain.errors import BadInput, Forbidden, NotFound

Mode = Literal["replay", "record"]

_GONE = "(scrubbed)"
#: Headers that say what was asked or answered; every other one is left out, keys of accounts first of all.
_KEPT_HEADERS = frozenset({"content-type", "anthropic-version", "retry-after"})
_SECRET_NAME = re.compile(r"api[-_]?key|token|secret|password|authorization|signature|cookie", re.I)
#: Counts of tokens are no secrets, though their name says so.
_PLAIN_NAME = re.compile(r"tokens?(_details)?$|^max_", re.I)
_SECRET_TEXT = re.compile(
    r"\b(?:sk|pk|xai|ls|parley_sk)[-_][A-Za-z0-9_-]{12,}|\bBearer\s+[A-Za-z0-9._~+/-]{8,}=*"
)


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """One question and its answer.

    Attributes:
        key: Hash of the canonical question.
        method, url, asked: The question without secrets; `asked` is JSON, or text.
        status, headers, answered: The answer; bytes that are no text are not recorded.
    """

    key: str
    method: str
    url: str
    asked: Any
    status: int
    headers: dict[str, str]
    answered: str


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """A cassette's file."""

    version: int = 1
    exchanges: tuple[Exchange, ...] = ()


class Tape:
    """A cassette while it plays or records.

    Args:
        path: Its file.
        mode: `replay` answers from the file and from nothing else; `record` starts an empty one.

    Attributes:
        refused: Questions that are not on it, in replay; an SDK may turn the refusal into something else,
            so whoever plays must look here.

    Raises:
        NotFound: `no_cassette`.
        BadInput: `bad_cassette`.
    """

    def __init__(self, path: Path, mode: Mode = "replay") -> None:
        self.path, self.mode = path, mode
        self._kept: list[Exchange] = [] if mode == "record" else list(_read(path).exchanges)
        self._used: Counter[str] = Counter()
        self.refused: list[str] = []

    def answer(self, method: str, url: str, body: bytes) -> Exchange:
        """Return the recorded answer; the same question asked again gets the next one, then the last again.

        Raises:
            Forbidden: `new_request` if the question is not on the tape.
        """
        key = request_key(method, url, body)
        found = [exchange for exchange in self._kept if exchange.key == key]
        if not found:
            self.refused.append(f"{method} {scrubbed_url(url)} {key[:12]}")
            raise Forbidden(
                "new_request",
                f"{self.path.name} has no answer to this request; record it again with --record.",
            )
        number = min(self._used[key], len(found) - 1)
        self._used[key] += 1
        return found[number]

    def keep(
        self,
        method: str,
        url: str,
        body: bytes,
        status: int,
        headers: Mapping[str, str],
        data: bytes,
    ) -> None:
        """Record an exchange."""
        self._kept.append(
            Exchange(
                key=request_key(method, url, body),
                method=method,
                url=scrubbed_url(url),
                asked=scrubbed(_as_json(body)),
                status=status,
                headers={k: v for k, v in headers.items() if k.lower() in _KEPT_HEADERS},
                answered=scrubbed_text(data.decode("utf-8", "replace")),
            )
        )

    def save(self) -> None:
        """Write a recording to its file."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        encoded = msgspec.json.encode(Recording(exchanges=tuple(self._kept)))
        self.path.write_bytes(msgspec.json.format(encoded, indent=1) + b"\n")


def request_key(method: str, url: str, body: bytes) -> str:
    """Return the hash of a question: order of fields and of the query, spaces and secrets do not matter."""
    asked = scrubbed(_as_json(body))
    canonical = json.dumps(
        [method.upper(), scrubbed_url(url), asked],
        sort_keys=True, ensure_ascii=False, separators=(",", ":"),
    )  # fmt: skip
    return hashlib.sha256(canonical.encode()).hexdigest()


def scrubbed_url(url: str) -> str:
    """Return an address with its query in order and without secrets, accounts or fragment."""
    parts = urlsplit(url)
    query = sorted(
        (name, _GONE if _SECRET_NAME.search(name) else value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    )
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, urlencode(query), ""))


def scrubbed(value: Any) -> Any:
    """Return JSON-like data without secrets."""
    if isinstance(value, dict):
        return {
            key: _GONE if _is_secret(str(key)) and isinstance(one, str) else scrubbed(one)
            for key, one in value.items()
        }
    if isinstance(value, list):
        return [scrubbed(one) for one in value]
    return scrubbed_text(value) if isinstance(value, str) else value


def scrubbed_text(text: str) -> str:
    """Return a text without what looks like a key."""
    return _SECRET_TEXT.sub(_GONE, text)


def _is_secret(name: str) -> bool:
    return bool(_SECRET_NAME.search(name)) and not _PLAIN_NAME.search(name)


def _as_json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")


def _read(path: Path) -> Recording:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Recording)
    except OSError as error:
        raise NotFound(
            "no_cassette", f"There is no cassette {path.name}; record it with --record."
        ) from error
    except msgspec.DecodeError as error:
        raise BadInput("bad_cassette", f"{path.name} is no cassette: {error}.") from error
