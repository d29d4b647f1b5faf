"""Product sources on the wire."""

from __future__ import annotations

from pydantic import Field

from api.models.common import Moment, Out


class RowProblemOut(Out):
    """A row that could not be used."""

    line: int
    reason: str


class SourceOut(Out):
    """A landing page or feed that was read."""

    id: str
    kind: str
    name: str
    products: int = Field(description="How many products were found.")
    problems: list[RowProblemOut]
    sha256: str
    size_bytes: int
    created_at: Moment
