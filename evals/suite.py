"""Plays many scenarios many times, side by side in processes, and grades every repetition."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import queue
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from bootstrap.embedded import ServiceUrls
from domain.errors import Unavailable
from evals.graders import grade
from evals.judge import Judge
from evals.play import play
from evals.results import Attempt, Result, Suite
from evals.scenario import Scenario
from evals.stage import Stage, open_stage, own_services, own_settings

Report = Callable[[Scenario, int, Attempt], None]
#: A process that says nothing for so long is lost.
_PATIENCE_S = 180.0


def run_suite(
    scenarios: Sequence[Scenario],
    k: int,
    jobs: int,
    *,
    report: Report | None = None,
    record: bool = False,
    judge: Judge | None = None,
) -> Suite:
    """Play scenarios on services of their own.

    Args:
        scenarios: What is played.
        k: Repetitions of each.
        jobs: Processes side by side.
        report: Called after each repetition.
        record: Record cassettes instead of playing them.
        judge: Judges what was written, if a scenario wants it.

    Raises:
        Unavailable: if services or processes are lost.
    """
    started = time.monotonic()
    tasks = [(number, repeat) for repeat in range(k) for number in range(len(scenarios))]
    attempts: dict[tuple[int, int], Attempt] = {}

    def note(number: int, repeat: int, attempt: Attempt) -> None:
        attempts[number, repeat] = attempt
        if report is not None:
            report(scenarios[number], repeat, attempt)

    if all(one.kind == "brief" for one in scenarios):
        asyncio.run(_read_all(scenarios, tasks, note, record=record))
    else:
        with own_services() as urls:
            _in_processes(urls, scenarios, tasks, min(jobs, len(tasks)), note, record, judge)
    return Suite(
        k=k,
        jobs=jobs,
        seconds=round(time.monotonic() - started, 2),
        results=tuple(
            result_of(one, [attempts[number, repeat] for repeat in range(k)])
            for number, one in enumerate(scenarios)
        ),
    )


def result_of(scenario: Scenario, attempts: Iterable[Attempt]) -> Result:
    """Return a scenario's result."""
    return Result(
        id=scenario.id,
        title=scenario.title,
        language=scenario.language,
        kind=scenario.kind,
        about=scenario.about,
        rule_decidable=scenario.rule_decidable,
        attempts=tuple(attempts),
    )


async def attempt(
    scenario: Scenario, stage: Stage | None, *, record: bool = False, judge: Judge | None = None
) -> Attempt:
    """Play and grade one repetition; a defect of the product or of ours is a failure that says where."""
    started = time.monotonic()
    try:
        seen = await play(scenario, stage, record=record)
        faults = grade(scenario, seen)
        judged = await (judge or Judge()).verdict(scenario, seen)
    except Exception as error:  # whatever happens to one scenario, the others are played
        where = traceback.extract_tb(error.__traceback__)[-1]
        said = (
            f"defect: {type(error).__name__} at {Path(where.filename).name}:{where.lineno}: {error}"
        )
        return Attempt(faults=(said[:600],), outcome="defect", seconds=time.monotonic() - started)
    return Attempt(
        faults=faults if not judged.startswith("no: ") else (*faults, f"judge: {judged}"),
        outcome=seen.outcome,
        fingerprint=seen.fingerprint(),
        trajectory=seen.trajectory,
        seconds=round(seen.seconds, 3),
        cpu_seconds=round(seen.cpu_seconds, 3),
        cost_micros=seen.cost_micros,
        tokens=seen.tokens,
        calls=seen.calls,
        judged=judged,
    )


async def _read_all(
    scenarios: Sequence[Scenario],
    tasks: Iterable[tuple[int, int]],
    note: Callable[[int, int, Attempt], None],
    *,
    record: bool,
) -> None:
    for number, repeat in tasks:
        note(number, repeat, await attempt(scenarios[number], None, record=record and not repeat))


def _in_processes(
    urls: ServiceUrls,
    scenarios: Sequence[Scenario],
    tasks: Sequence[tuple[int, int]],
    jobs: int,
    note: Callable[[int, int, Attempt], None],
    record: bool,
    judge: Judge | None,
) -> None:
    # Spawned, not forked: this process may have threads and connections of its own.
    context = multiprocessing.get_context("spawn")
    waiting: Any = context.Queue()
    done: Any = context.Queue()
    for task in (*tasks, *[None] * jobs):
        waiting.put(task)
    players = [
        context.Process(
            target=_player, args=(urls, number, tuple(scenarios), waiting, done, record, judge)
        )
        for number in range(jobs)
    ]
    for player in players:
        player.start()
    try:
        for _ in tasks:
            number, repeat, made = _next(done, players)
            note(number, repeat, made)
    finally:
        for player in players:
            player.join(timeout=10)
            if player.is_alive():
                player.terminate()


def _next(done: Any, players: Sequence[SpawnProcess]) -> tuple[int, int, Attempt]:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        try:
            found: tuple[int, int, Attempt] = done.get(timeout=1.0)
        except queue.Empty:
            if any(player.exitcode not in (None, 0) for player in players):
                break
        else:
            return found
    raise Unavailable("player_lost", "A process that played scenarios is lost; run it again.")


def _player(
    urls: ServiceUrls,
    number: int,
    scenarios: Sequence[Scenario],
    waiting: Any,
    done: Any,
    record: bool,
    judge: Judge | None,
) -> None:
    """Play what waits until nothing does; the main function of a process."""
    # Connections are cut on purpose here; what becomes of it is seen by the graders.
    for name in ("psycopg", "psycopg.pool", "sqlalchemy.pool", "parley"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="parley-eval-home-") as home:
        asyncio.run(
            _play_waiting(urls, number, scenarios, waiting, done, Path(home), record, judge)
        )


async def _play_waiting(
    urls: ServiceUrls,
    number: int,
    scenarios: Sequence[Scenario],
    waiting: Any,
    done: Any,
    home: Path,
    record: bool,
    judge: Judge | None,
) -> None:
    async with open_stage(own_settings(urls, number, home)) as stage:
        while (task := await asyncio.to_thread(waiting.get)) is not None:
            at, repeat = task
            made = await attempt(scenarios[at], stage, record=record and not repeat, judge=judge)
            done.put((at, repeat, made))
