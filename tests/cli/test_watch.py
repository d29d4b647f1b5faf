"""`parley watch`: over a real socket, coming back after a disconnect where it was."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console
from rich.tree import Tree
from websockets.sync.server import Server, ServerConnection, serve

from bootstrap.cli import watch
from bootstrap.cli.client import Client, Refused


def event(number: int, step: str = "plan", kind: str = "step") -> dict[str, Any]:
    told = {"run_id": "run_1", "type": kind, "step": step, "message": f"line {number}", "at_ms": 1}
    return {"type": "event", "subscription": "run:run_1", "id": f"{number}-0", "event": told}


@contextmanager
def server(lines: list[dict[str, Any]], per_visit: int) -> Iterator[tuple[str, list[str]]]:
    """Serve events after the id asked for, and hang up after so many."""
    asked: list[str] = []

    def handle(socket: ServerConnection) -> None:
        assert json.loads(socket.recv())["auth"] == "parley_sk_a"
        after = json.loads(socket.recv())["after"]
        asked.append(after)
        socket.send(json.dumps({"type": "ready"}))
        seen = int(after.partition("-")[0])
        for line in lines[seen : seen + per_visit]:
            socket.send(json.dumps(line))

    with serve(handle, "127.0.0.1", 0) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{_port(running)}", asked
        finally:
            running.shutdown()
            thread.join()


def _port(running: Server) -> int:
    return int(running.socket.getsockname()[1])


def client(url: str) -> Client:
    accounts = SimpleNamespace(advertiser_key="parley_sk_a")
    return cast(Client, SimpleNamespace(url=url, accounts=accounts))


def test_it_comes_back_after_a_disconnect_and_repeats_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watch, "_PAUSE_S", 0.0)
    lines = [event(n) for n in range(1, 8)]
    got = []
    with server(lines, per_visit=3) as (url, asked):
        for line in watch.follow(client(url), {"run": "run_1"}, "0"):
            got.append(line["id"])
            if len(got) == 7:
                break
    assert got == [f"{n}-0" for n in range(1, 8)]
    assert asked == ["0", "3-0", "6-0"]


def test_a_refusal_ends_it_with_the_servers_sentence() -> None:
    problem = {"status": 404, "code": "run_not_found", "detail": "There is no such run."}
    with (
        server([{"type": "error", "problem": problem}], 1) as (url, _),
        pytest.raises(Refused, match="no such run"),
    ):
        next(watch.follow(client(url), {"run": "run_1"}, "0"))


def test_a_tree_has_a_branch_per_step_in_the_order_of_the_story() -> None:
    root = Tree("run_1")
    branch = watch.branches(root, single=True)
    for number, step in enumerate(["brief", "plan", "plan", "check", "plan"]):
        branch(event(number, step)["event"]).add(f"line {number}")
    console = Console(width=60)
    with console.capture() as shown:
        console.print(root)
    steps = [str(child.label) for child in root.children]
    assert steps == [f"[bold]{step}[/]" for step in ("brief", "plan", "check", "plan")]
    assert "line 2" in shown.get()


def test_what_an_id_means() -> None:
    assert watch.topic_of(None) == {"organisation": True}
    assert watch.topic_of("cmp_1") == {"campaign": "cmp_1"}
    assert watch.topic_of("run_1") == {"run": "run_1"}
