"""Reads the web for one run: only the hosts it was given, as many pages as it may, as slowly as they ask."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Protocol
from urllib.robotparser import RobotFileParser

import httpx

from domain.errors import ParleyError, Unprocessable
from domain.time import Clock
from tools.product_source.addresses import Resolve, system_resolve
from tools.product_source.fetch import TIMEOUT_S, ClientFactory, fetch_document
from tools.web.pages import WebPage, page_of
from tools.web.people import check_no_person

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True)
class Limits:
    """What one run may take of the web.

    Attributes:
        pages: Addresses read, redirects and robots.txt not counted.
        page_bytes: Largest page or feed, after decompression.
        total_bytes: Everything together.
        interval_s: Least seconds between two visits of one host.
        longest_pause_s: A host that wants longer pauses is not read: no run waits that long.
    """

    pages: int = 20
    page_bytes: int = 5_000_000
    total_bytes: int = 30_000_000
    interval_s: float = 1.0
    longest_pause_s: float = 20.0


class ReadWeb(Protocol):
    """Reads one address; what agents are handed."""

    async def __call__(self, url: str) -> WebPage:
        """Return what an address says."""
        ...


class WebReader:
    """The web as one run may see it.

    Args:
        hosts: The only hosts it reads, with their subdomains. Whoever starts the run names them; text that was
            read never does.
        client_factory: Makes the HTTP client, see `tools.product_source.fetch`.
        clock: The time.
        sleep: Waits; replaced in tests.
        limits: How much it may take.
        allow_private: Read any address; for tests only.
        resolve: Host name look-up.
    """

    def __init__(
        self,
        hosts: Collection[str],
        *,
        client_factory: ClientFactory,
        clock: Clock,
        sleep: Sleep = asyncio.sleep,
        limits: Limits | None = None,
        allow_private: bool = False,
        resolve: Resolve = system_resolve,
    ) -> None:
        self._hosts = frozenset(host.lower().rstrip(".") for host in hosts if host)
        self._client = client_factory
        self._clock = clock
        self._sleep = sleep
        self._limits = limits or Limits()
        self._private = allow_private
        self._resolve = resolve
        self._rules: dict[str, RobotFileParser] = {}
        self._read: dict[str, WebPage | ParleyError] = {}
        self._free_at: dict[str, float] = {}
        self._bytes = 0
        # One page at a time: two of one host would overtake each other's turn.
        self._one = asyncio.Lock()

    async def __call__(self, url: str) -> WebPage:
        """Return what an address says; the same address is asked once a run.

        Raises:
            BadInput: `bad_site_url`.
            Unprocessable: `web_limit` if the run has read as much as it may, `host_not_allowed`,
                `people_not_scraped`, `robots_too_slow`, and as `fetch_document`.
        """
        async with self._one:
            known = self._read.get(url)
            if known is None:
                known = await self._once(url)
                self._read[url] = known
        if isinstance(known, ParleyError):
            raise known
        return known

    def check(self, url: httpx.URL) -> None:
        """Refuse other hosts, wherever a redirect leads, and pages about people."""
        host = url.host.lower().rstrip(".")
        if not any(host == one or host.endswith(f".{one}") for one in self._hosts):
            raise Unprocessable(
                "host_not_allowed",
                f"{host[:100]!r} is not among the hosts that this run may read; name it in the goal.",
            )
        check_no_person(host, url.path)

    async def turn(self, url: httpx.URL, pause_s: float) -> None:
        """Wait until the host may be asked again, and take the turn."""
        host, now = url.host.lower(), self._clock.now_ms() / 1000
        pause = max(pause_s, self._limits.interval_s)
        if pause_s > self._limits.longest_pause_s:
            raise Unprocessable(
                "robots_too_slow",
                f"{host[:100]!r} wants {pause_s:g} seconds between two visits, more than a run waits; save its "
                "pages and add them to the knowledge store.",
            )
        wait = self._free_at.get(host, now) - now
        if wait > 0:
            await self._sleep(wait)
        self._free_at[host] = max(now, self._free_at.get(host, now)) + pause

    async def _once(self, url: str) -> WebPage | ParleyError:
        limits = self._limits
        if len(self._read) >= limits.pages or self._bytes >= limits.total_bytes:
            raise Unprocessable(
                "web_limit",
                f"A run reads at most {limits.pages} addresses and {limits.total_bytes // 1_000_000} MB; "
                "name fewer sources.",
            )
        try:
            found = await fetch_document(
                url,
                client_factory=self._client,
                clock=self._clock,
                allow_private=self._private,
                resolve=self._resolve,
                max_bytes=min(limits.page_bytes, limits.total_bytes - self._bytes),
                timeout_s=2 * (TIMEOUT_S + limits.longest_pause_s),
                manners=self,
                rules=self._rules,
            )
            self._bytes += len(found.data)
            # In a thread: large pages take seconds, and other work goes on.
            return await asyncio.to_thread(page_of, found)
        except ParleyError as error:
            return error
