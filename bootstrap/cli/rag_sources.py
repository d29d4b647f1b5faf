"""`rag`: what was put in and what became of it; look at documents piece by piece, edit, take out, make anew."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any

import typer
from rich.markup import escape

from bootstrap.accounts import read_accounts
from bootstrap.cli.client import Client, connect
from bootstrap.cli.here import current_settings, not_running
from bootstrap.cli.output import Exit, Json, guarded, line, out, print_json, working
from bootstrap.embedded import default_home
from bootstrap.knowledge import Knowledge
from bootstrap.services import open_services
from bootstrap.settings import Settings
from domain.errors import NotFound
from rag.ports import Embedder
from rag.types import Written

API = "/api/v1/knowledge"
_GOING_ON = ("queued", "running")
_LOOK_EVERY_S = 0.5

Namespace = Annotated[str, typer.Option(help="Which of the organisation's indexes.")]


@guarded
def sources(as_json: Json = False) -> None:
    """List the newest sources of knowledge."""
    rows = connect().get(f"{API}/sources", limit=200)
    _table(rows, ("id", "kind", "name", "trust", "status"), as_json)


@guarded
def jobs(
    job: Annotated[str | None, typer.Argument(help="One job, file by file.")] = None,
    as_json: Json = False,
) -> None:
    """List the newest readings of sources, or what became of each file of one."""
    client = connect()
    if job is None:
        _table(client.get(f"{API}/jobs"), ("id", "status", "namespace", "created_at"), as_json)
        return
    tell(client.get(f"{API}/jobs/{job}"), as_json=as_json)


@guarded
def retry(
    job: Annotated[str, typer.Argument(help="Job with files that failed.")],
    as_json: Json = False,
) -> None:
    """Read the files of a job again that failed, and wait for it."""
    client = connect()
    client.post(f"{API}/jobs/{job}/retry")
    finish(client, [job], as_json=as_json)


@guarded
def remove(
    source: Annotated[str, typer.Argument(help="Source to take out.")],
    namespace: Namespace = "default",
    as_json: Json = False,
) -> None:
    """Take out everything a source brought; searches as of before still find it."""
    told = connect().delete(f"{API}/sources/{source}", namespace=namespace)
    if as_json:
        print_json(told)
    else:
        out.print(f"{told['documents']:,} documents are taken out.")


@guarded
def documents(
    source: Annotated[str | None, typer.Option(help="Only those of one source.")] = None,
    namespace: Namespace = "default",
    as_json: Json = False,
) -> None:
    """List the documents that are known now."""
    asked = {"namespace": namespace, **({"source": source} if source else {})}
    _table(list(_pages(connect(), asked)), ("id", "title", "key", "language", "revision"), as_json)


@guarded
def chunks(
    document: Annotated[str, typer.Argument(help="Document, see `parley rag documents`.")],
    as_json: Json = False,
) -> None:
    """Show the pieces of a document as they are indexed."""
    rows = connect().get(f"{API}/documents/{document}/chunks")
    if as_json:
        print_json(rows)
        return
    for row in rows:
        notes = [n for n in ("edited", "outdated") if row[n]]
        head = " › ".join(row["heading"])
        out.print(
            f"[bold]{row['id']}[/bold] [dim]{escape(' '.join([head, *notes]))}[/dim]",
            soft_wrap=True,
        )
        out.print(escape(row["text"]), soft_wrap=True)


@guarded
def edit(
    chunk: Annotated[str, typer.Argument(help="Piece, see `parley rag chunks`.")],
    text: Annotated[str, typer.Argument(help="Its new text; - reads it from standard input.")],
    as_json: Json = False,
) -> None:
    """Put your text in the place of a piece; it survives re-indexing."""
    said = sys.stdin.read().strip() if text == "-" else text
    row = connect().patch(f"{API}/chunks/{chunk}", {"text": said})
    if as_json:
        print_json(row)
    else:
        line("✓", "edited", f"it is {row['id']} now")


@guarded
def reindex(namespace: Namespace = "default", as_json: Json = False) -> None:
    """Make all terms and vectors anew, with the present model and analyser."""
    accounts = read_accounts(default_home(os.environ))
    if accounts is None:
        raise not_running()
    with working("terms and vectors are made anew"):
        written = asyncio.run(reindexed(current_settings(), accounts.advertiser_id, namespace))
    if as_json:
        print_json({"version": written.version, "chunks": written.added})
    else:
        line("✓", "re-indexed", f"{written.added:,} chunks, version {written.version}")


async def reindexed(
    settings: Settings, org_id: str, namespace: str, embedder: Embedder | None = None
) -> Written:
    """Make an index anew.

    Args:
        settings: Of the installation.
        org_id: Whose index.
        namespace: Which.
        embedder: Makes vectors; the configured one by default.

    Raises:
        NotFound: `index_unknown` if there is none of that name.
    """
    async with open_services(settings, pool_size=1) as services:
        known = Knowledge(services, embedder)
        async with services.db.tenant(org_id) as session:
            writer = await known.writer(session)
            # Not `open`: that refuses an index of another model, which is what is mended here.
            index = await writer.indexes.named(org_id, namespace)
            if index is None:
                raise NotFound("index_unknown", f"There is no knowledge in {namespace!r} yet.")
            return await writer.reindex(index)


def finish(
    client: Client,
    jobs: Sequence[str],
    *,
    as_json: bool,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Wait for jobs and tell what became of each file; exits with `REFUSED` if one was not read.

    Args:
        client: Of the installation.
        jobs: Their ids.
        as_json: Whether to print JSON, a line a job.
        sleep: Waits between two looks.
    """
    failed = False
    with working("reading", quiet=as_json) as said:
        for number, job in enumerate(jobs, 1):
            while (row := client.get(f"{API}/jobs/{job}"))["status"] in _GOING_ON:
                read = sum(f["position"] for f in row["files"])
                said(f"reading {number} of {len(jobs)}" + (f", {read:,} rows" if read > 1 else ""))
                sleep(_LOOK_EVERY_S)
            failed = tell(row, as_json=as_json) or failed
    if failed:
        raise typer.Exit(Exit.REFUSED)


