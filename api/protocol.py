"""Which HTTP protocol uvicorn serves us with: `uvicorn --http api.protocol:HTTP`."""

from __future__ import annotations

import asyncio
import logging

import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

log = logging.getLogger("parley.api")

#: The short cut knows uvicorn's inner parts; it was made and tested for these.
KNOWN = ("0.54.",)


def choose(version: str = uvicorn.__version__) -> type[asyncio.Protocol]:
    """Return the protocol with the short cut for ad requests, or uvicorn's own under a version not known."""
    try:
        if not version.startswith(KNOWN):
            raise ImportError(f"uvicorn {version} is not one of {', '.join(KNOWN)}")
        from api.shortcut import ShortCut  # noqa: PLC0415 - may be missing, or break, elsewhere
    except ImportError as error:
        log.warning("POST /api/requests is served without its short cut, at more cost: %s", error)
        return AutoHTTPProtocol
    return ShortCut


HTTP = choose()
