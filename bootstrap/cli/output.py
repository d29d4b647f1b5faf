"""What commands print, and how they end.

With `--json` a command prints JSON to stdout and nothing else; progress goes to stderr either way.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from functools import wraps
from typing import Annotated, Any, ParamSpec

import msgspec
import typer
from rich.console import Console
from rich.markup import escape

from domain.errors import ParleyError

P = ParamSpec("P")

Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


class Exit(IntEnum):
    """How a command ended."""

    OK = 0
    DEFECT = 1
    USAGE = 2
    REFUSED = 3
    WAITS = 4
    UNAVAILABLE = 5


def print_json(value: object) -> None:
    """Print one value as one line of JSON; characters that UTF-8 cannot carry are escaped."""
    sys.stdout.write(msgspec.json.encode(_printable(value)).decode() + "\n")


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_printable(key): _printable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_printable(item) for item in value]
    return value


def guarded(command: Callable[P, None]) -> Callable[P, None]:
    """Turn expected failures into one sentence and an exit code."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except ParleyError as error:
            if kwargs.get("as_json"):
                print_json(error.problem())
            err.print(f"[red]✗[/red] {escape(error.detail)}", soft_wrap=True)
            for tail in str(error.extra.get("log_tail", "")).splitlines()[-8:]:
                err.print(f"    {escape(tail)}", style="dim", soft_wrap=True)
            raise typer.Exit(Exit.UNAVAILABLE if error.status == 503 else Exit.REFUSED) from error

    return run


@contextmanager
def working(message: str, *, quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """Show a spinner with a changing message on stderr while something takes long."""
    if quiet or not err.is_terminal:
        yield lambda _message: None
        return
    with err.status(message) as status:
        yield status.update


def line(mark: str, what: str, detail: str = "") -> None:
    """Print one line of progress to stderr: a mark, a short name, a sentence."""
    err.print(f" {mark} [bold]{what:<12}[/bold] {detail}", soft_wrap=True)
