"""Documents behind addresses: any media type, bounded, and never a way into a private network."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from domain.errors import Unprocessable
from domain.time import SystemClock
from tools.product_source.fetch import fetch_document

Answer = Callable[[httpx.Request], httpx.Response]


class Wire:
    """In place of the network: answers, and the addresses that were connected to."""

    def __init__(self, answer: Answer) -> None:
        self.connected: list[str] = []
        self._answer = answer

    def client(self) -> httpx.AsyncClient:
        def handle(request: httpx.Request) -> httpx.Response:
            self.connected.append(request.url.host)
            if request.url.path == "/robots.txt":
                return httpx.Response(404)
            return self._answer(request)

        return httpx.AsyncClient(transport=httpx.MockTransport(handle))

    async def fetch(self, url: str, **more: int) -> object:
        async def resolve(host: str, port: int) -> list[str]:
            return ["10.1.2.3"] if host.startswith("intern") else ["93.184.216.34"]

        return await fetch_document(
            url, client_factory=self.client, clock=SystemClock(), resolve=resolve, **more
        )


async def refusal(wire: Wire, url: str, **more: int) -> Unprocessable:
    with pytest.raises(Unprocessable) as caught:
        await wire.fetch(url, **more)
    return caught.value


@pytest.mark.asyncio
async def test_any_kind_is_given_with_its_media_type() -> None:
    kind = {"content-type": "application/pdf; x=y"}
    wire = Wire(lambda _: httpx.Response(200, headers=kind, stream=httpx.ByteStream(b"%PDF-1.7")))
    found = await wire.fetch("https://shop.example/a.pdf")
    assert (found.kind, found.data, found.url) == (  # type: ignore[attr-defined]
        "application/pdf", b"%PDF-1.7", "https://shop.example/a.pdf"
    )  # fmt: skip
    # The address that was checked is the one connected to.
    assert set(wire.connected) == {"93.184.216.34"}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/", "http://intern.example/", "http://[fd00::1]/"]
)
async def test_private_addresses_are_refused_before_connecting(url: str) -> None:
    wire = Wire(lambda _: httpx.Response(200, content=b"secret"))
    assert (await refusal(wire, url)).code == "site_private_address"
    assert wire.connected == []


@pytest.mark.asyncio
@pytest.mark.parametrize("inside", ["http://169.254.169.254/latest", "http://intern.example/"])
async def test_private_addresses_are_refused_after_a_redirect(inside: str) -> None:
    wire = Wire(lambda _: httpx.Response(302, headers={"location": inside}))
    assert (await refusal(wire, "https://shop.example/")).code == "site_private_address"
    assert set(wire.connected) == {"93.184.216.34"}


@pytest.mark.asyncio
async def test_a_refusal_says_what_the_server_answered() -> None:
    wire = Wire(lambda _: httpx.Response(410))
    error = await refusal(wire, "https://shop.example/")
    assert (error.code, error.extra) == ("site_unreachable", {"answered": 410})


@pytest.mark.asyncio
async def test_more_bytes_than_the_limit_are_not_read() -> None:
    wire = Wire(lambda _: httpx.Response(200, stream=httpx.ByteStream(b"x" * 2_000)))
    assert (await refusal(wire, "https://shop.example/", max_bytes=1_000)).code == "site_too_large"
