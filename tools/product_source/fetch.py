"""Fetch one public web page, without becoming a way into anybody's private network."""

from __future__ import annotations

import asyncio
import math
import re
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias
from urllib.robotparser import RobotFileParser

import httpx

from domain.errors import BadInput, Unprocessable
from domain.time import Clock
from tools.product_source.addresses import Resolve, public_address, system_resolve

MAX_PAGE_BYTES = 5_000_000
MAX_ROBOTS_BYTES = 500_000
MAX_REDIRECTS = 5
TIMEOUT_S = 15.0
USER_AGENT = "ParleyBot/0.1"

#: Makes the HTTP client. It must not read proxies from the environment (`trust_env=False`): a proxy
#: would resolve the name again, and the checked address would no longer be the one connected to.
ClientFactory: TypeAlias = Callable[[], httpx.AsyncClient]

_PORTS = {"http": 80, "https": 443}
_DECIMAL_DELAY = re.compile(r"(?im)^(\s*crawl-delay\s*:\s*)(\d*\.\d+)")
_HTML = frozenset(("text/html", "application/xhtml+xml"))


class Manners(Protocol):
    """What a reader of many pages holds itself to, asked at every hop."""

    def check(self, url: httpx.URL) -> None:
        """Raise a `ParleyError` where the address may not be read; its host has not been asked anything."""
        ...

    async def turn(self, url: httpx.URL, pause_s: float) -> None:
        """Wait until the host may be asked again.

        Args:
            url: What is about to be read.
            pause_s: Seconds that the host's robots.txt wants between two visits; 0 if it says nothing.
        """
        ...


#: Largest document, after decompression.
MAX_DOCUMENT_BYTES = 50_000_000


@dataclass(frozen=True)
class Fetched:
    """What an address holds.

    Attributes:
        url: Where it was found in the end.
        kind: Media type, as the server states it.
        data: Its bytes.
    """

    url: str
    kind: str
    data: bytes


def default_client() -> httpx.AsyncClient:
    """Return a client without proxies, cookies or redirects of its own."""
    return httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=TIMEOUT_S)


async def fetch_page(
    url: str,
    *,
    client_factory: ClientFactory,
    clock: Clock,
    allow_private: bool = False,
    resolve: Resolve = system_resolve,
    max_bytes: int = MAX_PAGE_BYTES,
    timeout_s: float = TIMEOUT_S,
) -> bytes:
    """Return the bytes of a public HTML page.

    The host is resolved once per hop, checked, and the checked address is the one connected to.
    `robots.txt` of every host on the way is respected (RFC 9309).

    Args:
        url: http(s) address on port 80 or 443.
        client_factory: See `ClientFactory`; `default_client` fits.
        clock: Measures the overall deadline, so that a page that drips bytes cannot hold a worker.
        allow_private: Allow any address and port; for tests and pages on one's own machine only.
        resolve: Host name lookup.
        max_bytes: Largest page, after decompression.
        timeout_s: Seconds for everything together.

    Raises:
        BadInput: `bad_site_url`.
        Unprocessable: `site_unreachable`, `site_private_address`, `site_too_large`, `site_not_html`,
            `site_forbids_robots`.
    """
    deadline = clock.now_ms() + round(timeout_s * 1000)
    async with client_factory() as client:
        fetcher = _Fetcher(client, clock, deadline, resolve, allow_private, _HTML)
        return (await fetcher.within(url, max_bytes, timeout_s)).data


