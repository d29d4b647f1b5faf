"""`rag`: put knowledge in, search it, see why, ask it, and measure retrieval on any test collection."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.markup import escape
from rich.table import Table

import encoder
from bootstrap.cli.client import connect
from bootstrap.cli.output import Json, guarded, line, out, print_json, working
from bootstrap.cli.rag_sources import Namespace, finish
from domain.errors import BadInput
from rag.analyse import default_analyser
from rag.evaluate import Report, evaluate, read_collection
from rag.measures import MEASURES

#: Largest file that is uploaded; larger ones belong into the object store.
_LARGEST = 50_000_000
_ENDINGS = {
    ".html", ".htm", ".md", ".txt", ".pdf", ".docx", ".csv", ".tsv", ".json", ".jsonl", ".xml",
}  # fmt: skip

Most = Annotated[int, typer.Option("-k", min=1, max=50, help="Passages at most.")]


Trust = Annotated[
    str | None, typer.Option(help="Who is answerable for it: owned, partner or untrusted.")
]
AsOf = Annotated[
    str | None,
    typer.Option(help="Search what was known then: a version, or a date (2026-05-01)."),
]


@guarded
def ingest(
    what: Annotated[
        str,
        typer.Argument(
            help="A file, a folder, a web address, or prefix:brand/ for a folder of the object store."
        ),
    ],
    namespace: Namespace = "default",
    trust: Trust = None,
    wait: Annotated[bool, typer.Option(help="Wait until everything is read.")] = True,
    as_json: Json = False,
) -> None:
    """Put a file, a folder or a web page into the knowledge store."""
    client = connect()
    kind, _, folder = what.partition(":")
    if what.startswith(("https://", "http://")) or kind == "prefix":
        address = (
            {"kind": "prefix", "uri": folder} if kind == "prefix" else {"kind": "url", "uri": what}
        )
        body = {**address, "namespace": namespace, **({"trust": trust} if trust else {})}
        told = [client.post("/api/v1/knowledge/sources", body)]
    else:
        path = Path(what)
        told = [
            client.give(_name(file, path), file.read_bytes(), namespace, trust or "untrusted")
            for file in _files(path)
        ]
    if wait:
        finish(client, [row["id"] for row in told], as_json=as_json)
        return
    for row in told:
        if as_json:
            print_json(row)
        else:
            line("✓", "queued", escape(f"{row['id']}: see `parley rag jobs {row['id']}`"))


@guarded
def search(
    query: Annotated[str, typer.Argument(help="A question or words.")],
    namespace: Namespace = "default",
    k: Most = 8,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Find passages in the knowledge store."""
    body = {"query": query, "namespace": namespace, "k": k, **_then(as_of)}
    found = connect().post("/api/v1/knowledge/search", body)
    if as_json:
        print_json(found)
        return
    for number, passage in enumerate(found["passages"], 1):
        place = passage["citation"]
        out.print(
            f"[bold]{number}[/bold] {escape(place['title'])}  [dim]{passage['score']:.2f}"
            f" {escape(passage['trust'])} {place['chunk_id']} {place['start']}–{place['end']}[/dim]",
            soft_wrap=True,
        )
        out.print(f"   {escape(place['quote'])}", soft_wrap=True)
        for copy in passage["copies"]:
            where = escape(f"{copy['title']} {copy['url']}".strip())
            out.print(f"   [dim]also in {where} {copy['chunk_id']}[/dim]", soft_wrap=True)
    if not found["passages"]:
        out.print("Nothing was found.")


