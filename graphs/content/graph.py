"""The content graph, version 1.

understand ─┬─ refuse ─────────────────────────────────────────────────────────────► END
            └─ read_sources ─► write (one per channel) ─► check ─┬─ next_round ─► write   (at most twice)
                                                                 ├─ give_up ──────────► END
                                                                 └─┬──────────────────────► collect ─► END
                                                                   └─ draw (one per variant) ─┘
"""

from __future__ import annotations

from typing import Any, Literal

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Send, TimeoutPolicy

from graphs.campaign.v1 import RETRY
from graphs.content import drawing, nodes
from graphs.content.state import MAX_ROUNDS, ContentInput, ContentState, Part
from graphs.context import GraphContext

VERSION = "1"

#: Seconds a node may take before it is tried again.
SLOW, QUICK = TimeoutPolicy(run_timeout=900), TimeoutPolicy(run_timeout=120)

Content = CompiledStateGraph[ContentState, GraphContext, ContentInput, ContentState]


def after_understanding(state: ContentState) -> Literal["refuse", "read_sources"]:
    """Refuse what must not be done."""
    return "refuse" if state["brief"].must_refuse else "read_sources"


def every_channel(state: ContentState) -> list[Send]:
    """Write for all channels side by side."""
    return [Send("write", _part(state, channel)) for channel in state["channels"]]


def after_check(state: ContentState) -> list[Send] | Literal["next_round", "give_up", "collect"]:
    """Write again while rounds are left; draw what passed, each channel and variant side by side."""
    if state["again"] and state["round"] < MAX_ROUNDS:
        return "next_round"
    if not state["passed"]:
        return "give_up"
    return [
        Send("draw", Part(**_part(state, channel), arm=arm))
        for channel, _, arm in (name.partition("/") for name in drawing.parts(state))
    ] or "collect"


def objected_channels(state: ContentState) -> list[Send]:
    """Write again for the channels that something was objected to in."""
    return [Send("write", _part(state, channel)) for channel in state["again"]]


def _part(state: ContentState, channel: str) -> Part:
    return Part(brief=state["brief"], order=state["order"], channel=channel, round=state["round"])


def build(checkpointer: BaseCheckpointSaver[Any] | None = None) -> Content:
    """Return the compiled graph.

    Args:
        checkpointer: Where progress is kept between nodes; None for a graph that only gets drawn.
    """
    graph = StateGraph(ContentState, context_schema=GraphContext, input_schema=ContentInput)
    for node, timeout in (
        (nodes.understand, SLOW),
        (nodes.read_sources, SLOW),
        (nodes.check, SLOW),
        (nodes.next_round, QUICK),
        (nodes.collect, SLOW),
        (nodes.refuse, QUICK),
        (nodes.give_up, QUICK),
    ):
        graph.add_node(node.__name__, node, retry_policy=RETRY, timeout=timeout)
    for part in (nodes.write, nodes.draw):
        graph.add_node(part.__name__, part, input_schema=Part, retry_policy=RETRY, timeout=SLOW)

    graph.add_edge(START, "understand")
    graph.add_conditional_edges("understand", after_understanding)
    graph.add_conditional_edges("read_sources", every_channel, ["write"])
    graph.add_edge("write", "check")
    graph.add_conditional_edges("check", after_check, ["next_round", "give_up", "draw", "collect"])
    graph.add_edge("draw", "collect")
    graph.add_conditional_edges("next_round", objected_channels, ["write"])
    for last in ("refuse", "give_up", "collect"):
        graph.add_edge(last, END)
    return graph.compile(checkpointer=checkpointer, name=f"content-v{VERSION}")
