"""How long and how many the texts of an ad may be on each platform: rows of data, one way to count."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Literal

import yaml

from domain.errors import BadInput, NotFound

Width = Literal["columns", "characters"]
Weight = Literal["hard", "soft"]

#: The format that content is made for where none is named.
DEFAULT_FORMATS: Mapping[str, str] = MappingProxyType(
    {
        "google": "pmax",
        "meta": "feed",
        "linkedin": "single",
        "tiktok": "in_feed",
        "producthunt": "launch",
        "in_chat": "card",
    }
)


@dataclass(frozen=True, kw_only=True)
class Limit:
    """What one field of one format may hold.

    Attributes:
        platform, format, field: Which; as `limits.yaml` names them.
        least, most: How many texts.
        soft: From what length a text is cut off or advised against; None = nothing said.
        hard: Longest text that the platform takes.
        cjk: Longest text with wide characters, where it differs.
        short: At least one text of the field is no longer than this.
        width: What is counted: characters, or columns (wide characters take two).
        note: What else the source says.
        source: Where it is published.
        checked_on, expires_on: When it was compared with its source, and until when that holds.
    """

    platform: str
    format: str
    field: str
    least: int
    most: int
    hard: int
    width: Width
    source: str
    checked_on: date
    expires_on: date
    soft: int | None = None
    cjk: int | None = None
    short: int | None = None
    note: str = ""

    def room(self, text: str) -> int:
        """Return the hard limit that holds for this text, in the units of `size`."""
        return self.cjk if self.cjk is not None and is_wide(text) else self.hard

    def size(self, text: str) -> int:
        """Return how long a text counts here."""
        return columns(text) if self.width == "columns" else len(text)

    def aim(self, text: str) -> int:
        """Return the length to write for: the soft limit where there is one."""
        return min(self.soft or self.hard, self.room(text))


@dataclass(frozen=True, kw_only=True)
class Breach:
    """One text, or number of texts, that does not fit.

    Attributes:
        field: Of the ad.
        weight: `hard`: the platform refuses it. `soft`: it is cut off.
        message: One sentence that says what to change.
        text: The text; empty if it is about how many there are.
    """

    field: str
    weight: Weight
    message: str
    text: str = ""


def columns(text: str) -> int:
    """Return columns: wide and full-width characters take two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def is_wide(text: str) -> bool:
    """Tell whether a text has wide characters, as Japanese has."""
    return any(unicodedata.east_asian_width(c) in "WF" for c in text)


def check(platform: str, field: str, text: str, format: str | None = None) -> tuple[Breach, ...]:
    """Return what is wrong with the length of one text.

    Args:
        platform: Of `DEFAULT_FORMATS`.
        field: As the platform names it.
        text: What is to be sent.
        format: The platform's default format if None.

    Raises:
        NotFound: `limit_unknown` if there is no such platform, format or field.
    """
    limit = limit_of(platform, field, format)
    size, room = limit.size(text), limit.room(text)
    if not text.strip():
        return (Breach(field=field, weight="hard", message=f"Write the {field}; it is empty."),)
    if size > room:
        message = f"Shorten it from {size} to {room} {limit.width}."
        return (Breach(field=field, weight="hard", message=message, text=text),)
    if limit.soft is not None and size > limit.soft:
        message = f"Beyond {limit.soft} {limit.width} it may be cut off; it has {size}."
        return (Breach(field=field, weight="soft", message=message, text=text),)
    return ()


def check_set(
    platform: str, texts: Mapping[str, Sequence[str]], format: str | None = None
) -> tuple[Breach, ...]:
    """Return what is wrong with all texts of one ad: lengths, numbers, short ones that are missing.

    Raises:
        NotFound: `limit_unknown` if a field is not one of the format's.
    """
    found = [
        breach
        for field, written in texts.items()
        for text in written
        for breach in check(platform, field, text, format)
    ]
    for limit in fields_of(platform, format):
        written = texts.get(limit.field, ())
        if len(written) < limit.least:
            found.append(
                _counted(limit, f"Write at least {limit.least}; there are {len(written)}.")
            )
        if len(written) > limit.most:
            found.append(_counted(limit, f"Leave at most {limit.most}; there are {len(written)}."))
        short = limit.short
        if short and written and all(limit.size(text) > short for text in written):
            found.append(_counted(limit, f"Write one of at most {short} {limit.width}."))
    return tuple(found)


def fields_of(platform: str, format: str | None = None) -> tuple[Limit, ...]:
    """Return the fields of a format, in the order of the file.

    Raises:
        NotFound: `limit_unknown`.
    """
    named = format or DEFAULT_FORMATS.get(platform, "")
    found = tuple(r for r in load_limits() if (r.platform, r.format) == (platform, named))
    if not found:
        raise NotFound("limit_unknown", f"No limits are known for {platform}.{named}.")
    return found


def limit_of(platform: str, field: str, format: str | None = None) -> Limit:
    """Return the limit of one field.

    Raises:
        NotFound: `limit_unknown`.
    """
    for limit in fields_of(platform, format):
        if limit.field == field:
            return limit
    raise NotFound("limit_unknown", f"No limit is known for {field!r} on {platform}.")


def expired(day: date) -> tuple[Limit, ...]:
    """Return the rows that have to be compared with their source again."""
    return tuple(limit for limit in load_limits() if limit.expires_on < day)


@cache
def load_limits() -> tuple[Limit, ...]:
    """Return the rows this installation ships with."""
    return read_limits(files("agents.content_creator").joinpath("limits.yaml").read_text("utf-8"))


def read_limits(text: str) -> tuple[Limit, ...]:
    """Return the rows of a YAML text.

    Raises:
        BadInput: `bad_limits`, with the row that breaks the form.
    """
    rows: list[dict[str, Any]] = yaml.safe_load(text)
    return tuple(_row(row) for row in rows)


def _row(row: dict[str, Any]) -> Limit:
    try:
        values = dict(row)
        platform, format, field = str(values.pop("id")).split(".")
        least, most = values.pop("count")
        if values["width"] not in ("columns", "characters") or not 0 <= least <= most:
            raise ValueError("width or count")
        return Limit(
            platform=platform, format=format, field=field, least=least, most=most, **values
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(
            "bad_limits", f"Limit {row.get('id')!r} has a wrong form: {error}."
        ) from None


def _counted(limit: Limit, message: str) -> Breach:
    return Breach(field=limit.field, weight="hard", message=message)
