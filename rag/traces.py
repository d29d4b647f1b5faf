"""Traces of the stages to LangSmith, when it is switched on; text stays here unless it is allowed to leave.

LangChain switches tracing on by itself where `LANGSMITH_TRACING` is set, and would then send every input and
output. A tracer of our own takes its place in every call: it sends names, timings, counts and errors' types.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.tracers.langchain import LangChainTracer

from rag.answer_types import Question

if TYPE_CHECKING:
    from langsmith import Client

_ON = frozenset({"1", "true", "yes", "on", "allowed"})
#: Switched on, questions, passages and answers are part of the traces.
TEXT_VARIABLE = "PARLEY_TRACE_TEXT"
_TRACING_VARIABLES = (
    "PARLEY_TRACE",
    "LANGSMITH_TRACING",
    "LANGSMITH_TRACING_V2",
    "LANGCHAIN_TRACING_V2",
)


def is_on(environ: Mapping[str, str] | None = None) -> bool:
    """Tell whether traces are wanted."""
    values = os.environ if environ is None else environ
    return any(values.get(name, "").strip().lower() in _ON for name in _TRACING_VARIABLES)


def stage_tracers(environ: Mapping[str, str] | None = None) -> list[BaseCallbackHandler]:
    """Return the callbacks that a chain is run with; none, and nothing is sent, where tracing is off.

    Args:
        environ: Variables; the process's own by default.
    """
    values = os.environ if environ is None else environ
    if not is_on(values):
        return []
    shown = values.get(TEXT_VARIABLE, "").strip().lower() in _ON
    client = _client(values.get("LANGSMITH_ENDPOINT"), values.get("LANGSMITH_API_KEY"), shown)
    project = values.get("PARLEY_TRACE_PROJECT") or values.get("LANGSMITH_PROJECT") or "parley"
    return [LangChainTracer(client=client, project_name=project)]


def close_tracing(timeout_s: float = 5.0) -> None:
    """Send what is still waiting, for at most a time, and let go of the clients."""
    for client in _clients:
        client.close(timeout_s)
    _clients.clear()
    _client.cache_clear()


#: Clients that are open; each sends from a thread of its own, so that no answer waits for it.
_clients: list[Client] = []


@lru_cache(maxsize=4)
def _client(endpoint: str | None, key: str | None, shown: bool) -> Client:
    # The SDK takes half a second to import; only who traces pays for it.
    from langsmith import Client  # noqa: PLC0415

    hide: dict[str, Any] = {} if shown else {"hide_inputs": _shape, "hide_outputs": _shape}
    client = Client(api_url=endpoint, api_key=key, **hide)
    _clients.append(client)
    return client


def _shape(values: dict[str, Any]) -> dict[str, Any]:
    """Return what may be told of values: how many, of which type, how long, never what they say."""
    return {str(name): _size(value) for name, value in values.items()}


def _size(value: Any) -> str | dict[str, float]:
    if isinstance(value, Question):
        found = value.retrieved
        return {**(found.timings_ms if found else {}), **value.times}
    if isinstance(value, str):
        return f"text of {len(value)} characters"
    if isinstance(value, list | tuple | dict | set | frozenset):
        return f"{type(value).__name__} of {len(value)}"
    if isinstance(value, bool | int | float) or value is None:
        return str(value)
    return type(value).__name__
