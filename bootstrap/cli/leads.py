"""`leads`: take a list of people in, look at the most promising, forget people."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from bootstrap.cli.client import connect
from bootstrap.cli.output import Json, guarded, line, out, print_json, working
from domain.errors import BadInput

#: Largest file that the API takes.
_LARGEST = 100 << 20
_SHOWN = 10


@guarded
def import_file(
    file: Annotated[Path, typer.Argument(help="A CSV with one person per line.")],
    source: Annotated[str, typer.Option(help="What the list is, e.g. newsletter.")],
    basis: Annotated[
        str, typer.Option(help="consent, contract or legitimate_interest.")
    ] = "consent",
    note: Annotated[str, typer.Option(help="What a basis other than consent rests on.")] = "",
    consent_text: Annotated[
        str, typer.Option(help="The words they agreed to, if rows do not say.")
    ] = "",
    consent_at: Annotated[
        str, typer.Option(help="When they agreed (2026-03-05), if rows do not say.")
    ] = "",
    country: Annotated[str, typer.Option(help="Of telephone numbers without a country.")] = "",
    column: Annotated[
        list[str] | None, typer.Option(help="Where a field stands: email=Header.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Take a list of people in; the same people again are there once."""
    if not file.is_file():
        raise BadInput("input_missing", f"{file} is not a file.")
    if file.stat().st_size > _LARGEST:
        raise BadInput("file_too_large", f"{file.name} has more than 100 MB; split it.")
    terms: dict[str, Any] = {
        "name": file.name, "source": source, "lawful_basis": basis, "note": note, "country": country,
        "consent_text": consent_text, "consent_at": consent_at, "column": column or [],
    }  # fmt: skip
    with working(f"importing {file.name}", quiet=as_json):
        done = connect().bring("/api/v1/leads/import", file, **terms)
    if as_json:
        print_json(done)
        return
    line("✓", "imported", f"{done['rows']} rows of {escape(done['name'])}")
    for name, said in (
        ("added", "new leads"),
        ("merged", "were there and learned something"),
        ("unchanged", "were there already"),
        ("suppressed", "must not be written to"),
        ("rejected", "were left out"),
    ):
        out.print(f"{done[name]:>9,} {said}")
    for problem in done["problems"][:_SHOWN]:
        out.print(f"  line {problem['line']}: {escape(problem['reason'])}", soft_wrap=True)
    rest = sum(done["counts"].values()) - min(len(done["problems"]), _SHOWN)
    if rest > 0:
        out.print(f"  and {rest:,} more: {escape(_counted(done['counts']))}", soft_wrap=True)


@guarded
def linkedin(
    owner: Annotated[
        str, typer.Argument(help="urn:li:sponsoredAccount:… or urn:li:organization:….")
    ],
    basis: Annotated[str, typer.Option(help="Of people who ticked no box of consent.")] = "consent",
    note: Annotated[str, typer.Option(help="What a basis other than consent rests on.")] = "",
    as_json: Json = False,
) -> None:
    """Fetch new answers of LinkedIn lead forms; the token is read from LINKEDIN_TOKEN."""
    token = os.environ.get("LINKEDIN_TOKEN", "")
    if not token:
        raise BadInput("token_missing", "Put an access token of LinkedIn into LINKEDIN_TOKEN.")
    body = {"owner": owner, "token": token, "lawful_basis": basis, "note": note}
    with working("reading lead forms", quiet=as_json):
        done = connect().post("/api/v1/leads/linkedin", body)
    if as_json:
        print_json(done)
        return
    line("✓", "read", f"{done['read']} answers")
    out.print(f"{done['added']:>9,} new leads")
    out.print(f"{done['merged'] + done['unchanged']:>9,} were there already")
    if done["rejected"]:
        out.print(f"  left out: {escape(_counted(done['rejected']))}", soft_wrap=True)


@guarded
def listed(
    grade: Annotated[str | None, typer.Option(help="A, B, C or D.")] = None,
    contacts: Annotated[bool, typer.Option(help="Show addresses and numbers.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many at most.")] = 20,
    as_json: Json = False,
) -> None:
    """List the most promising leads, and why each is."""
    asked: dict[str, Any] = {"limit": limit, "contacts": contacts}
    found = connect().get("/api/v1/leads", **({**asked, "grade": grade} if grade else asked))
    if as_json:
        print_json(found)
        return
    for lead in found:
        name = " ".join(part for part in (lead["given_name"], lead["family_name"]) if part)
        reach = " ".join(part for part in (lead["email"], lead["phone"]) if part)
        out.print(
            f"[bold]{lead['grade']}[/bold] {lead['score']:>3}  {escape(name or '—')}  {escape(reach)}  "
            f"[dim]{escape(lead['lawful_basis'])} · {escape('; '.join(lead['reasons']))}[/dim]",
            soft_wrap=True,
        )
    if not found:
        out.print("There are no leads.")


@guarded
def erase(
    contacts: Annotated[list[str], typer.Argument(help="E-mail addresses or telephone numbers.")],
    as_json: Json = False,
) -> None:
    """Forget people, and see that no import brings them back."""
    gone = connect().post("/api/v1/leads/erase", {"contacts": contacts})
    if as_json:
        print_json(gone)
    else:
        line("✓", "forgotten", f"{gone['leads']} leads")


@guarded
def audiences(as_json: Json = False) -> None:
    """List audiences, and how many leads each has now."""
    found = connect().get("/api/v1/audiences")
    if as_json:
        print_json(found)
        return
    for one in found:
        rule = "; ".join(f"{name}: {', '.join(values)}" for name, values in one["rule"].items())
        out.print(
            f"{one['leads']:>9,}  [bold]{escape(one['name'])}[/bold]  [dim]{escape(rule)}[/dim]"
        )
    if not found:
        out.print("There are no audiences.")


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {code}" for code, count in counts.items())
