from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from domain.errors import BadInput, ParleyError
from domain.time import FixedClock, SystemClock
from tools.product_source import fetch_page
from tools.product_source.addresses import is_public
from tools.product_source.fetch import default_client

PAGE = b"<h1>Shop</h1><p>Boots ship in two days.</p>"
Routes = dict[str, bytes]


def answer(body: bytes, kind: str = "text/html", status: str = "200 OK", extra: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{extra}"
    return f"{head}Connection: close\r\n\r\n".encode() + body


def moved(to: str) -> bytes:
    return answer(b"", status="302 Found", extra=f"Location: {to}\r\n")


class Site:
    """A loopback web server that answers from a table and remembers what was asked."""

    def __init__(self, routes: Routes) -> None:
        self.routes = routes
        self.asked: list[tuple[str, str]] = []
        self.origin = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = head.split(" ")[1]
        host = next(x for x in head.split("\r\n") if x.lower().startswith("host:"))[5:].strip()
        self.asked.append((host, path))
        missing = answer(b"", status="404 Not Found")
        writer.write(self.routes.get(path, missing))
        await writer.drain()
        writer.close()


@asynccontextmanager
async def site(routes: Routes) -> AsyncIterator[Site]:
    one = Site(routes)
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0)
    one.origin = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield one


async def local(url: str, **options: object) -> bytes:
    return await fetch_page(
        url,
        client_factory=default_client,
        clock=SystemClock(),
        allow_private=True,
        **options,  # type: ignore[arg-type]
    )


def resolver(table: dict[str, list[str]]) -> Callable[[str, int], Awaitable[list[str]]]:
    async def resolve(host: str, port: int) -> list[str]:
        return table.get(host, [])

    return resolve


@pytest.mark.asyncio
async def test_a_page_is_fetched_and_the_host_is_named() -> None:
    async with site({"/a": answer(PAGE)}) as shop:
        assert await local(shop.origin + "/a#top") == PAGE
        host = shop.origin.removeprefix("http://")
        assert shop.asked == [(host, "/robots.txt"), (host, "/a")]


@pytest.mark.asyncio
async def test_redirects_are_followed_and_bounded() -> None:
    async with site({"/a": moved("/b"), "/b": answer(PAGE), "/loop": moved("/loop")}) as shop:
        assert await local(shop.origin + "/a") == PAGE
        with pytest.raises(ParleyError) as error:
            await local(shop.origin + "/loop")
        assert error.value.code == "site_unreachable"


@pytest.mark.asyncio
async def test_compressed_pages_and_bombs() -> None:
    bomb = gzip.compress(b"a" * 50_000_000)
    extra = "Content-Encoding: gzip\r\n"
    routes = {
        "/gz": answer(gzip.compress(PAGE), extra=extra),
        "/bomb": answer(bomb, extra=extra),
        "/br": answer(PAGE, extra="Content-Encoding: br\r\n"),
        "/broken": answer(b"not gzip", extra=extra),
    }
    async with site(routes) as shop:
        assert await local(shop.origin + "/gz") == PAGE
        for path, code in (
            ("/bomb", "site_too_large"),
            ("/br", "site_not_html"),
            ("/broken", "site_unreachable"),
        ):
            with pytest.raises(ParleyError) as error:
                await local(shop.origin + path)
            assert error.value.code == code


@pytest.mark.asyncio
async def test_answers_that_are_no_page() -> None:
    routes = {
        "/pdf": answer(b"%PDF", "application/pdf"),
        "/big": answer(b"a" * 2000),
        "/gone": answer(b"", status="410 Gone"),
        "/odd": b"not http at all\r\n\r\n",
        "/file": moved("file:///etc/passwd"),
        "/short": b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\nabc",
    }
    async with site(routes) as shop:
        for path, code in (
            ("/pdf", "site_not_html"),
            ("/big", "site_too_large"),
            ("/gone", "site_unreachable"),
            ("/missing", "site_unreachable"),
            ("/odd", "site_unreachable"),
            ("/file", "bad_site_url"),
            ("/short", "site_unreachable"),
        ):
            with pytest.raises(ParleyError) as error:
                await local(shop.origin + path, max_bytes=1000)
            assert error.value.code == code, path


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("robots", "forbidden"),
    [
        (answer(b"User-agent: *\nDisallow: /private", "text/plain"), True),
        (
            answer(b"User-agent: ParleyBot\nDisallow: /\n\nUser-agent: *\nAllow: /", "text/plain"),
            True,
        ),
        (answer(b"User-agent: OtherBot\nDisallow: /", "text/plain"), False),
        (answer(b"", status="500 Broken"), True),
        (answer(b"", status="403 Forbidden"), False),
    ],
)
async def test_robots_txt_is_respected(robots: bytes, forbidden: bool) -> None:
    async with site({"/robots.txt": robots, "/private/a": answer(PAGE)}) as shop:
        if not forbidden:
            assert await local(shop.origin + "/private/a") == PAGE
            return
        with pytest.raises(ParleyError) as error:
            await local(shop.origin + "/private/a")
        assert error.value.code == "site_forbids_robots"
        assert [path for _, path in shop.asked] == ["/robots.txt"]


@pytest.mark.asyncio
async def test_a_page_that_drips_is_given_up() -> None:
    async with site({"/a": answer(PAGE)}) as shop:
        clock = FixedClock(0)

        class Late(FixedClock):
            def now_ms(self) -> int:
                clock.advance(20_000)
                return clock.at_ms

        with pytest.raises(ParleyError) as error:
            await fetch_page(
                shop.origin + "/a", client_factory=default_client, clock=Late(0), allow_private=True
            )
        assert error.value.code == "site_unreachable"
        assert "too long" in error.value.detail


