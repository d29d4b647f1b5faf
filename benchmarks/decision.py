"""What a decision costs: the table behind every figure about the fast path.

Ratios come from one run on one machine; the echo, the regexes and the linear scan run beside ours. Absolute
times mean something on an idle machine only.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import re
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from api.serving import settle
from auction.position import price_at
from auction.types import PPM, Candidate, Rule
from benchmarks import echo_app
from benchmarks.http_parts import Server, bodies, free_port, load, post
from benchmarks.synthetic import APP, NOW, Market
from domain.ids import CountingIds
from domain.time import FixedClock
from fastpath import core_info
from fastpath.compiler import compile_catalogue
from fastpath.decide import choose, context_of
from fastpath.engine import FastPath
from fastpath.expand import Expander
from fastpath.local import LocalReservation
from fastpath.match import find_tags
from fastpath.reading import read_turns
from fastpath.receipt import Signer
from fastpath.record import KEPT
from fastpath.snapshot import Snapshot
from fastpath.types import AdRequest


def row(name: str, value: str, asked: str = "") -> None:
    print(f"{name:<58} {value:>40} {asked:>12}", flush=True)


def times(call: Callable[[Any], Any], inputs: Sequence[Any]) -> list[float]:
    """Return sorted wall microseconds of one call per input."""
    out = []
    clock = time.perf_counter_ns
    for one in inputs:
        start = clock()
        call(one)
        out.append((clock() - start) / 1_000)
    return sorted(out)


def quantiles(found: list[float]) -> str:
    p50, p95, p99 = (found[int(len(found) * q)] for q in (0.50, 0.95, 0.99))
    return f"{p50:8.1f} {p95:8.1f} {p99:8.1f}"


def cpu_of(call: Callable[[Any], Any], inputs: Sequence[Any], passes: int = 3) -> float:
    """Return CPU microseconds per call: the least of some passes."""
    best = float("inf")
    for _ in range(passes):
        start = time.process_time()
        for one in inputs:
            call(one)
        best = min(best, (time.process_time() - start) / len(inputs) * 1e6)
    return best


async def echo_cpu(raw: bytes, calls: int = 3_000) -> float:
    """Return CPU microseconds per request of the smallest FastAPI application that echoes JSON.

    The application is called in process, without socket or server: that flatters the echo.
    """
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST",
        "scheme": "http", "path": "/echo", "raw_path": b"/echo", "query_string": b"", "root_path": "",
        "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(raw)).encode())],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": raw, "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            assert message["status"] == 200

    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        for _ in range(calls):
            await echo_app.app(dict(scope), receive, send)
        best = min(best, (time.process_time() - start) / calls * 1e6)
    return best


class ServedEcho:
    """The same echo behind uvicorn with uvloop and httptools: what a decision is measured against.

    Asked again beside every size, so that both see the same machine.
    """

    def __init__(self, body: bytes) -> None:
        self._questions = [post("/echo", body)]
        self._server = Server("benchmarks.echo_app:app", free_port(), {}, factory=False, cpus=None)
        self._server.wait("/docs")
        load(self._server, self._questions, connections=16, seconds=0.5)

    def cpu(self) -> float:
        """Return the CPU microseconds that the server's process uses per request: the least of three."""
        return min(
            load(self._server, self._questions, connections=16, seconds=1.0)[1] for _ in range(3)
        )

    def stop(self) -> None:
        """End the server."""
        self._server.stop()


def build(market: Market, folder: Path) -> Snapshot:
    start = time.perf_counter()
    info = compile_catalogue(market.export, folder, expander=Expander(None, {}))
    built = time.perf_counter() - start
    size = {f.name: f.stat().st_size for f in info.path.iterdir()}
    opens = []
    for _ in range(20):
        start = time.perf_counter()
        snapshot = Snapshot.open(info.path, verify=False)
        opens.append((time.perf_counter() - start) * 1_000)
    snapshot.pre_touch()
    row("build without vectors and dictionary, s", f"{built:.1f}", "30 at 1M")
    total = sum(size.values()) / 1e6
    row(
        "snapshot, MB (of which ad texts)",
        f"{total:.1f} ({size['texts.bin'] / 1e6:.1f})",
        "150 at 1M",
    )
    row("open without checksums, ms (median of 20)", f"{sorted(opens)[10]:.2f}", "5 at 1M")
    return snapshot


