"""`demo`: the whole way, from a goal to money, on this machine."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from bootstrap.cli import conversation
from bootstrap.cli.campaign import follow, show_run, start_run
from bootstrap.cli.client import Client, connect
from bootstrap.cli.output import Exit, Json, err, guarded, line, out, print_json, working
from bootstrap.cli.service import addresses
from bootstrap.installation import Installation
from domain.errors import Unavailable
from domain.money import Money
from sandbox import shop_feed, shop_page

GOAL = (
    "Get 200 sign-ups for our trail-running shop in Japan and the US before Christmas, "
    "3,000 dollars, not more than 15 dollars each"
)
_SERVE_SECONDS = 60.0


@guarded
def demo(
    goal: Annotated[str, typer.Option(help="What you want, in your own words.")] = GOAL,
    site: Annotated[
        str | None, typer.Option(help="Your landing page: an address or an HTML file.")
    ] = None,
    feed: Annotated[
        Path | None, typer.Option(help="Your product feed: CSV, JSON, JSONL or XML.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run the main job once: goal → agents → campaign → ad in a chat → click → ledger → report."""
    started = time.monotonic()
    with _running() as client:
        err.rule("[bold]1 · goal[/bold]", align="left")
        err.print(f" {escape(goal)}", soft_wrap=True)
        _end_earlier(client)
        # The shop's own page and feed belong together; a source of one's own stands alone.
        own = site is not None or feed is not None
        run_id = start_run(
            client,
            goal,
            site if own else str(shop_page()),
            feed if own else shop_feed(),
            approval="demo",
        )
        err.rule("[bold]2 · agents[/bold]", align="left")
        follow(client, run_id)
        run = client.get(f"/api/v1/runs/{run_id}")
        if run["status"] != "succeeded":
            show_run(run, as_json)
            waits = run["status"] in ("needs_input", "awaiting_approval")
            raise typer.Exit(Exit.WAITS if waits else Exit.REFUSED)
        campaign = _served(client, run["campaign_id"])
        err.rule("[bold]3 · chats[/bold]", align="left")
        shown = conversation.talk(client, campaign, shipped=not own)
        err.rule("[bold]4 · money[/bold]", align="left")
        result = _report(client, campaign["id"], shown)
        result["seconds"] = round(time.monotonic() - started, 1)
        _summary(client, run, result, as_json)
    if not shown:
        err.print("[red]✗[/red] No conversation got an ad; see the reasons above.")
        raise typer.Exit(Exit.REFUSED)


@contextmanager
def _running() -> Iterator[Client]:
    """Use the installation that runs in this home, or run one for as long as this takes."""
    try:
        client = connect()
    except Unavailable:
        err.rule("[bold]0 · services[/bold]", align="left")
        installation = Installation(os.environ, lambda part, said: line("·", part, escape(said)))
        try:
            installation.prepare()
            with working("starting API, worker and ticker …"):
                installation.start()
            yield connect()
        finally:
            installation.stop()
    else:
        line("·", "service", f"using the one that runs at {client.url}")
        yield client


def _served(client: Client, campaign_id: str) -> dict[str, Any]:
    """Return the campaign once the fast path serves it."""
    deadline = time.monotonic() + _SERVE_SECONDS
    with working("compiling the snapshot …"):
        while True:
            campaign: dict[str, Any] = client.get(f"/api/v1/campaigns/{campaign_id}")
            if campaign["served"]:
                line("✓", "snapshot", "compiled, verified and mapped")
                return campaign
            if time.monotonic() > deadline:
                raise Unavailable(
                    "not_served", "The campaign was not compiled in time; see .parley/logs."
                )
            time.sleep(0.1)


def _report(client: Client, campaign_id: str, shown: list[dict[str, Any]]) -> dict[str, Any]:
    report = client.get(f"/api/v1/campaigns/{campaign_id}/report")
    earned = client.earned()["earnings"]
    table = Table(box=None, show_header=False, padding=(0, 2))
    ctr = "–" if report["ctr"] is None else f"{report['ctr']:.1%}"
    for name, value in (
        ("impressions", report["impressions"]),
        ("clicks", f"{report['clicks']}  (CTR {ctr})"),
        ("spend", _money(report["spend"])),
        ("cost per click", _money(report["cpc"])),
        ("budget left", _money(report["budget_left"])),
        ("publisher earned", ", ".join(_money(m) for m in earned) or "–"),
        ("ledger", "every entry sums to zero (the database refuses one that does not)"),
    ):
        table.add_row(name, str(value))
    err.print(table)
    return {"campaign": campaign_id, "report": report, "earnings": earned, "ads": shown}


def _summary(client: Client, run: dict[str, Any], result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json({"run": run["id"], **result})
        return
    lines = [
        f"[bold]{run['result']['ads']}[/bold] ads live in chats from one sentence, "
        f"auto-approved by the [bold]demo policy[/bold], not by a person.",
        *(
            f"{ad['language']}: [bold]{escape(ad['label'])}[/bold] · {escape(ad['title'])} · "
            f"{escape(ad['why'])}"
            for ad in result["ads"]
        ),
        f"Done in {result['seconds']} s. `make up` leaves the service running; then open",
        *(f"  {name}: {url}" for name, url in addresses(client.url, client.accounts.app_id)),
    ]
    out.print(Panel("\n".join(lines), title="Parley", border_style="green"))


def _money(value: dict[str, Any] | None) -> str:
    return "–" if value is None else str(Money(value["micros"], value["currency"]))


def _end_earlier(client: Client) -> None:
    """End what earlier demo runs left live, so that this run's report is about this run."""
    for row in client.get("/api/v1/campaigns"):
        if row["status"] not in ("live", "paused"):
            continue
        audit = client.get(f"/api/v1/campaigns/{row['id']}")["audit"]
        if any(entry["who"] == "policy:demo" for entry in audit):
            client.post(f"/api/v1/campaigns/{row['id']}/end", {"why": "a new demo run begins"})
            line("·", "ended", f"the campaign of an earlier demo: {escape(row['name'])}")