async def fetch_document(
    url: str,
    *,
    client_factory: ClientFactory,
    clock: Clock,
    allow_private: bool = False,
    resolve: Resolve = system_resolve,
    max_bytes: int = MAX_DOCUMENT_BYTES,
    timeout_s: float = 4 * TIMEOUT_S,
    manners: Manners | None = None,
    rules: dict[str, RobotFileParser] | None = None,
) -> Fetched:
    """Return what a public address holds, whatever its media type; otherwise as `fetch_page`.

    `manners` is asked at every hop, and waiting for a turn counts towards `timeout_s`. `rules` are the
    robots.txt files that were read already, by origin; new ones are added.

    Raises:
        BadInput: `bad_site_url`.
        Unprocessable: as `fetch_page`; with `answered`, the status, if the server refused.
    """
    deadline = clock.now_ms() + round(timeout_s * 1000)
    async with client_factory() as client:
        fetcher = _Fetcher(
            client, clock, deadline, resolve, allow_private, None, manners,
            {} if rules is None else rules,
        )  # fmt: skip
        return await fetcher.within(url, max_bytes, timeout_s)


@dataclass(frozen=True)
class _Fetcher:
    client: httpx.AsyncClient
    clock: Clock
    deadline: int
    resolve: Resolve
    allow_private: bool
    #: Media types that are read; None reads all.
    kinds: frozenset[str] | None
    manners: Manners | None = None
    rules: dict[str, RobotFileParser] = field(default_factory=dict)

    async def within(self, url: str, max_bytes: int, timeout_s: float) -> Fetched:
        try:
            async with asyncio.timeout(timeout_s):
                return await self.page(_checked(url, self.allow_private), max_bytes)
        except TimeoutError as error:
            raise _too_slow(url) from error

    async def page(self, url: httpx.URL, max_bytes: int) -> Fetched:
        rules = self.rules
        for _ in range(MAX_REDIRECTS + 1):
            if self.manners is not None:
                self.manners.check(url)
            origin = f"{url.scheme}://{url.netloc.decode('ascii')}"
            if origin not in rules:
                rules[origin] = await self._robots(url)
            if not rules[origin].can_fetch(USER_AGENT, str(url)):
                raise _forbidden()
            if self.manners is not None:
                await self.manners.turn(url, _pause(rules[origin]))
            async with self._get(url) as response:
                if response.is_redirect:
                    url = _next(url, response, self.allow_private)
                    continue
                if response.status_code >= 400:
                    raise Unprocessable(
                        "site_unreachable",
                        f"The site answered with status {response.status_code}; check the address.",
                        answered=response.status_code,
                    )
                kind = response.headers.get("content-type", "text/html").partition(";")[0]
                if self.kinds is not None and kind.strip().lower() not in self.kinds:
                    raise Unprocessable(
                        "site_not_html",
                        f"The address holds {kind.strip()[:60]!r}, not a web page; give an HTML page.",
                    )
                return Fetched(str(url), kind.strip(), await self._body(response, max_bytes))
        raise Unprocessable(
            "site_unreachable",
            f"The site redirected more than {MAX_REDIRECTS} times; give the final address.",
        )

    async def _robots(self, url: httpx.URL) -> RobotFileParser:
        rules = RobotFileParser()
        at = url.copy_with(raw_path=b"/robots.txt", fragment=None)
        for _ in range(MAX_REDIRECTS + 1):
            async with self._get(at) as response:
                if response.is_redirect:
                    at = _next(at, response, self.allow_private)
                    continue
                if response.status_code >= 500:
                    rules.parse(["User-agent: *", "Disallow: /"])
                elif response.status_code >= 400:
                    rules.parse([])
                else:
                    body = await self._body(response, MAX_ROBOTS_BYTES, cut=True)
                    rules.parse(_whole_seconds(body.decode("utf-8", "replace")).splitlines())
                return rules
        rules.parse([])
        return rules

    @asynccontextmanager
    async def _get(self, url: httpx.URL) -> AsyncIterator[httpx.Response]:
        """Connect to the checked address while naming the host in `Host` and in TLS."""
        port = url.port or _PORTS[url.scheme]
        # The raw host is the ASCII form that DNS and TLS know (`xn--…` for Japanese names).
        host = url.raw_host.decode("ascii")
        address = await public_address(host, port, self.resolve, allow_private=self.allow_private)
        request = self.client.build_request(
            "GET",
            url.copy_with(host=address),
            headers={
                "Host": url.netloc.decode("ascii"),
                "User-Agent": USER_AGENT,
                "Accept": "text/html,application/xhtml+xml" if self.kinds else "*/*",
                "Accept-Encoding": "identity",
            },
            extensions={"sni_hostname": host},
        )
        try:
            response = await self.client.send(request, stream=True, follow_redirects=False)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _unreachable(url) from error
        try:
            yield response
        finally:
            await response.aclose()

    async def _body(self, response: httpx.Response, limit: int, *, cut: bool = False) -> bytes:
        """Read at most `limit` bytes, decompressing in bounded steps."""
        inflate = _inflater(response.headers.get("content-encoding", ""))
        body = bytearray()
        try:
            async for chunk in response.aiter_raw():
                if self.clock.now_ms() > self.deadline:
                    raise _too_slow(str(response.url.host))
                body += inflate(chunk, limit + 1 - len(body))
                if len(body) > limit:
                    if cut:
                        return bytes(body[:limit])
                    raise Unprocessable(
                        "site_too_large",
                        f"The page has more than {limit:,} bytes; give a smaller page or a feed.",
                    )
        except (httpx.HTTPError, zlib.error) as error:
            raise Unprocessable(
                "site_unreachable", "The connection broke while reading the page; try again."
            ) from error
        return bytes(body)


