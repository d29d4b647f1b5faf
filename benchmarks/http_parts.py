"""Servers in child processes, their CPU time, and the real service on a made-up catalogue."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.http_load import Outcome, run_load
from benchmarks.synthetic import APP, Market
from bootstrap.decisions import DecisionConsumer
from bootstrap.embedded import EmbeddedServices
from bootstrap.embedded.process import shim_command
from bootstrap.installation import migrate
from bootstrap.local_snapshots import snapshot_folder
from bootstrap.services import Services, open_services
from bootstrap.settings import Settings, load_settings
from catalog.access import PUBLISHER_SCOPES, AccessService
from catalog.repository import Snapshots
from catalog.tables import Campaign
from domain.time import utc
from fastpath.compiler import compile_catalogue
from fastpath.expand import Expander

_ROOT = Path(__file__).resolve().parents[1]
_TICKS = os.sysconf("SC_CLK_TCK")


class Server:
    """uvicorn with one worker on a port of this machine, on one processor if there are several.

    Args:
        app: As uvicorn takes it. port: where. env: further variables.
        factory: Whether `app` makes the application.
        cpus: Processors it may use.
        http: Its HTTP protocol.
    """

    def __init__(
        self,
        app: str,
        port: int,
        env: Mapping[str, str],
        *,
        factory: bool,
        cpus: set[int] | None,
        http: str = "auto",
    ) -> None:
        self.port = port
        command = [
            sys.executable, "-m", "uvicorn", app, "--port", str(port), "--no-access-log",
            "--log-level", "warning", "--http", http, *(["--factory"] if factory else []),
        ]  # fmt: skip
        # It ends with this process, however that happens.
        command = shim_command(command, signal.SIGTERM)
        self._child = subprocess.Popen(
            command, cwd=_ROOT, env={**os.environ, **env, "PYTHONPATH": str(_ROOT)}
        )
        if cpus:
            os.sched_setaffinity(self._child.pid, cpus)

    def wait(self, path: str, seconds: float = 60.0) -> None:
        """Return when a GET of the path is answered with less than 500."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self._child.poll() is None
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=2).close()
                return
            except urllib.error.HTTPError as error:
                if error.code < 500:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise TimeoutError(path)

    def cpu_s(self) -> float:
        """Return the CPU seconds used so far, in user and system mode, all threads."""
        fields = Path(f"/proc/{self._child.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def stop(self) -> None:
        """End the process."""
        self._child.terminate()
        try:
            self._child.wait(20)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
            raise


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def post(path: str, body: bytes, *headers: str) -> bytes:
    """Return a whole HTTP request."""
    lines = [
        f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json",
        f"Content-Length: {len(body)}", *headers, "", "",
    ]  # fmt: skip
    return "\r\n".join(lines).encode() + body


def load(server: Server, questions: list[bytes], **how: Any) -> tuple[Outcome, float]:
    """Return the outcome of a load from another process, and the server's CPU µs per answer."""
    context = multiprocessing.get_context("spawn")
    out = context.Queue()
    before = server.cpu_s()
    child = context.Process(target=run_load, args=(out, server.port, questions), kwargs=how)
    child.start()
    outcome: Outcome = out.get(timeout=how["seconds"] + 60)
    child.join()
    if outcome.wrong:
        raise RuntimeError(f"{outcome.wrong} answers were not 200: {outcome.sample!r}")
    return outcome, (server.cpu_s() - before) / max(1, outcome.answered) * 1e6


def bodies(market: Market, app_id: str, count: int, *, refused: float = 0.4) -> list[bytes]:
    """Return ad requests of about 0.9 kB, each of a conversation of its own, some without any match."""
    chance = market.chance
    small = "Thanks, that was kind of you. Tell me how clouds come about, and why they are white. "
    found = []
    for number in range(count):
        last = market.text(560) if chance.random() >= refused else small * 6
        body = {
            "appId": app_id, "conversationId": f"conversation-{number:08}", "messageId": "message-1",
            "turns": [
                {"role": "user", "text": f"Hello there, it is day {number} of my holidays."},
                {"role": "assistant", "text": "Hello! What can I do for you?"},
                {"role": "user", "text": last},
            ],
            "language": "en", "geo": "US", "consent": {"ads": True}, "sdkVersion": "1.0.0",
        }  # fmt: skip
        found.append(msgspec.json.encode(body))
    return found


#: Messages of a user in one conversation; one every 15 s or so, hence at most one ad in this many asks.
ASKS = 4
_BLOCK = 200
_SMALL_TALK = "Thanks, that was kind of you. Tell me how clouds come about, and why they are white."


def talks(market: Market, app_id: str, count: int, *, idle: float = 0.4) -> list[bytes]:
    """Return ad requests of conversations that ask `ASKS` times, about 0.9 kB each on average.

    Every ask sends the conversation so far, as chats do; some user turns are small talk. The asks of one
    conversation stand 200 requests apart, and all come within one pause between two ads.
    """
    chance = market.chance
    found: list[bytes] = []
    for start in range(0, count, _BLOCK * ASKS):
        said: list[list[dict[str, str]]] = [[] for _ in range(_BLOCK)]
        for ask in range(ASKS):
            for number, turns in enumerate(said):
                text = _SMALL_TALK if chance.random() < idle else market.text(170)
                turns.append({"role": "user", "text": text})
                found.append(_ask_body(app_id, start + number, ask, turns))
                turns.append({"role": "assistant", "text": market.text(200, planted=1)})
    return found[:count]


def _ask_body(app_id: str, talk: int, ask: int, turns: list[dict[str, str]]) -> bytes:
    return msgspec.json.encode(
        {
            "appId": app_id, "conversationId": f"conversation-{talk:08}", "messageId": f"message-{ask}",
            "turns": turns, "language": "en", "geo": "US", "consent": {"ads": True},
            "sdkVersion": "1.0.0",
        }
    )  # fmt: skip


@contextmanager
def parts(home: Path) -> Iterator[Settings]:
    """Start the embedded parts in a home of their own and bring the schema up to date."""
    with EmbeddedServices(home, env={}) as embedded:
        urls = embedded.start()
        settings = load_settings(
            {
                **urls.as_env(),
                "PARLEY_SECRET_KEY": "benchmark-only-0123456789abcdef0123456789",
                "PARLEY_HOME": str(home),
                "PRO_PER_DAY": "1000000000",
            }
        )
        migrate(settings)
        yield settings


@contextmanager
def worker(settings: Settings) -> Iterator[None]:
    """Keep decisions in a process of their own meanwhile, as an installation's worker does."""
    child = multiprocessing.get_context("spawn").Process(
        target=_keep_on, args=(settings.as_env(), halves()[1])
    )
    child.start()
    try:
        yield
    finally:
        child.terminate()
        child.join()


def halves() -> tuple[set[int] | None, set[int] | None]:
    """Return the processors of the server and those of everything else, if there are at least two."""
    cpus = sorted(os.sched_getaffinity(0))
    return ({cpus[0]}, set(cpus[1:])) if len(cpus) > 1 else (None, None)


def _keep_on(env: Mapping[str, str], cpus: set[int] | None) -> None:
    if cpus:
        os.sched_setaffinity(0, cpus)
    asyncio.run(_keep(load_settings(dict(env))))


async def _keep(settings: Settings) -> None:
    async with open_services(settings) as services:
        consumer = DecisionConsumer(services, "worker")
        while True:
            if not await consumer.drain():
                await asyncio.sleep(0.2)


async def publish(settings: Settings, market: Market) -> tuple[str, str]:
    """Put a made-up catalogue behind a real app; return app id and key."""
    async with open_services(settings) as services:
        await services.objects.ensure_bucket()
        async with services.db.system() as session:
            access = AccessService(session, services.ids, services.clock, services.new_secret)
            org = await access.create_organisation("publisher", "Bench", tier="pro")
            app = await access.create_app(org.id, "Bench chat")
            _, key = await access.issue_key(org.id, PUBLISHER_SCOPES, name="bench")
        entry = msgspec.structs.replace(APP, app_id=app.id, publisher_id=org.id)
        export = msgspec.structs.replace(market.export, apps=(entry,))
        folder = snapshot_folder(settings.parley_home)
        info = compile_catalogue(export, folder, expander=Expander(None, {}))
        async with services.db.system() as session:
            await Snapshots(session).publish(
                {
                    "id": info.snapshot_id, "created_at": utc(services.clock.now_ms()),
                    "object_prefix": "", "ads": len(export.ads), "apps": 1,
                    "catalogue_hash": info.snapshot_id, "files": {},
                }
            )  # fmt: skip
        await _live(services, market, org.id)
        return app.id, key


async def _live(services: Services, market: Market, org_id: str) -> None:
    """Make the campaigns rows that have spent nothing, and set their counters: one without gets no ad."""
    campaigns = sorted({ad.campaign_id for ad in market.export.ads})
    async with services.db.system() as session:
        session.add_all(
            Campaign(
                id=campaign, org_id=org_id, created_at=utc(services.clock.now_ms()), name=campaign,
                status="live", currency="USD", bid_model="cpc", bid_micros=50_000,
                budget_total_micros=10**12,
            )
            for campaign in campaigns
        )  # fmt: skip
    pipeline = services.redis.pipeline(transaction=False)
    for campaign in campaigns:
        pipeline.hset(f"parley:spent:{campaign}", mapping={"total": 0})
    await pipeline.execute()
