"""Compares what a scenario expects with what there is, and says every difference with its place.

A plain value must be equal; a mapping is compared key by key and may leave keys out; a list is compared
item by item. A mapping whose keys begin with `$` is a condition:

    {$min: 1, $max: 5}   a number between          {$in: [a, b]}        one of these
    {$has: [JP]}         a list with at least these {$without: [US]}     a list or text without these
    {$matches: 'Ad|広告'} a text with this pattern    {$length: 3}         how many
    {$not: null}         anything but this
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Test = Callable[[Any, Any], bool]

_TESTS: Mapping[str, Test] = {
    "$min": lambda got, want: _number(got) and got >= want,
    "$max": lambda got, want: _number(got) and got <= want,
    "$in": lambda got, want: got in want,
    "$has": lambda got, want: (
        isinstance(got, list | tuple | str | dict) and all(w in got for w in want)
    ),
    "$without": lambda got, want: (
        isinstance(got, list | tuple | str | dict) and not any(w in got for w in want)
    ),
    "$matches": lambda got, want: isinstance(got, str) and re.search(want, got) is not None,
    "$length": lambda got, want: isinstance(got, list | tuple | str | dict) and len(got) == want,
    "$not": lambda got, want: got != want,
}


def differences(want: Any, got: Any, at: str = "") -> Iterator[str]:
    """Yield one sentence for each difference.

    Args:
        want: What is expected, as described above.
        got: JSON-like data.
        at: Where we are.
    """
    place = at or "it"
    if isinstance(want, Mapping) and any(str(key).startswith("$") for key in want):
        for name, value in want.items():
            test = _TESTS.get(str(name))
            if test is None:
                yield f"{place}: {name} is no condition"
            elif not test(got, value):
                yield f"{place} is {_short(got)}, which is not {name[1:]} {_short(value)}"
    elif isinstance(want, Mapping):
        if not isinstance(got, Mapping):
            yield f"{place} is {_short(got)}, not a mapping"
            return
        for key, value in want.items():
            if key not in got:
                yield f"{place} has no {key}"
            else:
                yield from differences(value, got[key], f"{at}.{key}" if at else str(key))
    elif isinstance(want, list | tuple):
        yield from _listed(want, got, at)
    elif want != got or type(want) is bool is not type(got):
        yield f"{place} is {_short(got)}, not {_short(want)}"


def _listed(want: Any, got: Any, at: str) -> Iterator[str]:
    if not isinstance(got, list | tuple):
        yield f"{at or 'it'} is {_short(got)}, not a list"
    elif len(want) != len(got):
        yield f"{at or 'it'} is {_short(list(got))}, not {_short(list(want))}"
    else:
        for number, (one, other) in enumerate(zip(want, got, strict=True)):
            yield from differences(one, other, f"{at}[{number}]")


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 160 else f"{text[:157]}…"
