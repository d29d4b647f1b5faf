"""What a run tells while it works: typed, small, and free of anybody's text but the marketer's own."""

from __future__ import annotations

from typing import Literal

import msgspec

ProgressType = Literal[
    "step", "agent", "tool", "cost", "question", "warning", "artefact", "finished"
]
Plain = str | int | float | bool | None


class Progress(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing a person watching a run should see.

    Attributes:
        run_id: The run.
        type: `step` (work done), `agent` (one begins), `tool` (one was called), `cost` (a model was paid),
            `question` (it waits), `warning`, `artefact` (something was made), `finished`.
        step: Node of the graph.
        message: One line for a person.
        at_ms: When, UTC milliseconds.
        data: Numbers and ids that go with it.
        org_id, campaign_id: Whose run it is and which campaign it works on; empty = not known (yet).
    """

    run_id: str
    type: ProgressType
    step: str
    message: str
    at_ms: int
    data: dict[str, Plain | list[Plain]] = {}
    org_id: str = ""
    campaign_id: str = ""


def progress_stream(run_id: str) -> str:
    """Return the name of the Redis stream that carries a run's progress."""
    return f"parley:runs:{run_id}"


def campaign_stream(campaign_id: str) -> str:
    """Return the name of the stream with everything about one campaign."""
    return f"parley:campaigns:{campaign_id}"


def organisation_stream(org_id: str) -> str:
    """Return the name of the stream with everything about one organisation's runs."""
    return f"parley:orgs:{org_id}"


def streams_of(event: Progress) -> tuple[str, ...]:
    """Return every stream an event goes to: its run's, and its campaign's and organisation's if known."""
    found = [progress_stream(event.run_id)]
    if event.campaign_id:
        found.append(campaign_stream(event.campaign_id))
    if event.org_id:
        found.append(organisation_stream(event.org_id))
    return tuple(found)
