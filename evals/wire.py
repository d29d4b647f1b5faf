"""Cassettes as transports: for httpx, and for httpx2, on which the SDKs of OpenAI, xAI and LangSmith run.

The transport is the only seam: SDK, retries, parsing and streaming above it are the real ones.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import httpx
import httpx2

from evals.cassette import Tape

#: What a body becomes when it is read: no longer packed, and of another length.
_NOT_COPIED = frozenset({"content-encoding", "content-length", "transfer-encoding"})


async def _exchange(tape: Tape, inner: Any, request: Any, kit: ModuleType) -> Any:
    """Answer from the tape, or ask and record; the two libraries have the same names for everything here."""
    body = await request.aread()
    asked = (request.method, str(request.url), body)
    if tape.mode == "replay" or inner is None:
        found = tape.answer(*asked)
        status, headers, data = found.status, found.headers, found.answered.encode()
    else:
        response = await inner.handle_async_request(request)
        data = await response.aread()
        await response.aclose()
        tape.keep(*asked, response.status_code, response.headers, data)
        status = response.status_code
        headers = {k: v for k, v in response.headers.items() if k.lower() not in _NOT_COPIED}
    return kit.Response(status, headers=headers, stream=kit.ByteStream(data), request=request)


class TapeTransport(httpx.AsyncBaseTransport):
    """Plays or records a cassette under an `httpx.AsyncClient`.

    Args:
        tape: The cassette.
        inner: Who really answers while it records.
    """

    def __init__(self, tape: Tape, inner: httpx.AsyncBaseTransport | None = None) -> None:
        self._tape, self._inner = tape, inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer from the tape, or ask and record."""
        answer: httpx.Response = await _exchange(self._tape, self._inner, request, httpx)
        return answer


class Tape2Transport(httpx2.AsyncBaseTransport):
    """Plays or records a cassette under an `httpx2.AsyncClient`; see `TapeTransport`."""

    def __init__(self, tape: Tape, inner: httpx2.AsyncBaseTransport | None = None) -> None:
        self._tape, self._inner = tape, inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer from the tape, or ask and record."""
        answer: httpx2.Response = await _exchange(self._tape, self._inner, request, httpx2)
        return answer
