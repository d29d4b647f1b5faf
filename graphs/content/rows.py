"""From the row of a run to the graph's input, and from its end to what stays on the row."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from catalog.tables import Run
from graphs.content.state import ContentInput


def content_input(run: Run) -> ContentInput:
    """Return what a content run starts with."""
    return ContentInput(
        goal=run.goal,
        site_url=run.inputs.get("site_url"),
        page_source_id=run.inputs.get("page_source_id"),
        feed_source_id=run.inputs.get("feed_source_id"),
        order=json.dumps(run.inputs.get("order") or {}, ensure_ascii=False),
    )


def content_result(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is written on the row of a content run that has ended."""
    return {
        "outcome": values["outcome"],
        "reason": values.get("reason", ""),
        "assets": values.get("assets", []),
    }
