"""`goal`, `runs`, `approve`, `answer`: from a sentence to a campaign."""

from __future__ import annotations

import asyncio
import json
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer
from rich.markup import escape
from rich.table import Table

from bootstrap.cli.client import Client, connect
from bootstrap.cli.output import Exit, Json, err, guarded, line, out, print_json
from domain.errors import BadInput
from domain.time import SystemClock
from tools.product_source import fetch_page
from tools.product_source.fetch import default_client

MARKS = {"question": "?", "warning": "!", "artefact": "+", "finished": "■"}


@guarded
def goal(
    text: Annotated[str, typer.Argument(help="What you want, in your own words.")],
    site: Annotated[
        str | None, typer.Option(help="Landing page: an address or an HTML file.")
    ] = None,
    feed: Annotated[
        Path | None, typer.Option(help="Product feed: CSV, JSON, JSONL or XML.")
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(
            help="JSON file with limits within which nobody is asked: currency, max_total_micros, "
            "max_bid_micros."
        ),
    ] = None,
    wait: Annotated[bool, typer.Option(help="Follow the run until it rests.")] = True,
    as_json: Json = False,
) -> None:
    """Hand a goal to the agents of the running installation."""
    limits = None if policy is None else _limits(policy)
    client = connect()
    approval = "person" if limits is None else "policy"
    run_id = start_run(client, text, site, feed, approval=approval, policy=limits)
    if wait:
        follow(client, run_id, quiet=as_json)
    run = client.get(f"/api/v1/runs/{run_id}")
    show_run(run, as_json)
    leave(run)


def _limits(file: Path) -> dict[str, Any]:
    try:
        read = json.loads(_read(file))
    except ValueError as error:
        raise BadInput("bad_policy", f"{file} is not JSON: {error}.") from error
    if not isinstance(read, dict):
        raise BadInput("bad_policy", f"{file} must hold one JSON object with the limits.")
    return read


def start_run(
    client: Client,
    text: str,
    site: str | None,
    feed: Path | None,
    *,
    approval: str,
    policy: dict[str, Any] | None = None,
) -> str:
    """Upload the sources and create the campaign run; return its id."""
    body: dict[str, Any] = {"goal": text, "approval": approval}
    if policy is not None:
        body["approval_policy"] = policy
    if site is not None and not site.startswith(("http://", "https://")):
        body["page_source_id"] = _upload(client, "page", site, _read(Path(site)))
    elif site is not None and _on_this_machine(site):
        # The service never reads private addresses for anybody; a page of one's own machine is
        # read here, by the person's own command.
        body["page_source_id"] = _upload(client, "page", site, _fetch(site))
    elif site is not None:
        body["site_url"] = site
    if feed is not None:
        body["feed_source_id"] = _upload(client, "feed", feed.name, _read(feed))
    return str(client.post("/api/v1/campaigns/create", body)["run_id"])


def _upload(client: Client, kind: str, name: str, content: bytes) -> str:
    source = client.upload(kind, name, content)
    problems = source["problems"]
    line("+", kind, f"{escape(source['name'])}: products found: {source['products']}")
    for problem in problems[:5]:
        line("!", kind, f"line {problem['line']}: {escape(problem['reason'])}")
    if len(problems) > 5:
        line("!", kind, f"and {len(problems) - 5} more lines that could not be used")
    return str(source["id"])


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise BadInput("file_unreadable", f"{file} cannot be read: {error.strerror}.") from error


def _on_this_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _fetch(url: str) -> bytes:
    fetching = fetch_page(
        url, client_factory=default_client, clock=SystemClock(), allow_private=True
    )
    return asyncio.run(fetching)


def follow(client: Client, run_id: str, *, quiet: bool = False) -> None:
    """Print a run's progress until it rests."""
    for event in client.follow(run_id):
        # What is asked is shown with the run, once it rests.
        if not quiet and event["type"] != "question":
            line(MARKS.get(event["type"], "✓"), event["step"], escape(event["message"]))


def show_run(run: dict[str, Any], as_json: bool) -> None:
    """Print a run."""
    if as_json:
        print_json(run)
        return
    line("■", run["status"], run["id"])
    question = run.get("question") or {}
    for asked in question.get("questions", []):
        line("?", "asks", escape(asked))
    if run["status"] == "needs_input":
        err.print(f'   answer with: parley answer {run["id"]} "…"', style="dim")
    if run["status"] == "awaiting_approval":
        err.print(f"   decide with: parley approve {run['id']} [--reject --note …]", style="dim")
    if run.get("error"):
        line("✗", "error", escape(str(run["error"].get("detail", ""))))


def leave(run: dict[str, Any]) -> None:
    """End the command as the run stands: waiting, without success, or well."""
    if run["status"] in ("needs_input", "awaiting_approval"):
        raise typer.Exit(Exit.WAITS)
    if run["status"] in ("failed", "refused"):
        raise typer.Exit(Exit.REFUSED)


@guarded
def runs(as_json: Json = False) -> None:
    """List the runs of this installation's advertiser."""
    found = connect().get("/api/v1/runs")
    if as_json:
        print_json(found)
        return
    table = Table("run", "status", "step", "goal", box=None)
    for run in found:
        table.add_row(run["id"], run["status"], run.get("step") or "", escape(run["goal"][:60]))
    out.print(table)


@guarded
def approve(
    run_id: str,
    reject: Annotated[bool, typer.Option("--reject", help="Say no.")] = False,
    note: Annotated[str, typer.Option(help="Why; goes into the audit.")] = "",
    as_json: Json = False,
) -> None:
    """Approve (or reject) what a run wants to launch, and follow it to its end."""
    client = connect()
    decision = "reject" if reject else "approve"
    client.post(f"/api/v1/runs/{run_id}/approve", {"decision": decision, "note": note})
    follow(client, run_id, quiet=as_json)
    run = client.get(f"/api/v1/runs/{run_id}")
    show_run(run, as_json)
    leave(run)


@guarded
def answer(
    run_id: str,
    text: Annotated[str, typer.Argument(help="What was missing, in your own words.")],
    as_json: Json = False,
) -> None:
    """Answer a run's questions and follow it on."""
    client = connect()
    client.post(f"/api/v1/runs/{run_id}/answer", {"text": text})
    follow(client, run_id, quiet=as_json)
    run = client.get(f"/api/v1/runs/{run_id}")
    show_run(run, as_json)
    leave(run)