@pytest.mark.asyncio
async def test_nobody_listens() -> None:
    async with site({}) as shop:
        gone = shop.origin
    with pytest.raises(ParleyError) as error:
        await local(gone)
    assert error.value.code == "site_unreachable"


def refusing_client() -> httpx.AsyncClient:
    def handler(request: httpx.Request) -> httpx.Response:
        raise AssertionError(f"connected to {request.url}")

    return httpx.AsyncClient(transport=httpx.MockTransport(handler))


PRIVATE = [
    "http://127.0.0.1/",
    "http://[::1]/",
    "http://10.0.0.5/",
    "http://172.16.3.4/",
    "http://192.168.1.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://100.64.0.1/",
    "http://0.0.0.0/",
    "http://[::ffff:127.0.0.1]/",
    "http://[fe80::1]/",
    "http://[fd00::1]/",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://127.1/",
]


@pytest.mark.asyncio
@pytest.mark.parametrize("url", PRIVATE)
async def test_private_addresses_are_refused_before_connecting(url: str) -> None:
    with pytest.raises(ParleyError) as error:
        await fetch_page(url, client_factory=refusing_client, clock=SystemClock())
    assert error.value.code == "site_private_address"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "url",
    [
        "ftp://shop.example/",
        "file:///etc/passwd",
        "gopher://shop.example/",
        "javascript:alert(1)",
        "shop.example",
        "",
        "http://",
        "http://user:pass@shop.example/",
        "http://shop.example:6379/",
        "http://shop.example:22/",
        "http://shop.example:99999/",
        "http://[::1/",
    ],
)
async def test_addresses_that_are_no_web_page(url: str) -> None:
    with pytest.raises(BadInput) as error:
        await fetch_page(url, client_factory=refusing_client, clock=SystemClock())
    assert error.value.code == "bad_site_url"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("addresses", "code"),
    [
        (["93.184.216.34", "10.0.0.1"], "site_private_address"),
        (["10.0.0.1"], "site_private_address"),
        (["127.0.0.1", "::1"], "site_private_address"),
        (["64:ff9b::7f00:1"], "site_private_address"),
        (["2002:7f00:1::"], "site_private_address"),
        (["224.0.0.1"], "site_private_address"),
        (["240.0.0.1"], "site_private_address"),
        ([], "site_unreachable"),
    ],
)
async def test_names_that_lead_inside_are_refused(addresses: list[str], code: str) -> None:
    with pytest.raises(ParleyError) as error:
        await fetch_page(
            "https://shop.example/",
            client_factory=refusing_client,
            clock=SystemClock(),
            resolve=resolver({"shop.example": addresses}),
        )
    assert error.value.code == code


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "inside", ["http://inside.example/", "http://169.254.169.254/x", "//127.0.0.1/"]
)
async def test_a_redirect_into_a_private_network_is_refused(inside: str) -> None:
    asked: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        if request.url.path == "/robots.txt":
            return httpx.Response(404)
        return httpx.Response(302, headers={"location": inside})

    async def resolve(host: str, port: int) -> list[str]:
        table = {"shop.example": ["93.184.216.34"], "inside.example": ["10.1.2.3"]}
        return table.get(host, [host])

    with pytest.raises(ParleyError) as error:
        await fetch_page(
            "https://shop.example/",
            client_factory=lambda: httpx.AsyncClient(transport=httpx.MockTransport(handler)),
            clock=SystemClock(),
            resolve=resolve,
        )
    assert error.value.code == "site_private_address"
    assert asked == ["https://93.184.216.34/robots.txt", "https://93.184.216.34/"]


@pytest.mark.asyncio
async def test_the_checked_address_is_the_one_connected_to() -> None:
    """A name that changes its address between the check and the connection gains nothing."""
    answers = iter([["93.184.216.34"], ["93.184.216.34"], ["127.0.0.1"]])
    seen: list[httpx.Request] = []

    async def resolve(host: str, port: int) -> list[str]:
        return next(answers)

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(
            200, headers={"content-type": "text/html"}, stream=httpx.ByteStream(b"")
        )

    await fetch_page(
        "https://shop.example/a",
        client_factory=lambda: httpx.AsyncClient(transport=httpx.MockTransport(handler)),
        clock=SystemClock(),
        resolve=resolve,
    )
    assert {request.url.host for request in seen} == {"93.184.216.34"}
    assert {request.headers["host"] for request in seen} == {"shop.example"}
    assert {request.extensions["sni_hostname"] for request in seen} == {"shop.example"}


@pytest.mark.asyncio
async def test_japanese_host_names_are_asked_for_in_their_ascii_form() -> None:
    asked: list[str] = []

    async def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["93.184.216.34"]

    def handler(request: httpx.Request) -> httpx.Response:
        assert request.headers["host"] == request.extensions["sni_hostname"]
        return httpx.Response(200, stream=httpx.ByteStream(b""))

    await fetch_page(
        "https://靴屋.example/",
        client_factory=lambda: httpx.AsyncClient(transport=httpx.MockTransport(handler)),
        clock=SystemClock(),
        resolve=resolve,
    )
    assert len(set(asked)) == 1
    assert asked[0].startswith("xn--")


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:4700:4700::1111"])
def test_public_addresses(address: str) -> None:
    assert is_public(address)
