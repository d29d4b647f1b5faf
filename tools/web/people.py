"""People are not scraped: pages about them are refused, and what would name or reach one is left out."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from domain.errors import Unprocessable

_MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
#: At least nine digits with a leading + or 0: a price, a size or a year is shorter or begins otherwise.
_PHONE = re.compile(r"(?<![\w.,])(?:\+\d|\(?0\d)[\d\s().‐–-]{7,18}\d(?![\w.,]?\d)")
_LEFT_OUT = "[left out]"


def check_no_person(host: str, path: str) -> None:
    """Raise unless an address is about something else than a person.

    Raises:
        Unprocessable: `people_not_scraped`.
    """
    name = host.lower().rstrip(".")
    for owner, pattern in _pages():
        if (name == owner or name.endswith(f".{owner}")) and pattern.match(path or "/"):
            raise Unprocessable(
                "people_not_scraped",
                f"{name[:100]}{path[:60]} is a page about a person; people are not looked up. Import leads that "
                "agreed to it, or use the platform's own lead forms.",
            )


def without_contacts(text: str) -> str:
    """Return a text in which e-mail addresses and telephone numbers are left out."""
    return _PHONE.sub(_LEFT_OUT, _MAIL.sub(_LEFT_OUT, text))


@cache
def _pages() -> tuple[tuple[str, re.Pattern[str]], ...]:
    rows = files("tools.web").joinpath("people.tsv").read_text("utf-8").splitlines()
    pairs = (row.split("\t") for row in rows if row and not row.startswith("#"))
    return tuple((host, re.compile(path, re.I)) for host, path in pairs)
