"""Cassettes as transports: for httpx, and for httpx2, on which the SDKs of OpenAI, xAI and LangSmith run.

The transport is the only seam: SDK, retries, parsing and streaming above it are the real ones.
"""

from __future__ import annotations

import httpx
import httpx2

from evals.cassette import Tape

#: What a body becomes when it is read: no longer packed, and of another length.
_NOT_COPIED = frozenset({"content-encoding", "content-length", "transfer-encoding"})


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
        body = await request.aread()
        if self._tape.mode == "replay" or self._inner is None:
            found = self._tape.answer(request.method, str(request.url), body)
            stream = httpx.ByteStream(found.answered.encode())
            return httpx.Response(
                found.status, headers=found.headers, stream=stream, request=request
            )
        response = await self._inner.handle_async_request(request)
        data = await response.aread()
        await response.aclose()
        self._tape.keep(
            request.method, str(request.url), body, response.status_code, response.headers, data
        )
        left = {k: v for k, v in response.headers.items() if k.lower() not in _NOT_COPIED}
        stream = httpx.ByteStream(data)
        return httpx.Response(response.status_code, headers=left, stream=stream, request=request)


class Tape2Transport(httpx2.AsyncBaseTransport):
    """Plays or records a cassette under an `httpx2.AsyncClient`; see `TapeTransport`."""

    def __init__(self, tape: Tape, inner: httpx2.AsyncBaseTransport | None = None) -> None:
        self._tape, self._inner = tape, inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer from the tape, or ask and record."""
        body = await request.aread()
        if self._tape.mode == "replay" or self._inner is None:
            found = self._tape.answer(request.method, str(request.url), body)
            stream = httpx2.ByteStream(found.answered.encode())
            return httpx2.Response(
                found.status, headers=found.headers, stream=stream, request=request
            )
        response = await self._inner.handle_async_request(request)
        data = await response.aread()
        await response.aclose()
        self._tape.keep(
            request.method, str(request.url), body, response.status_code, response.headers, data
        )
        left = {k: v for k, v in response.headers.items() if k.lower() not in _NOT_COPIED}
        stream = httpx2.ByteStream(data)
        return httpx2.Response(response.status_code, headers=left, stream=stream, request=request)
