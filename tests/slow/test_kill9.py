"""kill -9 of every part at every moment of the main job: it ends well, and nothing happens twice."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial

import pytest

from bootstrap.embedded.process import wait_until
from tests.support.callers import Caller, Prober, is_ready
from tests.support.journey import Journey, audit, end_all, upload
from tests.support.service import SERVICES, Process, Service

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

#: Victim and the moment at which it dies: each victim at several moments, each moment with several victims.
CASES = (
    ("worker", "created"),
    ("worker", "brief"),
    ("worker", "content"),
    ("worker", "approved"),
    ("pool_child", "sources"),
    ("pool_child", "compliance"),
    ("pool_child", "research"),
    ("pool_child", "launch"),
    ("pool_child", "watch"),
    ("api", "created"),
    ("api", "awaiting"),
    ("api", "impression"),
    ("api", "clicks"),
    ("ticker", "created"),
    ("ticker", "approved"),
    ("ticker", "clicks"),
    ("postgres", "plan"),
    ("postgres", "review"),
    ("postgres", "approved"),
    ("postgres", "launch"),
    ("postgres", "clicks"),
    ("postgres", "watch"),
    ("postgres", "audience"),
    ("valkey", "brief"),
    ("valkey", "research"),
    ("valkey", "awaiting"),
    ("valkey", "launch"),
    ("valkey", "clicks"),
    ("s3", "sources"),
    ("s3", "audience"),
    ("s3", "content"),
    ("s3", "launch"),
    ("launcher", "plan"),
    ("launcher", "review"),
    ("launcher", "impression"),
    ("launcher", "clicks"),
)
BACK_SECONDS = 60.0
#: How often the broker dies under one worker.
BROKERS = 6


def test_each_victim_has_two_moments_and_each_moment_a_victim() -> None:
    victims = [victim for victim, _ in CASES]
    assert all(victims.count(victim) >= 2 for victim in victims)
    assert {moment for _, moment in CASES} == set(Journey.MOMENTS)


@pytest.fixture(scope="module")
def service(
    tmp_path_factory: pytest.TempPathFactory, note: Callable[..., None]
) -> Iterator[Service]:
    """One installation for all cases; Ctrl-C must leave nothing of it, however often it was hurt."""
    service = Service(tmp_path_factory.mktemp("kill9") / "home", PARLEY_LEASE_S="3")
    try:
        note("first start of an installation", seconds=round(service.start(), 1))
        yield service
        note("Ctrl-C", seconds=round(service.stop(), 1))
        assert wait_until(lambda: not service.left(), 3), service.left()
    finally:
        service.destroy()


@pytest.fixture(scope="module")
def callers(service: Service) -> Iterator[tuple[Caller, Caller]]:
    """The marketer and the chat product."""
    accounts = service.accounts
    with (
        Caller(service.url, accounts.advertiser_key) as marketer,
        Caller(service.url, accounts.publisher_key) as chat,
    ):
        yield marketer, chat


@pytest.fixture(scope="module")
def sources(callers: tuple[Caller, Caller]) -> dict[str, str]:
    """The shop's page and feed."""
    return upload(callers[0])


@pytest.mark.parametrize(("victim", "moment"), CASES, ids=[f"{v}-{m}" for v, m in CASES])
def test_killed(
    victim: str,
    moment: str,
    service: Service,
    callers: tuple[Caller, Caller],
    sources: dict[str, str],
    note: Callable[..., None],
) -> None:
    marketer, chat = callers
    count = 20 if moment == "clicks" else 4
    end_all(marketer)
    with ExitStack() as stack:
        strike = Strike(service, victim, moment, stack)
        journey = Journey(service, marketer, chat, strike.at)
        started = time.monotonic()
        run = journey.launch(sources)
        ads = journey.earn(count)
        assert strike.done, f"{moment} never came"
        strike.wait_back()
        audit(service, marketer, journey, ads, count)
        note(
            f"{victim} killed at {moment}",
            back_s=round(strike.back_s, 2),
            job_s=round(time.monotonic() - started, 1),
            attempts=run["attempts"],
            meanwhile=dict(strike.prober.reasons),
        )
    assert strike.prober.faults == []
    assert marketer.faults + chat.faults == []


def test_no_ad_is_decided_without_the_state(
    service: Service, callers: tuple[Caller, Caller]
) -> None:
    """Valkey hangs: an ad request is answered in time, without an ad, and says why."""
    valkey = service.process("valkey")
    body = {
        "appId": service.accounts.app_id,
        "conversationId": "hanging",
        "messageId": "1",
        "contextText": "Which trail running shoes would you recommend to buy?",
        "geo": "US",
    }
    with _stopped(valkey):
        started = time.monotonic()
        answer = callers[1].post("/api/requests", body)
        assert time.monotonic() - started < 3
    assert (answer["ad"], answer["reason"]) == (None, "state_unavailable")


