"""Event to subscriber over real sockets: 1,000 subscribers on one API process.

    .venv/bin/python -m benchmarks.realtime [--subscribers 1000] [--events 100] [--per-second 10]

Starts the embedded parts and one API process in a home of its own; subscribers live in a second process, so
that neither shares its loop with what is measured. A delay is from just before XADD to receipt, on one
machine's clock.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from websockets.asyncio.client import connect

from domain.events import Progress
from storage.cache import make_redis
from tests.support.service import Service
from workers.progress import RedisProgress


def subscribers(url: str, key: str, count: int, events: int, ready: Any, out: Any) -> None:
    """Open sockets, count delays in milliseconds and put them into the queue."""
    asyncio.run(_subscribers(url, key, count, events, ready, out))


async def _subscribers(url: str, key: str, count: int, events: int, ready: Any, out: Any) -> None:
    delays: list[float] = []
    slowest = [0.0] * events
    wrong = 0
    start = asyncio.Semaphore(50)
    subscribed = 0

    async def one() -> None:
        nonlocal subscribed, wrong
        async with start:
            socket = await connect(url, open_timeout=60, ping_interval=None)
            await socket.send(json.dumps({"auth": key}))
            await socket.send(json.dumps({"subscribe": {"organisation": True}, "after": "0"}))
            await socket.recv()
            await socket.recv()
        subscribed += 1
        if subscribed == count:
            ready.set()
        async with socket:
            for number in range(events):
                line = json.loads(await socket.recv())
                event = line["event"]
                delay = time.time() * 1_000 - event["data"]["sent_ms"]
                delays.append(delay)
                slowest[number] = max(slowest[number], delay)
                wrong += event["message"] != str(number)

    await asyncio.gather(*(one() for _ in range(count)))
    out.put((sorted(delays), wrong, slowest))


async def speak(redis_url: str, org_id: str, events: int, per_second: float) -> None:
    redis = make_redis(redis_url)
    said = RedisProgress(redis)
    for number in range(events):
        await said.emit(
            Progress(
                run_id="run_bench", type="step", step="bench", message=str(number),
                at_ms=int(time.time() * 1_000), data={"sent_ms": time.time() * 1_000}, org_id=org_id,
            )
        )  # fmt: skip
        await asyncio.sleep(1 / per_second)
    await redis.aclose()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscribers", type=int, default=1_000)
    parser.add_argument("--events", type=int, default=100)
    parser.add_argument("--per-second", type=float, default=10)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        service = Service(Path(home))
        service.start()
        try:
            measure(service, args)
        finally:
            service.stop()
            service.destroy()


def measure(service: Service, args: argparse.Namespace) -> None:
    with service.database() as connection:
        row = connection.execute(
            "SELECT id FROM organisations WHERE kind = 'advertiser'"
        ).fetchone()
    assert row is not None
    spawn = multiprocessing.get_context("spawn")
    ready, out = spawn.Event(), spawn.Queue()
    url = service.url.replace("http", "ws", 1) + "/ws/realtime"
    key = service.accounts.advertiser_key
    listeners = spawn.Process(
        target=subscribers, args=(url, key, args.subscribers, args.events, ready, out)
    )
    started = time.perf_counter()
    listeners.start()
    assert ready.wait(120)
    print(
        f"{args.subscribers} sockets open and subscribed after {time.perf_counter() - started:.1f} s"
    )
    asyncio.run(speak(service.urls.redis_url, row[0], args.events, args.per_second))
    delays, wrong, slowest = out.get(timeout=120)
    listeners.join()
    expected = args.subscribers * args.events
    at = [delays[min(len(delays) - 1, int(len(delays) * q))] for q in (0.5, 0.95, 0.99, 0.999)]
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    print(f"events received {len(delays)} of {expected}, out of order {wrong}")
    print(
        f"delay ms p50 {at[0]:.1f}  p95 {at[1]:.1f}  p99 {at[2]:.1f} (asked <= 250)  p99.9 {at[3]:.1f}"
    )
    worst = sorted(range(args.events), key=lambda number: -slowest[number])[:5]
    print("slowest events, number: ms  " + ", ".join(f"{n}: {slowest[n]:.0f}" for n in worst))


if __name__ == "__main__":
    main()
