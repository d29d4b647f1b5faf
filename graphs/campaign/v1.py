"""The campaign graph.

understand ─┬─ refuse ────────────────────────────────────► END
    ▲       ├─ clarify (waits for a person) ─┐
    └───────┼────────────────────────────────┘
            └─ read_sources ─► plan ─► write ─► check ─┬─ revise ─► check   (at most 3 times)
                                                      ├─ give_up ─────────► END
                                                      └─ submit ─► approve (waits) ─┬─ launch ─► END
                                                                                    └─ reject ─► END
"""

from __future__ import annotations

from typing import Any, Literal

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import RetryPolicy

from graphs.campaign import nodes
from graphs.campaign.state import MAX_ROUNDS, CampaignInput, CampaignState
from graphs.context import GraphContext
from llm.retry import should_retry

VERSION = "1"

#: LangGraph's own predicate repeats refused keys and gives up on timeouts; ours does the opposite.
RETRY = RetryPolicy(max_attempts=4, initial_interval=0.3, max_interval=5.0, retry_on=should_retry)

Campaign = CompiledStateGraph[CampaignState, GraphContext, CampaignInput, CampaignState]


def after_understanding(state: CampaignState) -> Literal["refuse", "clarify", "read_sources"]:
    """Refuse what must not be done, ask what is missing, otherwise go on."""
    brief = state["brief"]
    if brief.must_refuse:
        return "refuse"
    return "clarify" if brief.must_ask else "read_sources"


def after_check(state: CampaignState) -> Literal["revise", "give_up", "submit"]:
    """Send creatives back while rounds are left; go on with those that passed."""
    if state["to_revise"] and state.get("round", 0) < MAX_ROUNDS:
        return "revise"
    return "submit" if state["passed"] else "give_up"


def after_approval(state: CampaignState) -> Literal["launch", "reject"]:
    """Only an explicit approval launches."""
    return "launch" if state["approval"].decision == "approve" else "reject"


def build(checkpointer: BaseCheckpointSaver[Any] | None = None) -> Campaign:
    """Return the compiled graph.

    Args:
        checkpointer: Where progress is kept between nodes; None for a graph that only gets drawn.
    """
    graph = StateGraph(CampaignState, context_schema=GraphContext, input_schema=CampaignInput)
    for node in (
        nodes.understand,
        nodes.read_sources,
        nodes.plan,
        nodes.write,
        nodes.check,
        nodes.revise,
        nodes.submit,
        nodes.launch,
        nodes.refuse,
        nodes.reject,
        nodes.give_up,
    ):
        graph.add_node(node.__name__, node, retry_policy=RETRY)
    # Nodes that wait for a person do nothing else, so there is nothing to try again.
    graph.add_node("clarify", nodes.clarify)
    graph.add_node("approve", nodes.approve)

    graph.add_edge(START, "understand")
    graph.add_conditional_edges("understand", after_understanding)
    graph.add_edge("clarify", "understand")
    graph.add_edge("read_sources", "plan")
    graph.add_edge("plan", "write")
    graph.add_edge("write", "check")
    graph.add_conditional_edges("check", after_check)
    graph.add_edge("revise", "check")
    graph.add_edge("submit", "approve")
    graph.add_conditional_edges("approve", after_approval)
    for last in ("refuse", "give_up", "launch", "reject"):
        graph.add_edge(last, END)
    return graph.compile(checkpointer=checkpointer, name=f"campaign-v{VERSION}")
