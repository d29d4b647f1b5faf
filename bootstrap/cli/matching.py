"""`match`: which tags stand in your own texts, by the published rule. Needs no service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bootstrap.cli.lines import read_json_lines
from bootstrap.cli.output import guarded, print_json
from fastpath.offline_match import match_file


@guarded
def match(
    jsonl: Annotated[
        Path, typer.Option("--jsonl", help="Rows of {id, lang?, text, tags}, or - for stdin.")
    ],
) -> None:
    """Say which tags stand in texts, by the published rule. Needs no service.

    One {id, matched} per row, in order of the rows. Tags are written in English; a Japanese text is
    matched with the forms that the compiler makes of them.
    A row that cannot be used gives an error entry and the rest goes on.
    """
    for result in match_file(read_json_lines(jsonl)):
        print_json(result)