def in_process(snapshot: Snapshot, requests: list[AdRequest], echo: float) -> None:
    """Print the cost of the stages and of the whole decision."""
    features = {r.request_id: read_turns(snapshot, r) for r in requests}

    def stage_choose(request: AdRequest) -> Any:
        return choose(
            snapshot, features[request.request_id], context_of(request, now_ms=NOW), kept=KEPT
        )

    def both(request: AdRequest) -> Any:
        context = context_of(request, now_ms=NOW)
        return choose(snapshot, read_turns(snapshot, request), context, kept=KEPT)

    proposals = [stage_choose(r) for r in requests]
    seen = [p.eligible_count + sum(p.dropped_counts.values()) + p.cut for p in proposals]
    row("candidates per decision, mean / most", f"{sum(seen) / len(seen):.0f} / {max(seen)}")
    served = sum(p.winner is not None for p in proposals)
    row("decisions with an ad", f"{served / len(requests):.2f}")
    row(
        "match of one text, µs p50 p95 p99",
        quantiles(times(lambda r: find_tags(snapshot, r.turns[-1].text), requests)),
    )
    row("read_turns", quantiles(times(lambda r: read_turns(snapshot, r), requests)))
    row("choose", quantiles(times(stage_choose, requests)))
    row("read_turns + choose", quantiles(times(both, requests)), "100 / 250")
    loop = asyncio.new_event_loop()

    def engine() -> FastPath:
        state = LocalReservation(unmetered=True)
        return FastPath(
            snapshot, state, Signer(b"s" * 32), b"n" * 32, FixedClock(NOW), CountingIds()
        )

    async def batch(path: FastPath) -> float:
        start = time.process_time()
        for one in requests:
            await path.answer_bytes(one)
        return (time.process_time() - start) / len(requests) * 1e6

    async def walls(path: FastPath) -> list[float]:
        out = []
        for one in requests:
            start = time.perf_counter_ns()
            await path.answer_bytes(one)
            out.append((time.perf_counter_ns() - start) / 1_000)
        return sorted(out)

    row(
        "whole: + reservation, record, receipt, JSON",
        quantiles(loop.run_until_complete(walls(engine()))),
        "100 / 250",
    )
    row("FastAPI JSON echo served by uvicorn, CPU µs per request", f"{echo:.1f}")
    pure = cpu_of(both, requests)
    cpu = min(loop.run_until_complete(batch(engine())) for _ in range(3))
    row(
        "CPU of read_turns + choose, µs (ratio to echo)",
        f"{pure:.1f} ({pure / echo:.2f})",
        "<= 0.25",
    )
    row("CPU of the whole decision, µs (ratio to echo)", f"{cpu:.1f} ({cpu / echo:.2f})", "<= 0.25")
    loop.close()


def vcg(snapshot: Snapshot, requests: list[AdRequest]) -> None:
    """Print what the shadow price adds: the same pricing with and without it."""
    field = [
        Candidate(f"ad{i}", f"org{i % 9}", 5_000_000 - i * 1_000, 20_000_000, 10_000)
        for i in range(100)
    ]
    both = cpu_of(lambda _: price_at(field, 0, (PPM,), rule=Rule.GSP), range(2_000))
    row("auction: price one slot, GSP and VCG together, µs", f"{both:.2f}", "VCG <= 2")


def against_regexes(snapshot: Snapshot, market: Market, texts: list[str]) -> None:
    """Print match against one precompiled word-boundary regex per keyword."""
    patterns = [re.compile(rf"\b{re.escape(tag)}\b", re.IGNORECASE) for tag in market.tags]
    slow = cpu_of(lambda t: [p.search(t) for p in patterns], texts[:5], passes=1)
    ours = cpu_of(lambda t: find_tags(snapshot, t), texts[:1_000])
    row(
        f"regex per keyword, {len(patterns)} keywords: {slow:.0f} µs, ours {ours:.1f} µs",
        f"{slow / ours:.0f} x", ">= 1000",
    )  # fmt: skip


def linear_scan(market: Market) -> Callable[[AdRequest], Any]:
    """Return a decider after the Ceed description: every ad, every tag, a word-boundary regex, then a score."""

    def decide(request: AdRequest) -> Any:
        text = request.turns[-1].text.lower()
        best: tuple[int, str] | None = None
        for ad in market.export.ads:
            if APP.formats.count(ad.format) == 0 or ad.currency != APP.currency:
                continue
            score = 0
            for tag in ad.tags:
                if re.search(rf"\b{re.escape(tag)}\b", text):
                    score += ad.bid_micros * len(tag.split())
            if score and (best is None or score > best[0]):
                best = (score, ad.ad_id)
        return best

    return decide


def small_market(echo: ServedEcho, folder: Path) -> None:
    print("\n10,000 ads / 10,000 tags")
    market = Market(10_000, 10_000, words=20_000)
    snapshot = build(market, folder)
    requests = market.requests(3_000)
    in_process(snapshot, requests, echo.cpu())
    against_regexes(snapshot, market, [r.turns[0].text for r in requests])
    slow = cpu_of(linear_scan(market), requests[:3], passes=1)
    ours = cpu_of(
        lambda r: choose(snapshot, read_turns(snapshot, r), context_of(r, now_ms=NOW)), requests
    )
    row(
        f"linear-scan decider {slow / 1000:.0f} ms, ours {ours:.1f} µs",
        f"{slow / ours:.0f} x",
        ">= 500",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--million", action="store_true", help="also 1M ads / 1M tags (minutes, gigabytes)"
    )
    parser.add_argument("--only", choices=["small", "large", "million"], help="one size only")
    parser.add_argument("--requests", type=int, default=5_000)
    args = parser.parse_args()
    logging.disable(logging.CRITICAL)
    about = core_info()
    print(f"core {about['note']}; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    (body,) = bodies(Market(100, 100, words=2_000), "app_" + "0" * 26, 1, refused=0)
    plain = asyncio.run(echo_cpu(body))
    row("FastAPI JSON echo called in process, CPU µs", f"{plain:.1f}")
    echo = ServedEcho(body)
    try:
        measure(args, echo)
    finally:
        echo.stop()


def measure(args: argparse.Namespace, echo: ServedEcho) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if args.only in (None, "small"):
            small_market(echo, folder / "small")
        sizes = [("large", 100_000, 250_000)] if args.only in (None, "large") else []
        if args.million or args.only == "million":
            sizes.append(("million", 1_000_000, 1_000_000))
        for label, ads, tags in sizes:
            print(f"\n{ads:,} ads / {tags:,} tags")
            market = Market(ads, tags)
            requests = market.requests(args.requests)
            snapshot = build(market, folder / label)
            del market
            gc.unfreeze()
            settle.cache_clear()
            settle()  # as the service does it once it has a snapshot
            in_process(snapshot, requests, echo.cpu())
            vcg(snapshot, requests)


if __name__ == "__main__":
    main()
