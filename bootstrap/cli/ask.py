"""`ask`: a question about performance in plain words."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from bootstrap.cli.client import connect
from bootstrap.cli.output import Json, guarded, line, out, print_json


@guarded
def ask(
    question: Annotated[str, typer.Argument(help="What you want to know, in your own words.")],
    sources: Annotated[
        bool, typer.Option("--sources", help="Say where each number is from.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Ask how ads did, in words; every number is counted twice before it is shown."""
    answer = connect().post("/api/v1/analytics/ask", {"question": question})
    if as_json:
        print_json(answer)
        return
    out.print(escape(answer["text"]), soft_wrap=True)
    for note in answer["notes"]:
        line("!", "note", escape(note))
    for warning in answer["warnings"]:
        line("!", "warning", escape(warning))
    if not sources:
        return
    for query in answer["queries"]:
        line(
            "·",
            "query",
            f"{query['id']}  {query['first']} – {query['last']}  {query['rows']} rows  "
            f"sql {query['sql_hash'][:12]}",
        )
    for figure in answer["figures"]:
        line(
            "=", figure["metric"], f"{escape(figure['text'])}  ({figure['what']}) {figure['query']}"
        )
