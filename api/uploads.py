"""Bodies that are written to a file as they arrive."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

from fastapi import Request
from starlette.requests import ClientDisconnect

from api.bodies import ClientGone
from domain.errors import BadInput, Unprocessable

#: A sender that takes longer holds a connection for nothing.
_SECONDS = 300.0


async def received(request: Request, path: Path) -> tuple[str, int]:
    """Write the body to a file as it arrives; return its SHA-256 and size.

    Raises:
        BadInput: `body_too_slow`.
        Unprocessable: `file_empty`.
        ClientGone: if the caller hung up.
    """
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("wb") as file:
            async with asyncio.timeout(_SECONDS):
                async for piece in request.stream():
                    digest.update(piece)
                    size += len(piece)
                    await asyncio.to_thread(file.write, piece)
    except TimeoutError as error:
        raise BadInput(
            "body_too_slow", "The body did not arrive in time; send it again."
        ) from error
    except ClientDisconnect as error:
        raise ClientGone from error
    if not size:
        raise Unprocessable("file_empty", "The file is empty; send it as the body.")
    return digest.hexdigest(), size
