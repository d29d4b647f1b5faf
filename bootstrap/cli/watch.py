"""`watch`: what a run, a campaign or everything does, as it happens, over the socket anybody may use."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Annotated, Any, Final

import typer
from rich.live import Live
from rich.markup import escape
from rich.tree import Tree
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import ClientConnection, connect

from bootstrap.cli.campaign import MARKS
from bootstrap.cli.client import Client, Refused
from bootstrap.cli.client import connect as connect_api
from bootstrap.cli.here import not_running
from bootstrap.cli.output import Json, guarded, line, out

_PATIENCE_S: Final = 30.0
_PAUSE_S: Final = 0.5
#: Nothing for so long: ask whether the other side is still there.
_QUIET_S: Final = 15.0
_MARKS: Final = {**MARKS, "agent": "◆", "tool": "⚒", "cost": "$"}
_NEVER_AGAIN: Final = (4401, 4403)


@guarded
def watch(
    what: Annotated[
        str | None, typer.Argument(help="A run or a campaign; nothing = the whole organisation.")
    ] = None,
    after: Annotated[str, typer.Option(help="Go on after this event id.")] = "0",
    as_json: Json = False,
) -> None:
    """Watch a run as a live tree; ends with the run. Campaigns and organisations go on until Ctrl-C."""
    client = connect_api()
    events = follow(client, topic_of(what), after)
    if as_json:
        for event in events:
            typer.echo(json.dumps(event, ensure_ascii=False))
            if _ends(what, event):
                return
    elif out.is_terminal:
        _draw(what, events)
    else:
        for event in events:
            told = event["event"]
            line(_MARKS.get(told["type"], "✓"), told["step"], escape(told["message"]))
            if _ends(what, event):
                return


def topic_of(what: str | None) -> dict[str, Any]:
    """Return what to subscribe to for an id."""
    if what is None:
        return {"organisation": True}
    return {"campaign": what} if what.startswith("cmp_") else {"run": what}


def follow(client: Client, topic: dict[str, Any], after: str) -> Iterator[dict[str, Any]]:
    """Yield events, and come back after a disconnect without losing or repeating one.

    Raises:
        ParleyError: if the server says no, or stays away for half a minute.
    """
    away_since: float | None = None
    while True:
        try:
            for event in _listen(client, topic, after):
                after, away_since = event["id"], None
                yield event
        except ConnectionClosed as error:
            if error.rcvd is not None and error.rcvd.code in _NEVER_AGAIN:
                raise not_running() from error
            away_since = away_since or time.monotonic()
        except (OSError, InvalidHandshake, TimeoutError) as error:
            away_since = away_since or time.monotonic()
            if time.monotonic() - away_since > _PATIENCE_S:
                raise not_running() from error
        time.sleep(_PAUSE_S)


def _listen(client: Client, topic: dict[str, Any], after: str) -> Iterator[dict[str, Any]]:
    address = client.url.replace("http", "ws", 1) + "/ws/realtime"
    with connect(address, max_size=2**20) as socket:
        _say(socket, {"auth": client.accounts.advertiser_key})
        _say(socket, {"subscribe": topic, "after": after})
        while True:
            try:
                message = json.loads(socket.recv(timeout=_QUIET_S))
            except TimeoutError:
                _say(socket, {"ping": 1})
                message = json.loads(socket.recv(timeout=_QUIET_S))
            if message["type"] == "error":
                raise Refused(message["problem"]["status"], message["problem"])
            if message["type"] == "event":
                yield message


def _say(socket: ClientConnection, message: dict[str, Any]) -> None:
    socket.send(json.dumps(message))


def _ends(what: str | None, event: dict[str, Any]) -> bool:
    return bool(what and what.startswith("run_") and event["event"]["type"] == "finished")


def _draw(what: str | None, events: Iterator[dict[str, Any]]) -> None:
    """Draw runs as trees: one branch per step, its events as leaves."""
    root = Tree(f"[bold]{escape(what or 'organisation')}[/]")
    branch = branches(root, single=bool(what and what.startswith("run_")))
    with Live(root, console=out, refresh_per_second=8) if out.is_terminal else nullcontext():
        for event in events:
            told = event["event"]
            mark = _MARKS.get(told["type"], "✓")
            branch(told).add(f"{mark} {escape(told['message'])}")
            if _ends(what, event):
                return


def branches(root: Tree, *, single: bool) -> Callable[[dict[str, Any]], Tree]:
    """Return a function that gives the branch an event belongs on, growing it where it is new."""
    runs: dict[str, Tree] = {}
    steps: dict[tuple[str, str], Tree] = {}
    newest: dict[str, str] = {}

    def of(told: dict[str, Any]) -> Tree:
        run, step = told["run_id"], told["step"]
        if run not in runs:
            runs[run] = root if single else root.add(escape(run))
        # A step that comes again, after a revision, is a branch of its own: the order is the story.
        if newest.get(run) != step:
            newest[run] = step
            steps[run, step] = runs[run].add(f"[bold]{escape(step)}[/]")
        return steps[run, step]

    return of