def _pause(rules: RobotFileParser) -> float:
    """Return the seconds that a robots.txt wants between two visits."""
    rate = rules.request_rate(USER_AGENT)
    spaced = rate.seconds / rate.requests if rate is not None and rate.requests else 0.0
    return max(float(rules.crawl_delay(USER_AGENT) or 0), spaced)


def _whole_seconds(robots: str) -> str:
    """Round decimal delays up: the parser reads whole seconds only and would ignore the wish."""
    return _DECIMAL_DELAY.sub(lambda m: f"{m[1]}{math.ceil(float(m[2]))}", robots)


def _inflater(encoding: str) -> Callable[[bytes, int], bytes]:
    """Return a bounded decoder: compressed bombs stop at the limit instead of filling memory."""
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return lambda chunk, _room: chunk
    if name not in ("gzip", "x-gzip", "deflate"):
        raise Unprocessable(
            "site_not_html", f"The site sends its pages as {name[:20]!r}, which cannot be read."
        )
    decoder = zlib.decompressobj(wbits=47 if "gzip" in name else 15)
    return lambda chunk, room: decoder.decompress(chunk, max(room, 1))


def _checked(url: str, allow_private: bool) -> httpx.URL:
    try:
        parsed = httpx.URL(url.strip())
        port = parsed.port
        host = parsed.host
    except (httpx.InvalidURL, ValueError, UnicodeError) as error:
        raise _bad_url() from error
    if parsed.scheme not in _PORTS or not host or parsed.userinfo:
        raise _bad_url()
    if not allow_private and port not in (None, 80, 443):
        raise BadInput(
            "bad_site_url", "Only ports 80 and 443 are read; give an address without a port."
        )
    return parsed.copy_with(fragment=None)


def _next(url: httpx.URL, response: httpx.Response, allow_private: bool) -> httpx.URL:
    try:
        target = url.join(response.headers.get("location", ""))
    except (httpx.InvalidURL, ValueError) as error:
        raise _unreachable(url) from error
    return _checked(str(target), allow_private)


def _forbidden() -> Unprocessable:
    return Unprocessable(
        "site_forbids_robots",
        "The site's robots.txt forbids programs to read this page; save the page and give the file "
        "instead.",
    )


def _bad_url() -> BadInput:
    return BadInput(
        "bad_site_url", "Give the page as a full address that starts with https:// or http://."
    )


def _unreachable(url: httpx.URL) -> Unprocessable:
    return Unprocessable(
        "site_unreachable",
        f"The site {url.host[:100]!r} could not be reached; check the address and try again.",
    )


def _too_slow(url: str) -> Unprocessable:
    return Unprocessable(
        "site_unreachable", f"The site {url[:100]!r} took too long to answer; try again later."
    )
