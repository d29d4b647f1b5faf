"""The whole decision over HTTP against a FastAPI echo: requests a second, CPU, and delays at half the load.

    .venv/bin/python -m benchmarks.http [--state redis|local|memory] [--mix talks|first] [--ads 10000]

Real parts: the embedded PostgreSQL and Valkey, the real application with one worker, an API key, the rate tier,
and a durable record of each decision: `redis` makes one script trip per decision, `local` keeps the state in the
serving process, shares one sync of its journal among waiting requests (`SERVING_STATE=local`) and has a worker on
the other processor that keeps its decisions; `memory` is the hot route and the decision (record, receipt and all)
without a trip and without keeping what was decided. Echo and service take turns in one run on one machine; server
on one processor, generator and Valkey on the other.
Afterwards every answer is counted against the records that PostgreSQL keeps, except in `memory`.

The mix decides how often an ad is signed and booked: in `talks` a conversation asks four times within the pause
between two ads and sends all its turns again, in `first` every request begins a conversation.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import statistics
import tempfile
from contextlib import nullcontext
from pathlib import Path

from sqlalchemy import select

from benchmarks.decision import row
from benchmarks.http_load import Outcome
from benchmarks.http_parts import (
    Server,
    bodies,
    free_port,
    halves,
    load,
    parts,
    post,
    publish,
    talks,
    worker,
)
from benchmarks.synthetic import Market
from bootstrap.decisions import DecisionConsumer
from bootstrap.services import open_services
from bootstrap.settings import Settings
from fastpath import core_info
from measurement.tables import DecisionRow

#: So many that a server that waits for its state has something else to do meanwhile.
_CONNECTIONS = 64


def saturation(
    echo: Server, service: Server, plain: list[bytes], asked: list[list[bytes]], seconds: float
) -> tuple[float, list[Outcome]]:
    """Print both at saturation; return the service's rate and its outcomes."""
    rates: list[tuple[float, float, float, float]] = []
    outcomes: list[Outcome] = []
    others = halves()[1]
    for questions in asked:
        first, echo_cpu = load(echo, plain, connections=_CONNECTIONS, seconds=seconds, cpus=others)
        second, cpu = load(
            service, questions, connections=_CONNECTIONS, seconds=seconds, cpus=others
        )
        rates.append(
            (first.answered / first.seconds, second.answered / second.seconds, echo_cpu, cpu)
        )
        outcomes.append(second)
        row(
            "  one turn: echo, service requests/s (CPU µs each)",
            f"{rates[-1][0]:.0f} ({echo_cpu:.0f}), {rates[-1][1]:.0f} ({cpu:.0f})",
        )
    echo_rate, rate, echo_cpu, cpu = (
        statistics.median(column) for column in zip(*rates, strict=True)
    )
    row("FastAPI echo, requests/s (CPU µs each)", f"{echo_rate:.0f} ({echo_cpu:.0f})")
    row("hot route with the decision, requests/s (CPU µs each)", f"{rate:.0f} ({cpu:.0f})")
    ratios = [second / first for first, second, _, _ in rates]
    row("requests/s against the echo: median (least, most)",
        f"{statistics.median(ratios):.2f} ({min(ratios):.2f}, {max(ratios):.2f})", ">= 2")  # fmt: skip
    least = min(one[3] for one in rates) / min(one[2] for one in rates)
    row("CPU a request against the echo's: least of all turns each", f"{least:.2f}", "<= 0.5")
    generator = max(outcome.cpu_s / outcome.seconds for outcome in outcomes)
    row("the generator's share of its processor", f"{generator:.2f}")
    return rate, outcomes


def half_load(service: Server, questions: list[bytes], rate: float, seconds: float) -> Outcome:
    """Print the delays of an open loop at half the saturation rate."""
    outcome, _ = load(
        service, questions, connections=64, seconds=seconds, rate=rate / 2, cpus=halves()[1]
    )
    found = outcome.delays_ms
    p50, p99, p999 = (found[min(len(found) - 1, int(len(found) * q))] for q in (0.5, 0.99, 0.999))
    row(
        f"delay at {rate / 2:.0f} requests/s, ms p50 p99 p99.9",
        f"{p50:.2f} {p99:.2f} {p999:.2f}",
        "p99 <= 10",
    )
    return outcome


