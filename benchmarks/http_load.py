"""A load generator for one address: raw bytes over kept-alive connections, in a process of its own.

Closed loop: each connection asks again as soon as it is answered. Open loop: requests are due at random times
of a given rate, whatever has been answered; a delay counts from when a request was due, so that a server that
stalls is not asked less.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import uvloop

_LENGTH = b"content-length: "
_ID = b'"requestId":"'


@dataclass
class Outcome:
    """What came back.

    Attributes:
        seconds: From the first question to the last answer.
        answered: How many answers were 200. wrong: how many were not.
        delays_ms: Sorted, one per answer of an open loop.
        ids: Request ids of the answers that have one.
        served: How many answers held an ad.
        cpu_s: What the generator itself used.
        sample: The first answer that was not 200.
    """

    seconds: float = 0.0
    answered: int = 0
    wrong: int = 0
    delays_ms: list[float] = field(default_factory=list)
    ids: list[bytes] = field(default_factory=list)
    served: int = 0
    cpu_s: float = 0.0
    sample: bytes = b""


class _Caller(asyncio.Protocol):
    """One connection with at most one question under way."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._got = b""
        self.due = 0.0
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._load.ready(self)

    def ask(self, question: bytes, due: float = 0.0) -> None:
        self.due = due
        self._transport.write(question)

    def data_received(self, data: bytes) -> None:
        got = self._got + data if self._got else data
        end = got.find(b"\r\n\r\n")
        if end >= 0:
            at = got.lower().index(_LENGTH, 0, end + 2) + len(_LENGTH)
            size = int(got[at : got.index(b"\r", at)])
            if len(got) >= end + 4 + size:
                self._got = b""
                self._load.answered(self, got, end + 4)
                return
        self._got = got

    def connection_lost(self, exc: Exception | None) -> None:
        self._load.lost()

    def close(self) -> None:
        self._transport.close()


class Load:
    """Asks one address.

    Args:
        port: Of this machine.
        questions: Whole HTTP requests; each is sent once, in order, then again from the start.
        rate: Questions per second of an open loop; None = closed loop.
        seconds: For how long.
        seed: Of the arrival times.
    """

    def __init__(
        self, port: int, questions: list[bytes], rate: float | None, seconds: float, seed: int
    ) -> None:
        self._port = port
        self._questions = questions
        self._rate = rate
        self._seconds = seconds
        self._chance = random.Random(seed)
        self._next = 0
        self._under_way = 0
        self._free: list[_Caller] = []
        self._due: deque[float] = deque()
        self._until = float("inf")
        self._done = asyncio.Event()
        self.outcome = Outcome()

    async def run(self, connections: int) -> Outcome:
        """Ask until the time is over and everything is answered."""
        loop = asyncio.get_running_loop()
        for _ in range(connections):
            await loop.create_connection(lambda: _Caller(self), "127.0.0.1", self._port)
        callers = list(self._free)
        cpu, start = time.process_time(), time.perf_counter()
        self._until = start + self._seconds
        if self._rate is None:
            self._free.clear()
            for caller in callers:
                self._ask(caller)
        else:
            await self._arrivals(start)
        await asyncio.wait_for(self._done.wait(), self._seconds + 30)
        self.outcome.seconds = time.perf_counter() - start
        self.outcome.cpu_s = time.process_time() - cpu
        self.outcome.delays_ms.sort()
        for caller in callers:
            caller.close()
        return self.outcome

    async def _arrivals(self, start: float) -> None:
        assert self._rate is not None
        at = start
        while at < self._until:
            at += self._chance.expovariate(self._rate)
            # The loop's timer ticks in milliseconds: what is due within one leaves together, and is late by
            # up to that much, which counts as delay. Spinning would take the processor from Valkey.
            if (early := at - time.perf_counter()) > 0:
                await asyncio.sleep(max(0.001, early))
            self._due.append(at)
            self._drain()
        self._until = 0.0
        self._finish()

    def _drain(self) -> None:
        while self._due and self._free:
            self._ask(self._free.pop(), self._due.popleft())

    def _ask(self, caller: _Caller, due: float = 0.0) -> None:
        self._under_way += 1
        question = self._questions[self._next % len(self._questions)]
        self._next += 1
        caller.ask(question, due)

    def ready(self, caller: _Caller) -> None:
        """Take a connection that can ask."""
        self._free.append(caller)

    def lost(self) -> None:
        """Notice a connection that was closed."""
        if not self._done.is_set():
            self.outcome.wrong += 1
            self._done.set()

    def answered(self, caller: _Caller, got: bytes, body: int) -> None:
        """Count an answer and ask the next question."""
        outcome = self.outcome
        if got.startswith(b"HTTP/1.1 200"):
            outcome.answered += 1
            at = got.find(_ID, body, body + 60)
            if at >= 0:
                outcome.ids.append(got[at + len(_ID) : at + len(_ID) + 30])
                outcome.served += b'"ad":{' in got
        else:
            outcome.wrong += 1
            outcome.sample = outcome.sample or got[:600]
        self._under_way -= 1
        now = time.perf_counter()
        if self._rate is not None:
            outcome.delays_ms.append((now - caller.due) * 1_000)
            self._free.append(caller)
            self._drain()
        elif now < self._until:
            self._ask(caller)
            return
        self._finish()

    def _finish(self) -> None:
        over = self._rate is None or self._until == 0.0
        if over and not self._under_way and not self._due:
            self._done.set()


def run_load(
    out: Any,
    port: int,
    questions: list[bytes],
    *,
    connections: int,
    seconds: float,
    rate: float | None = None,
    cpus: set[int] | None = None,
    seed: int = 1,
) -> None:
    """Put the outcome of a load into a queue; the target of a process."""
    if cpus:
        os.sched_setaffinity(0, cpus)
    load = uvloop.run(_run(port, questions, rate, seconds, seed, connections))
    out.put(load)


async def _run(
    port: int, questions: list[bytes], rate: float | None, seconds: float, seed: int, count: int
) -> Outcome:
    return await Load(port, questions, rate, seconds, seed).run(count)
