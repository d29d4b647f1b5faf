"""Patterns of the nodes that a run goes through.

Names in order, with `( … )`, `|`, `*`, `+`, `?` as in regular expressions, and `{a b}` for nodes in any
order. A node that is started again after a crash stands there again; `a!` is a start that came to nothing.

    understand read_sources {research lead_gen} write check (revise check)* plan submit approve launch watch

`<made>` stands for a way that many scenarios share (`ways.yaml`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from importlib.resources import files
from itertools import permutations

import yaml

_PARTS = re.compile(r"\s*([a-z_0-9]+!?|[(){}|*+?])")
_WAY = re.compile(r"<([a-z_]+)>")
#: More nodes side by side than that would make a pattern of thousands of orders.
_MOST_BESIDE = 5


@lru_cache(maxsize=512)
def compiled(pattern: str) -> re.Pattern[str]:
    """Return a pattern as a regular expression over `name;name;`.

    Raises:
        ValueError: with what is wrong.
    """
    pattern = _WAY.sub(_way, pattern)
    out: list[str] = []
    beside: list[str] | None = None
    at = 0
    while at < len(pattern.rstrip()):
        found = _PARTS.match(pattern, at)
        if found is None:
            raise ValueError(f"{pattern[at : at + 20].strip()!r} is no part of a pattern")
        at, part = found.end(), found[1]
        if part == "{":
            beside = []
        elif part == "}":
            out.append(_any_order(beside))
            beside = None
        elif beside is not None:
            beside.append(part)
        elif part in "()|*+?":
            out.append("(?:" if part == "(" else part)
        else:
            out.append(_one(part))
    if beside is not None:
        raise ValueError("a { is not closed")
    try:
        return re.compile("".join(out))
    except re.error as error:
        raise ValueError(f"it cannot be read ({error})") from error


def fits(pattern: str, names: Sequence[str]) -> bool:
    """Return whether a run took a way that the pattern allows."""
    return compiled(pattern).fullmatch("".join(f"{name};" for name in names)) is not None


def _way(found: re.Match[str]) -> str:
    ways = _ways()
    if found[1] not in ways:
        raise ValueError(f"there is no way {found[1]!r} in ways.yaml")
    return f"({ways[found[1]]})"


@cache
def _ways() -> dict[str, str]:
    loaded: dict[str, str] = yaml.safe_load(files("evals").joinpath("ways.yaml").read_text("utf-8"))
    return loaded


def _one(name: str) -> str:
    return f"(?:{re.escape(name)};)"


def _any_order(names: Sequence[str] | None) -> str:
    if (
        not names
        or len(names) > _MOST_BESIDE
        or not all(n.rstrip("!").isidentifier() for n in names)
    ):
        raise ValueError(f"between {{ and }} stand 1 to {_MOST_BESIDE} names")
    orders = ("".join(_one(name) for name in order) for order in permutations(names))
    return f"(?:{'|'.join(orders)})"
