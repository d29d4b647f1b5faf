"""Bodies are read whole, counted while they stream, and checked before anything parses them for use."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from api.exchange import Asgi, Message, Receive, Scope, Send, header
from domain.errors import BadInput, TooLarge

MEGABYTE = 1 << 20
DEFAULT_LIMIT = MEGABYTE
SOURCE_LIMIT = 20 * MEGABYTE
#: Bodies that are files, read whole.
SOURCES = frozenset(("/api/v1/sources", "/api/v1/content/pictures"))
#: Bodies that the route itself writes to a file as they arrive.
UPLOADS = frozenset(("/api/v1/knowledge/sources/upload", "/api/v1/leads/import"))
UPLOAD_LIMIT = 100 * MEGABYTE
MAX_DEPTH = 64
#: A sender that takes longer holds memory for nothing.
READ_SECONDS = 30.0


class ClientGone(Exception):
    """The caller closed the connection before its body had arrived; there is nobody to answer."""


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """Return the whole body.

    Raises:
        TooLarge: as soon as more than `limit` bytes are announced or have arrived.
        BadInput: if it takes longer than `READ_SECONDS`.
        ClientGone: if the caller hung up.
    """
    check_announced(header(scope, b"content-length"), limit)
    try:
        async with asyncio.timeout(READ_SECONDS):
            return await collect(receive, limit)
    except TimeoutError as error:
        raise too_slow() from error


def check_announced(announced: bytes | None, limit: int) -> None:
    """Raise `TooLarge` for a body that is announced to be larger."""
    if announced is not None and announced.isdigit() and int(announced) > limit:
        raise too_large(limit)


def _counted(receive: Receive, limit: int) -> Receive:
    """Hand a body on piece by piece, until it is larger than announced bodies may be."""
    size = 0

    async def again() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > limit:
            raise too_large(limit)
        return message

    return again


async def collect(receive: Receive, limit: int) -> bytes:
    """Return a whole body, however long it takes; raises as `read_body` else."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise too_large(limit)
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks) if len(chunks) > 1 else chunk


def check_json(body: bytes) -> None:
    """Raise `BadInput` unless the body is JSON that every part of the house can hold.

    Refused: other encodings than UTF-8, lone surrogates (no UTF-8 form), NUL characters (PostgreSQL
    text cannot hold them), nesting deeper than `MAX_DEPTH`, NaN and infinities.
    """
    check_text(body)
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise bad_json(error) from error
    _check_value(value)


def check_text(body: bytes) -> None:
    """Raise `BadInput` unless the body is UTF-8."""
    if body.isascii():
        return
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(
            "bad_encoding", f"The body is not UTF-8 (byte {error.start + 1}); send UTF-8."
        ) from error


def bad_json(error: Exception) -> BadInput:
    """Return the typed error for a body that is not usable JSON."""
    if isinstance(error, RecursionError):
        return _too_deep()
    return BadInput("bad_json", "The body is not valid JSON; check quotes, commas and encoding.")


def _check_value(root: Any) -> None:
    layer, depth = [root], 0
    while layer:
        below: list[Any] = []
        deeper = False
        for value in layer:
            if isinstance(value, str):
                _check_string(value)
            elif isinstance(value, dict | list):
                deeper = True
                below.extend(value)
                below.extend(value.values() if isinstance(value, dict) else ())
        depth += deeper
        if depth > MAX_DEPTH:
            raise _too_deep()
        layer = below


def _check_string(value: str) -> None:
    if "\x00" in value:
        raise BadInput("bad_json", "A text contains the NUL character; remove it.")
    if not value.isascii():
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise BadInput(
                "bad_json", "A text contains half of a surrogate pair; send whole characters."
            ) from error


def _too_deep() -> BadInput:
    return BadInput("bad_json", f"The JSON is nested deeper than {MAX_DEPTH} levels; flatten it.")


def too_slow() -> BadInput:
    """Return the typed error for a body that did not arrive in time."""
    return BadInput("body_too_slow", "The body did not arrive in time; send it again.")


def too_large(limit: int) -> TooLarge:
    """Return the typed error for a body of more bytes than that."""
    return TooLarge(
        "body_too_large", f"The body is larger than {limit // MEGABYTE} MB; send less at once."
    )


class BodyGuard:
    """Reads and checks each body, then hands it on in one piece.

    Args:
        inner: The application behind it.
    """

    def __init__(self, inner: Asgi) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._inner(scope, receive, send)
            return
        if scope["path"] in UPLOADS:
            check_announced(header(scope, b"content-length"), UPLOAD_LIMIT)
            await self._inner(scope, _counted(receive, UPLOAD_LIMIT), send)
            return
        raw = scope["path"] in SOURCES
        body = await read_body(scope, receive, SOURCE_LIMIT if raw else DEFAULT_LIMIT)
        if body and not raw:
            check_json(body)
            _say_json(scope)
        await self._inner(scope, _replay(body, receive), send)


def _say_json(scope: Scope) -> None:
    """Call the body what it is: `navigator.sendBeacon` and curl send JSON under other names."""
    kept = [(k, v) for k, v in scope["headers"] if k != b"content-type"]
    scope["headers"] = [*kept, (b"content-type", b"application/json")]


def _replay(body: bytes, receive: Receive) -> Receive:
    waiting = [body]

    async def again() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return again
