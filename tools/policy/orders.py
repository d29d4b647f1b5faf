"""Words that give orders to a machine. Depth only: nothing rests on this list alone."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

from tools.policy.links import plain_text


def gives_orders(text: str) -> bool:
    """Return whether a text speaks to a machine about its instructions, in English or Japanese."""
    shown = plain_text(text)
    return any(pattern.search(shown) for pattern in _patterns())


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    lines = resources.files(__package__).joinpath("orders.txt").read_text("utf-8").splitlines()
    return tuple(re.compile(line, re.IGNORECASE) for line in lines if line and line[0] != "#")
