"""The optimisation graph, version 1.

measure ─► judge ─┬─ nothing ─► END
                  └─► guard ─┬─ nothing ─► END
                             └─► approve (waits) ─┬─ decline ─► END
                                                  └─► cut ─► lift ─► rest_ads ─► finish ─► END
"""

from __future__ import annotations

from typing import Any, Literal

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import TimeoutPolicy

from graphs.campaign.v1 import RETRY
from graphs.context import GraphContext
from graphs.optimisation import nodes
from graphs.optimisation.state import OptimisationInput, OptimisationState

VERSION = "1"
QUICK = TimeoutPolicy(run_timeout=120)

Optimisation = CompiledStateGraph[
    OptimisationState, GraphContext, OptimisationInput, OptimisationState
]


def after_judging(state: OptimisationState) -> Literal["guard", "nothing"]:
    """Only proposals are guarded."""
    return "guard" if state["proposed"] else "nothing"


def after_guards(state: OptimisationState) -> Literal["approve", "nothing"]:
    """Nobody is asked about nothing."""
    return "approve" if state["moves"] or state["rests"] else "nothing"


def after_approval(state: OptimisationState) -> Literal["cut", "decline"]:
    """Only an explicit approval changes anything."""
    return "cut" if state["approval"].decision == "approve" else "decline"


def build(checkpointer: BaseCheckpointSaver[Any] | None = None) -> Optimisation:
    """Return the compiled graph.

    Args:
        checkpointer: Where progress is kept between nodes; None for a graph that only gets drawn.
    """
    graph = StateGraph(
        OptimisationState, context_schema=GraphContext, input_schema=OptimisationInput
    )
    for node in (
        nodes.measure,
        nodes.judge,
        nodes.guard,
        nodes.cut,
        nodes.lift,
        nodes.rest_ads,
        nodes.finish,
        nodes.nothing,
        nodes.decline,
    ):
        graph.add_node(node.__name__, node, retry_policy=RETRY, timeout=QUICK)
    # A node that waits for a person does nothing else, so there is nothing to try again.
    graph.add_node("approve", nodes.approve)

    graph.add_edge(START, "measure")
    graph.add_edge("measure", "judge")
    graph.add_conditional_edges("judge", after_judging)
    graph.add_conditional_edges("guard", after_guards)
    graph.add_conditional_edges("approve", after_approval)
    graph.add_edge("cut", "lift")
    graph.add_edge("lift", "rest_ads")
    graph.add_edge("rest_ads", "finish")
    for last in ("finish", "nothing", "decline"):
        graph.add_edge(last, END)
    return graph.compile(checkpointer=checkpointer, name=f"optimisation-v{VERSION}")
