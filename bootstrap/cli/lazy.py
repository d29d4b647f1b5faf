"""Commands that are loaded when they are called: most parts take longer to import than to use."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

_places: dict[tuple[str, str], str] = {}


class _Lazy(TyperGroup):
    """A group that replaces the chosen entry of its help by the real command."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Load the command that is called."""
        place = _places.get((self.name or "", args[0]))
        if place is not None:
            self.commands[args[0]] = _load(args[0], place)
        return super().resolve_command(ctx, args)


def group(
    name: str, about: str, commands: Mapping[str, tuple[str, str]], **options: Any
) -> typer.Typer:
    """Return a group of commands that are not loaded yet.

    Args:
        name: Its name.
        about: What its help says.
        commands: By name: where the function is (`module:function`) and the first sentence of its help;
            an empty sentence hides it.
        **options: Further options of `typer.Typer`.
    """
    app = typer.Typer(
        name=name,
        help=about,
        cls=_Lazy,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        **options,
    )
    for command, (place, sentence) in commands.items():
        _places[name, command] = place
        app.command(command, help=sentence, hidden=not sentence)(_not_loaded)
    return app


def function_at(place: str) -> Any:
    """Return the function at `module:function`."""
    module, _, function = place.partition(":")
    return getattr(import_module(module), function)


def _load(name: str, place: str) -> Any:
    single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    single.command(name)(function_at(place))
    return typer.main.get_command(single)


def _not_loaded() -> None:
    """Stand in the help for a command; never called."""
    raise AssertionError("a command is loaded before it is called")