def tell(row: dict[str, Any], *, as_json: bool) -> bool:
    """Print a job with its files; return whether one of them was not read."""
    failed = row["error"] is not None or any(f["status"] == "failed" for f in row["files"])
    if as_json:
        print_json(row)
        return failed
    if row["error"] is not None:
        line("✗", "failed", escape(str(row["error"]["detail"])))
    for file in row["files"]:
        if file["error"] is not None:
            line("✗", file["status"], escape(f"{file['name']}: {file['error']['detail']}"))
            continue
        detail = f"{file['name']}: {file['chunks_added']} new, {file['chunks_kept']} kept"
        line("·" if file["status"] == "waiting" else "✓", file["status"], escape(detail))
        for note in _noticed(file["signals"]):
            line(" ", "", escape(note))
    if not row["files"] and row["error"] is None:
        line("!", row["status"], "there is no file in that folder of the object store")
    return failed


def _noticed(signals: dict[str, Any]) -> list[str]:
    """Return what reading a file noticed, for people."""
    return [
        f"{name.replace('_', ' ')}: {value}"
        for name, value in signals.items()
        if name not in ("reader", "rows", "reasons") and isinstance(value, int | str) and value
    ]


def _pages(client: Client, asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
    after = ""
    while page := client.get(f"{API}/documents", after=after, limit=200, **asked):
        yield from page
        after = page[-1]["id"]


def _table(rows: Sequence[dict[str, Any]], names: Sequence[str], as_json: bool) -> None:
    if as_json:
        print_json(rows)
        return
    # Plain lines: a table would cut the ids that are to be copied.
    widths = [max(len(str(row[name])) for row in rows) for name in names] if rows else []
    for row in rows:
        cells = (str(row[name]).ljust(width) for name, width in zip(names, widths, strict=True))
        out.print(escape("  ".join(cells).rstrip()), soft_wrap=True)
    if not rows:
        out.print("There is nothing yet.")