async def kept_in(settings: Settings, wanted: int) -> set[str]:
    """Return the ids of the decisions that PostgreSQL keeps, when there are so many or no more come."""
    async with open_services(settings) as services:
        consumer = DecisionConsumer(services, "benchmark")
        before = -1
        while True:
            # The first call makes the group and reads nothing.
            await consumer.drain()
            while await consumer.drain():
                pass
            async with services.db.system() as session:
                kept = set((await session.scalars(select(DecisionRow.id))).all())
            if len(kept) >= wanted or len(kept) == before:
                return kept
            before = len(kept)
            # In local state the serving process keeps them, some hundreds a second.
            await asyncio.sleep(3)


def records(settings: Settings, outcomes: list[Outcome]) -> None:
    """Print whether every answer has its one record in PostgreSQL."""
    ids = [one.decode() for outcome in outcomes for one in outcome.ids]
    answered = sum(outcome.answered for outcome in outcomes)
    kept = asyncio.run(kept_in(settings, answered))
    served = sum(outcome.served for outcome in outcomes)
    wrong = sum(outcome.wrong for outcome in outcomes)
    row("answers 200, of which with an ad (share); others",
        f"{answered}, {served} ({served / answered:.2f}); {wrong}")  # fmt: skip
    row("answers without a record / records kept", f"{len(set(ids) - kept)} / {len(kept)}", "0")
    assert len(ids) == len(set(ids)) == answered, "two answers share a request id"
    assert set(ids) <= kept, "an answer has no record"


def run(ads: int, seconds: float, repeats: int, each: int, *, state: str, mix: str) -> None:
    market = Market(ads, ads, words=20_000)
    row("state, mix of requests", f"{state}, {mix}")
    with tempfile.TemporaryDirectory() as name, parts(Path(name) / "home") as settings:
        app_id, key = asyncio.run(publish(settings, market))
        make = talks if mix == "talks" else bodies
        asked = make(market, app_id, each * (repeats + 2))
        header = f"Authorization: Bearer {key}"
        lots = [
            [post("/api/requests", body, header) for body in asked[start : start + each]]
            for start in range(0, len(asked), each)
        ]
        plain = [post("/echo", body) for body in asked[:2_000]]
        row("body in, bytes on average", f"{sum(map(len, asked)) / len(asked):.0f}")
        cpus = halves()[0]
        echo = Server("benchmarks.echo_app:app", free_port(), {}, factory=False, cpus=cpus)
        module, kept = (
            ("benchmarks.memory_app", "redis") if state == "memory" else ("api.app", state)
        )
        service = Server(
            f"{module}:create_app", free_port(), {**settings.as_env(), "SERVING_STATE": kept},
            factory=True, cpus=cpus, http="api.protocol:HTTP",
        )  # fmt: skip
        try:
            echo.wait("/docs")
            service.wait("/readyz")
            warm = load(service, lots[0], connections=_CONNECTIONS, seconds=1.0)[0]
            load(echo, plain, connections=_CONNECTIONS, seconds=0.5)
            with worker(settings) if state == "local" else nullcontext():
                rate, outcomes = saturation(echo, service, plain, lots[1:-1], seconds)
                calm = half_load(service, lots[-1], rate, seconds)
            if state != "memory":
                records(settings, [warm, *outcomes, calm])
        finally:
            echo.stop()
            service.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ads", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--bodies", type=int, default=40_000, help="distinct requests per turn; more than are sent"
    )
    parser.add_argument("--state", choices=["redis", "local", "memory"], default="redis")
    parser.add_argument("--mix", choices=["talks", "first"], default="talks")
    args = parser.parse_args()
    logging.disable(logging.CRITICAL)
    print(
        f"core {core_info()['note']}; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
    )
    run(args.ads, args.seconds, args.repeats, args.bodies, state=args.state, mix=args.mix)


if __name__ == "__main__":
    main()
