"""The README's commands in a fresh clone, as root and as an ordinary user."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest

from bootstrap.embedded.process import wait_until
from tests.support.newcomer import Account, Newcomer, Unsuitable, ordinary_account
from tests.support.service import Process, descendants_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

LABELS = {"eng": "Ad", "jpn": "広告"}
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/\S+")
#: Some of each kind: pure, with files of the repository, with PostgreSQL under its own account.
QUICK = "tests/auction tests/sandbox tests/prompts tests/billing"


@dataclass(frozen=True)
class Settled:
    """A newcomer who has run `make demo` once."""

    newcomer: Newcomer
    said: str


@pytest.fixture(scope="module", params=["ourselves", "ordinary"])
def settled(request: pytest.FixtureRequest, note: Callable[..., None]) -> Iterator[Settled]:
    """Clone and run `make demo`, with nothing there but the clone."""
    cold = bool(os.environ.get("PARLEY_COLD"))
    try:
        ours = request.param == "ourselves"
        account = Account("root" if os.geteuid() == 0 else "user") if ours else ordinary_account()
        newcomer = Newcomer(account, cold=cold)
    except Unsuitable as reason:
        pytest.skip(str(reason))
    try:
        assert newcomer.run("sh", "-c", "command -v uv").returncode != 0
        assert not (newcomer.clone / ".venv").exists()
        assert not (newcomer.folder / "shared").exists()
        started = time.monotonic()
        done = newcomer.run("make", "demo")
        note(
            f"first make demo as {account.name}",
            seconds=round(time.monotonic() - started, 1),
            package_cache="kept" if "UV_CACHE_DIR" in newcomer.env else "empty",
            python=newcomer.python,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        yield Settled(newcomer, done.stdout)
    finally:
        newcomer.leave()


def test_the_first_demo_ends_with_a_readable_summary(settled: Settled) -> None:
    for language, label in LABELS.items():
        assert re.search(rf"{language}: {label} · \S+", settled.said), settled.said
    assert "auto-approved by the demo policy, not by a person" in settled.said
    assert re.search(r"Done in [\d.]+ s", settled.said)
    paths = [address.partition("://")[2].partition("/")[2] for address in addresses(settled.said)]
    assert [path.partition("?")[0] for path in paths] == ["demo", "docs", "readyz", "metrics"]


def test_the_second_demo_is_for_scripts_too(settled: Settled, note: Callable[..., None]) -> None:
    newcomer = settled.newcomer
    started = time.monotonic()
    done = newcomer.run("make", "-s", "demo", "ARGS=--json")
    seconds = round(time.monotonic() - started, 1)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    result = json.loads(done.stdout)
    note(f"second make demo as {newcomer.account.name}", seconds=seconds, job_s=result["seconds"])
    assert {ad["language"]: ad["label"] for ad in result["ads"]} == LABELS
    assert all(ad["why"] and ad["payer"] and ad["receipt"] for ad in result["ads"])
    report = result["report"]
    assert (report["impressions"], report["clicks"]) == (2, 2)
    assert report["spend"]["micros"] > 0
    assert result["earnings"][0]["micros"] > 0


def test_nothing_is_written_but_ignored_folders(settled: Settled) -> None:
    status = settled.newcomer.run("git", "status", "--porcelain")
    assert (status.returncode, status.stdout) == (0, "")
    assert sorted(p.name for p in settled.newcomer.folder.iterdir()) == ["home", "parley"]


def test_up_stays_and_ctrl_c_stops_all_of_it(settled: Settled, note: Callable[..., None]) -> None:
    newcomer = settled.newcomer
    log = newcomer.folder / "up.log"
    family: set[Process] = set()
    with log.open("wb") as out, newcomer.start("make", "up", out=out) as make:
        try:
            started = time.monotonic()
            ready = wait_until(lambda: "Ctrl-C" in log.read_text() or make.poll() is not None, 90)
            seconds = round(time.monotonic() - started, 1)
            family.update(descendants_of(make.pid))
            assert ready, log.read_text()
            assert make.poll() is None, log.read_text()
            found = addresses(log.read_text())
            assert [httpx.get(address).status_code for address in found] == [200] * 4, found
            family.update(descendants_of(make.pid))
            assert len(family) > 6
            started = time.monotonic()
            # As a terminal does: to the whole group in its foreground.
            os.killpg(make.pid, signal.SIGINT)
            gone = wait_until(lambda: not any(one.alive for one in family), 15)
            stop = round(time.monotonic() - started, 1)
            assert gone, log.read_text()
            note(f"make up as {newcomer.account.name}", ready_s=seconds, stopped_s=stop)
        finally:
            for one in family:
                one.kill()
            make.kill()
    log.unlink()


def test_make_test_works_in_the_clone(settled: Settled) -> None:
    done = settled.newcomer.run("make", "test", f"ARGS={QUICK}", "JOBS=2")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert re.search(r"\d+ passed", done.stdout)


def addresses(text: str) -> list[str]:
    """Return the addresses in a text, in their order."""
    return ADDRESS.findall(text)
