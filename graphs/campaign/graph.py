"""The campaign graph, version 2.

understand ─┬─ refuse ────────────────────────────────► END
    ▲       ├─ clarify (waits for a person) ─┐
    └───────┼────────────────────────────────┘
            └─ read_sources ─┬─ research ─┬─► write ─► check ─┬─ revise ─► check   (at most 3 times)
                             └─ lead_gen ─┘                   ├─ give_up ─────────► END
                                                              └─ plan ─► submit ─┬────────────────┬─► approve
                                                                   for each ─► plan_channel     (waits)
                                                                   other channel
                                                approve ─┬─ launch ─┬─ watch ─► END
                                                         └─ reject  └─ END (not launched)
"""

from __future__ import annotations

from typing import Any, Literal

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send, TimeoutPolicy

from graphs.campaign import nodes, steps
from graphs.campaign.state import MAX_ROUNDS, CampaignInput, CampaignState
from graphs.campaign.v1 import RETRY, Campaign, after_approval, after_understanding
from graphs.context import GraphContext

VERSION = "2"

#: Seconds a node may take before it is tried again; models and pages are slow, the catalogue is not.
SLOW, QUICK = TimeoutPolicy(run_timeout=900), TimeoutPolicy(run_timeout=120)


def after_check(state: CampaignState) -> Literal["revise", "give_up", "plan"]:
    """Send creatives back while rounds are left; go on with those that passed."""
    if state["to_revise"] and state.get("round", 0) < MAX_ROUNDS:
        return "revise"
    return "plan" if state["passed"] else "give_up"


def after_submit(state: CampaignState) -> list[Send] | Literal["approve"]:
    """Plan every channel other than chats, side by side; then a person sees the whole."""
    parts = steps.parts_elsewhere(state)
    return [Send("plan_channel", part) for part in parts] or "approve"


def after_launch(state: CampaignState) -> Literal["watch", "__end__"]:
    """Only what went live is watched."""
    return "watch" if state["outcome"] == "launched" else "__end__"


def build(checkpointer: BaseCheckpointSaver[Any] | None = None) -> Campaign:
    """Return the compiled graph.

    Args:
        checkpointer: Where progress is kept between nodes; None for a graph that only gets drawn.
    """
    graph = StateGraph(CampaignState, context_schema=GraphContext, input_schema=CampaignInput)
    for node, timeout in (
        (nodes.understand, SLOW),
        (nodes.read_sources, SLOW),
        (steps.research, SLOW),
        (steps.lead_gen, SLOW),
        (nodes.write, SLOW),
        (steps.check, SLOW),
        (nodes.revise, SLOW),
        (nodes.plan, QUICK),
        (steps.submit, QUICK),
        (steps.plan_channel, QUICK),
        (steps.launch, QUICK),
        (steps.watch, QUICK),
        (nodes.refuse, QUICK),
        (nodes.reject, QUICK),
        (nodes.give_up, QUICK),
    ):
        graph.add_node(node.__name__, node, retry_policy=RETRY, timeout=timeout)
    # Nodes that wait for a person do nothing else, so there is nothing to try again.
    graph.add_node("clarify", nodes.clarify)
    graph.add_node("approve", steps.approve)

    graph.add_edge(START, "understand")
    graph.add_conditional_edges("understand", after_understanding)
    graph.add_edge("clarify", "understand")
    graph.add_edge("read_sources", "research")
    graph.add_edge("read_sources", "lead_gen")
    graph.add_edge(["research", "lead_gen"], "write")
    graph.add_edge("write", "check")
    graph.add_conditional_edges("check", after_check)
    graph.add_edge("revise", "check")
    graph.add_edge("plan", "submit")
    graph.add_conditional_edges("submit", after_submit, ["plan_channel", "approve"])
    graph.add_edge("plan_channel", "approve")
    graph.add_conditional_edges("approve", after_approval)
    graph.add_conditional_edges("launch", after_launch)
    for last in ("refuse", "give_up", "watch", "reject"):
        graph.add_edge(last, END)
    return graph.compile(checkpointer=checkpointer, name=f"campaign-v{VERSION}")
