"""`explain`: why a request got its ad, and why not each other candidate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.markup import escape
from rich.table import Table

from bootstrap.cli.decisions import SnapshotDir, from_file, from_installation
from bootstrap.cli.output import Exit, Json, guarded, line, out, print_json
from bootstrap.cli.recorded import Found
from domain.errors import BadInput, NotFound, ParleyError
from fastpath.explain import Explanation
from fastpath.replay import explain as explanation_of


@guarded
def explain(
    what: Annotated[
        str, typer.Argument(help="A request id, or a file of records (`parley replay --export`).")
    ],
    request: Annotated[str | None, typer.Option(help="Only this request of the file.")] = None,
    snapshot: SnapshotDir = None,
    as_json: Json = False,
) -> None:
    """Say why a request got this ad and why not each other candidate.

    It is recomputed from the decision's record and its snapshot; from a file it needs no service.
    """
    path = Path(what)
    if path.is_file():
        found = from_file(path, snapshot)
        if request is not None:
            found = [one for one in found if one[0] == request]
            if not found:
                raise NotFound("request_not_found", f"{path.name} has no request {request[:40]!r}.")
    elif request is not None or snapshot is not None:
        raise BadInput("file_missing", f"{path} is not a file of records.")
    else:
        found = from_installation(what)
    told = [_told(one) for one in found]
    for request_id, found_out in told:
        if as_json:
            print_json(_as_row(request_id, found_out))
        elif isinstance(found_out, str):
            line("✗", escape(request_id), escape(found_out))
        else:
            _show(request_id, found_out)
    if any(isinstance(found_out, str) for _, found_out in told):
        raise typer.Exit(Exit.REFUSED)


def _told(found: Found) -> tuple[str, Explanation | str]:
    """Return the explanation of a record, or the sentence that says why there is none."""
    request_id, record, snapshot = found
    if isinstance(record, str):
        return request_id, record
    if isinstance(snapshot, str):
        return request_id, snapshot
    try:
        return request_id, explanation_of(record, snapshot)
    except ParleyError as error:
        return request_id, error.detail


def _as_row(request_id: str, told: Explanation | str) -> dict[str, Any]:
    if isinstance(told, str):
        return {"request_id": request_id, "error": told}
    row: dict[str, Any] = msgspec.to_builtins(told)
    return {"request_id": request_id, **row}


def _show(request_id: str, told: Explanation) -> None:
    out.print(f"[bold]{escape(request_id)}[/bold]  {escape(told.summary)}")
    out.print(
        f"{told.language}, {told.intent}, opportunity {told.opportunity:.2f}; tags:"
        f" {escape(', '.join(told.tags) or 'none')}"
    )
    if not told.candidates:
        return
    table = Table(box=None)
    for name in ("ad", "advertiser", "code", "score", "why"):
        table.add_column(name, justify="right" if name == "score" else "left", no_wrap=name == "ad")
    for one in told.candidates:
        score = f"{one.score / 1e12:.3f}" if one.score else ""
        table.add_row(
            escape(one.ad_id), escape(one.advertiser), one.reason.value, score, escape(one.text)
        )
    out.print(table)
    if told.cut:
        out.print(f"{told.cut} candidates beyond the cap were not looked at.")
