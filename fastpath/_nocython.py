"""What `_core` needs of the `cython` module when Cython is not installed: names for annotations."""

from __future__ import annotations

from typing import Any

compiled = False
ulonglong = int
longlong = int
bint = bool


def place_of(member: Any) -> int:
    """Return that a field lies nowhere: plain Python reads attributes."""
    return -1


def slot_at(one: Any, place: int) -> Any:
    """Stand for what only compiled code does."""
    raise AssertionError(f"no field has the place {place} in plain Python")


def ahead(column: Any, at: int) -> None:
    """Ask for nothing: plain Python has slower things to wait for than memory."""


ahead_bytes = ahead_wide = ahead