def test_the_worker_outlives_many_brokers(
    service: Service, callers: tuple[Caller, Caller], note: Callable[..., None]
) -> None:
    """A worker that has lost its broker a few times must still notice that there is work."""
    marketer = callers[0]
    waited = []
    for number in range(BROKERS):
        valkey, worker = service.process("valkey"), service.process("worker")
        # A busy worker notices only when the broker is back already, which is another way through
        # its client's code than a refused connection.
        with _stopped(worker) if number % 2 == 0 else nullcontext():
            valkey.kill()
            back = partial(_replaced, service, "valkey", valkey)
            assert wait_until(back, BACK_SECONDS)
        started = time.monotonic()
        run = marketer.post("/api/v1/campaigns/create", {"goal": "Sell something."})
        path = f"/api/v1/runs/{run['run_id']}"
        done = partial(_rests, marketer, path)
        assert wait_until(done, BACK_SECONDS, 0.05), marketer.get(path)
        waited.append(round(time.monotonic() - started, 1))
    note("a task after the broker was killed", seconds=waited)


@contextmanager
def _stopped(process: Process) -> Iterator[None]:
    os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process.pid, signal.SIGCONT)


def _replaced(service: Service, name: str, before: Process) -> bool:
    now = service.process(name)
    return now.alive and now != before and service.ready()


def _rests(marketer: Caller, path: str) -> bool:
    return marketer.get(path)["status"] == "needs_input"


def test_every_decision_recomputes_byte_for_byte(service: Service) -> None:
    done = service.command("replay", "--json")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert '"problems":[]' in done.stdout


class Strike:
    """Kills one victim at one moment and watches until it is back.

    Args:
        service: Whose part dies.
        victim, moment: Which part, when.
        stack: Closes the prober.
    """

    def __init__(self, service: Service, victim: str, moment: str, stack: ExitStack) -> None:
        self._service, self._victim, self._moment, self._stack = service, victim, moment, stack
        # A different instant of the moment in each case, the same in every run of the tests.
        self._delay = random.Random(f"{victim}-{moment}").uniform(0, 0.02)
        self._watch: threading.Thread | None = None
        accounts = service.accounts
        self.prober = Prober(
            service.url, accounts.publisher_key, accounts.app_id, accounts.advertiser_key
        )
        self.done = False
        self.back_s = -1.0

    def at(self, moment: str) -> None:
        """Kill, if this is the moment."""
        if moment != self._moment or self.done:
            return
        self.done = True
        service = self._service
        service.remember()
        self._stack.enter_context(self.prober)
        time.sleep(self._delay)
        killed, back = self._kill()
        started = time.monotonic()
        assert wait_until(lambda: not killed.alive, 5)
        if self._victim == "launcher":
            service.start()
        self._watch = threading.Thread(target=self._see_back, args=(back, started))
        self._watch.start()

    def wait_back(self) -> None:
        """Return when the victim does its work again."""
        assert self._watch is not None
        self._watch.join()
        assert self.back_s >= 0, f"{self._victim} is not back after {BACK_SECONDS:.0f} s"
        self._service.remember()

    def _kill(self) -> tuple[Process, Callable[[], bool]]:
        """Kill; return who died, and how to tell that its successor works."""
        service, victim = self._service, self._victim
        if victim == "launcher":
            api = service.process("api")
            service.kill_launcher()
            return api, service.ready
        if victim == "pool_child":
            child = self._leader()
            pool = len(service.pool())
            child.kill()
            return child, lambda: len(service.pool()) >= pool
        process = service.process(victim)
        if victim == "worker":
            said = (service.home / "logs/worker.log").read_text().count(" ready.")
            process.kill_group()
            return process, lambda: self._renewed(process) and self._worker_said(said)
        process.kill()
        if victim == "api" or victim in SERVICES:
            return process, lambda: self._renewed(process) and is_ready(service.url)
        return process, lambda: self._renewed(process)

    def _leader(self) -> Process:
        """Return the pool child that works on a run, else any."""
        with self._service.database() as db:
            found = db.execute("SELECT lease_owner FROM runs WHERE status = 'running'").fetchone()
        pool = self._service.pool()
        pid = int(found[0].rpartition(":")[2]) if found else 0
        return next((child for child in pool if child.pid == pid), pool[0])

    def _renewed(self, before: Process) -> bool:
        now = self._service.process(self._victim)
        return now.alive and now != before

    def _worker_said(self, before: int) -> bool:
        return (self._service.home / "logs/worker.log").read_text().count(" ready.") > before

    def _see_back(self, back: Callable[[], bool], started: float) -> None:
        if wait_until(back, BACK_SECONDS, 0.05):
            self.back_s = time.monotonic() - started
