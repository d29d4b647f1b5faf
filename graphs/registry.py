"""Every graph and version that a worker can run.

A version is never changed in a way that a waiting run would notice: it gets a successor, and stays here until
no run is left on it. Adding a graph means one entry here and one line in `graphs.versions`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph.state import CompiledStateGraph

from catalog.tables import Run
from domain.errors import Unavailable
from graphs.campaign import graph as campaign
from graphs.campaign import v1 as first_campaign
from graphs.campaign.state import CampaignInput
from graphs.content import graph as content
from graphs.content.rows import content_input, content_result
from graphs.optimisation import graph as optimisation
from graphs.optimisation.state import OptimisationInput

Compiled = CompiledStateGraph[Any, Any, Any, Any]
Build = Callable[[BaseCheckpointSaver[Any] | None], Compiled]


def campaign_input(run: Run) -> CampaignInput:
    """Return what a campaign run starts with."""
    return CampaignInput(
        goal=run.goal,
        site_url=run.inputs.get("site_url"),
        page_source_id=run.inputs.get("page_source_id"),
        feed_source_id=run.inputs.get("feed_source_id"),
        approval_mode=run.inputs.get("approval_mode", "person"),
        controls=json.dumps(run.inputs.get("controls") or {}),
        approval_policy=json.dumps(run.inputs.get("approval_policy") or {}),
    )


def campaign_result(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is written on the row of a campaign run that has ended."""
    return {
        "outcome": values["outcome"],
        "reason": values.get("reason", ""),
        "campaign_id": values.get("campaign_id"),
        "ads": values.get("ads", 0),
    }


def optimisation_input(run: Run) -> OptimisationInput:
    """Return what an optimisation run starts with."""
    return OptimisationInput(
        window_days=int(run.inputs.get("window_days", 28)),
        approval_mode=run.inputs.get("approval_mode", "person"),
        approval_policy=json.dumps(run.inputs.get("approval_policy") or {}),
    )


def optimisation_result(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is written on the row of an optimisation run that has ended."""
    counts = ("campaigns", "under", "moves", "rests", "cut", "cuts_failed", "raised", "rested")
    return {
        "outcome": values["outcome"],
        "reason": values.get("reason", ""),
        **{name: values.get(name, 0) for name in counts},
    }


@dataclass(frozen=True)
class GraphVersion:
    """One version of one graph.

    Attributes:
        graph, version: As they stand on the rows of runs.
        build: Compiles it on a checkpointer. The final state has `outcome`, and may have `reason`.
        first_input: What a new run starts with.
        result: What is kept of the final state; has `outcome` and `reason`.
    """

    graph: str
    version: str
    build: Build
    first_input: Callable[[Run], Mapping[str, Any]] = campaign_input
    result: Callable[[Mapping[str, Any]], dict[str, Any]] = campaign_result


VERSIONS: tuple[GraphVersion, ...] = (
    # Looked up when it is called: the module's own `build`, whoever has it by then.
    GraphVersion("campaign", "1", lambda saver: first_campaign.build(saver)),
    GraphVersion("campaign", "2", lambda saver: campaign.build(saver)),
    GraphVersion(
        "optimisation",
        "1",
        lambda saver: optimisation.build(saver),
        optimisation_input,
        optimisation_result,
    ),
    GraphVersion("content", "1", lambda saver: content.build(saver), content_input, content_result),
)


def find(graph: str, version: str) -> GraphVersion:
    """Return the version of a graph that a run began with.

    Raises:
        Unavailable: `graph_version_unknown`; the run is kept for a worker that knows it.
    """
    for known in VERSIONS:
        if (known.graph, known.version) == (graph, version):
            return known
    raise Unavailable(
        "graph_version_unknown",
        f"This worker does not know version {version} of the {graph} graph; start a newer one.",
    )
