"""`snapshots`: what has been served, and the way back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import msgspec
import typer

from bootstrap.cli.here import current_settings
from bootstrap.cli.output import Json, guarded, line, print_json, working
from bootstrap.rollback import list_snapshots, roll_back
from bootstrap.rollback import unpin as let_go
from bootstrap.services import Services, open_services

T = TypeVar("T")


@guarded
def listed(as_json: Json = False) -> None:
    """List the snapshots served so far, the newest first."""
    rows = _with_services(list_snapshots)
    if as_json:
        print_json([msgspec.to_builtins(row) for row in rows])
        return
    for row in rows:
        marks = [word for word, said in (("serving", row.serving), ("pinned", row.pinned)) if said]
        line(
            "*" if row.serving else "-",
            row.snapshot_id,
            ", ".join([f"since {row.since}", f"{row.ads} ads", f"{row.apps} apps", *marks]),
        )


@guarded
def rollback(
    snapshot_id: Annotated[str, typer.Argument(help="Id of the snapshot to go back to.")],
    pin: Annotated[
        bool, typer.Option(help="Keep it when the catalogue changes, until `snapshots unpin`.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Serve an earlier snapshot again and keep it, whatever changes, until it is unpinned.

    It brings back all its ads, those of campaigns paused since as well; budgets and caps still hold.
    """

    async def back(services: Services) -> str:
        return await roll_back(services, snapshot_id, pin=pin)

    with working("rolling back …", quiet=as_json):
        _with_services(back)
    _say({"snapshot": snapshot_id, "pinned": pin}, as_json)


@guarded
def unpin(as_json: Json = False) -> None:
    """Let a pinned snapshot go: compile and serve what the catalogue says now."""
    with working("compiling …", quiet=as_json):
        snapshot = _with_services(let_go)
    _say({"snapshot": snapshot, "pinned": False}, as_json)


def _with_services(call: Callable[[Services], Awaitable[T]]) -> T:
    async def run() -> T:
        async with open_services(current_settings(), pool_size=2) as services:
            return await call(services)

    return asyncio.run(run())


def _say(told: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(told)
        return
    for what, value in told.items():
        line("+", what, str(value))