@guarded
def ask(
    question: Annotated[str, typer.Argument(help="A question in plain words.")],
    namespace: Namespace = "default",
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Answer a question from the knowledge store, with checked citations."""
    said = connect().post(
        "/api/v1/knowledge/answer", {"question": question, "namespace": namespace, **_then(as_of)}
    )
    if as_json:
        print_json(said)
        return
    out.print(escape(said["text"]), soft_wrap=True)
    if said["statements"]:
        out.print(f"[dim]confidence {said['confidence']:.2f}, {escape(said['written_by'])}[/dim]")
    places = [place for one in said["statements"] for place in one["citations"]]
    for number, place in enumerate(
        {p["chunk_id"] + str(p["start"]): p for p in places}.values(), 1
    ):
        out.print(f"[{number}] {escape(place['title'])}: “{escape(place['quote'])}”", markup=False)


@guarded
def why(
    query: Annotated[str, typer.Argument(help="A question or words.")],
    namespace: Namespace = "default",
    k: Most = 8,
    as_json: Json = False,
) -> None:
    """Say why a search found this chunk and not that: every stage's candidates and scores."""
    told = connect().get("/api/v1/knowledge/why", query=query, namespace=namespace, k=k)
    if as_json:
        print_json(told)
        return
    legs = ", ".join(f"{name} {count}" for name, count in told["legs"].items())
    out.print(f"searched for: {escape(told['rewritten'])}  [dim]({escape(legs)})[/dim]")
    for note in told["notes"]:
        out.print(f"  {escape(note)}")
    table = Table(box=None)
    for name in ("chunk", "title", "score", "covers", "why"):
        table.add_column(name, justify="right" if name in ("score", "covers") else "left")
    for one in told["candidates"]:
        table.add_row(
            one["chunk_id"], escape(one["title"]), f"{one['score']:.3f}", f"{one['coverage']:.0%}",
            escape(one["why"]),
        )  # fmt: skip
    out.print(table)
    stages = ", ".join(f"{name} {ms:.0f}" for name, ms in told["timings_ms"].items())
    out.print(f"[dim]ms: {escape(stages)}[/dim]")


@guarded
def evaluate_folder(
    folder: Annotated[
        Path, typer.Argument(help="A folder with corpus.jsonl, queries.jsonl and qrels.tsv.")
    ],
    model: Annotated[
        bool, typer.Option(help="Whether to search by meaning too; without, words only.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Measure retrieval on any BEIR-style folder, leg by leg, with intervals. Needs no service."""
    collection = read_collection(folder)
    if not collection.queries:
        raise BadInput("no_queries", "No query of the folder has a relevant document.")
    embedder = encoder.load() if model and encoder.installed() else None
    with working(f"{len(collection.drafts):,} documents, {len(collection.queries):,} queries"):
        report = asyncio.run(evaluate(collection, default_analyser(), embedder))
    if as_json:
        row: dict[str, Any] = msgspec.to_builtins(report)
        row.pop("per_query")
        print_json({**row, "by_meaning": embedder is not None})
        return
    _print(report, by_meaning=embedder is not None)


def _print(report: Report, *, by_meaning: bool) -> None:
    # Plain lines: a table would break intervals in narrow terminals.
    out.print("".join([f"{'':<11}", *(f"{measure:>22}" for measure in MEASURES)]), soft_wrap=True)
    for name, figures in report.systems.items():
        if name == "dense" and not by_meaning:
            continue
        cells = (figures[m] for m in MEASURES)
        told = (f"{c.mean:.3f} [{c.low:.3f}, {c.high:.3f}]" for c in cells)
        out.print(
            "".join([f"{name:<11}", *(f"{cell:>22}" for cell in told)]),
            soft_wrap=True,
            markup=False,
        )
    against = report.against_better_leg
    out.print(
        f"{report.queries:,} queries, {report.documents:,} documents; the default against its better leg: "
        f"{against.difference.mean:+.3f} nDCG@10, p = {against.p:.3f}",
        soft_wrap=True,
    )


def _then(as_of: str | None) -> dict[str, Any]:
    """Return the part of a question that says as of when.

    Raises:
        BadInput: if it is neither a version nor a moment.
    """
    if as_of is None:
        return {}
    if as_of.isdigit():
        return {"filter": {"as_of": int(as_of)}}
    try:
        moment = datetime.fromisoformat(as_of)
    except ValueError as error:
        raise BadInput(
            "bad_moment", "--as-of takes a version (12) or a date (2026-05-01, 2026-05-01T12:00)."
        ) from error
    return {"filter": {"at": (moment if moment.tzinfo else moment.astimezone()).isoformat()}}


def _name(file: Path, given: Path) -> str:
    """Return a file's name within its source; files of a folder keep their path, so that none hides another."""
    return file.relative_to(given).as_posix() if given.is_dir() else file.name


def _files(path: Path) -> list[Path]:
    """Return the files to put in.

    Raises:
        BadInput: if there is none, or one is too large to be uploaded.
    """
    if path.is_dir():
        files = sorted(f for f in path.rglob("*") if f.is_file() and f.suffix.lower() in _ENDINGS)
    else:
        files = [path] if path.is_file() else []
    if not files:
        raise BadInput(
            "input_missing", f"{path} is neither a file nor a folder with readable files."
        )
    for file in files:
        if file.stat().st_size > _LARGEST:
            raise BadInput(
                "file_too_large",
                f"{file.name} has more than {_LARGEST // 1_000_000} MB; put it into the object store.",
            )
    return files
