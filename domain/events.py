"""What a run tells while it works: typed, small, and free of anybody's text but the marketer's own."""

from __future__ import annotations

from typing import Literal

import msgspec

ProgressType = Literal["step", "question", "warning", "artefact", "finished"]
Plain = str | int | float | bool | None


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """One thing a person watching a run should see.

    Attributes:
        run_id: The run.
        type: `step` (work done), `question` (it waits), `warning`, `artefact` (something was made),
            `finished`.
        step: Node of the graph.
        message: One line for a person.
        at_ms: When, UTC milliseconds.
        data: Numbers and ids that go with it.
    """

    run_id: str
    type: ProgressType
    step: str
    message: str
    at_ms: int
    data: dict[str, Plain | list[Plain]] = {}


def progress_stream(run_id: str) -> str:
    """Return the name of the Redis stream that carries a run's progress."""
    return f"parley:runs:{run_id}"
