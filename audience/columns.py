"""Which column of a list holds what."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

from domain.errors import BadInput, Unprocessable

_OTHER = re.compile(r"[^0-9a-z\u3040-\u30ff\u4e00-\u9fff]+")


def fields() -> tuple[str, ...]:
    """Return the fields that a column can hold."""
    return tuple(dict.fromkeys(_known().values()))


def columns_of(header: Sequence[str], mapping: Mapping[str, str]) -> dict[str, int]:
    """Return where each field stands.

    Args:
        header: The first line.
        mapping: Field to header, where the caller says so; all others are told from the header.

    Raises:
        BadInput: `mapping_field` for a field that there is not.
        Unprocessable: `column_missing` for a header that there is not; `no_contact_column` if none holds
            e-mail addresses or telephone numbers.
    """
    names = [_plain(cell) for cell in header]
    found: dict[str, int] = {}
    for field, column in mapping.items():
        if field not in fields():
            raise BadInput(
                "mapping_field",
                f"{field[:40]!r} is no field of a lead; there are {', '.join(fields())}.",
            )
        wanted = _plain(column)
        if wanted not in names:
            raise Unprocessable(
                "column_missing", f"The file has no column {column[:60]!r}; check its first line."
            )
        found[field] = names.index(wanted)
    taken = set(found.values())
    for number, name in enumerate(names):
        known = _known().get(name)
        if known and known not in found and number not in taken:
            found[known] = number
    if "email" not in found and "phone" not in found:
        raise Unprocessable(
            "no_contact_column",
            "No column holds e-mail addresses or telephone numbers; name it with a mapping such as email=Column.",
        )
    return found


def _plain(cell: str) -> str:
    return _OTHER.sub(" ", unicodedata.normalize("NFKC", cell).casefold()).strip()


@cache
def _known() -> dict[str, str]:
    rows = files("audience").joinpath("columns.tsv").read_text("utf-8").splitlines()
    split = [row.split("\t") for row in rows if row and not row.startswith("#")]
    return {name: field for field, *names in split for name in names}
