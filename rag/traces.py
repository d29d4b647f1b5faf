"""Traces of the stages to LangSmith, when it is switched on; text stays here unless it is allowed to leave.

LangChain switches tracing on by itself where `LANGSMITH_TRACING` is set, and would then send every input and
output. A tracer of our own takes its place in every call: it sends names, timings, counts and errors' types.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.tracers.langchain import LangChainTracer

if TYPE_CHECKING:
    from langsmith import Client

_ON = frozenset({"1", "true", "yes", "on"})
#: Set to `allowed`, questions, passages and answers are part of the traces.
TEXT_VARIABLE = "PARLEY_TRACE_TEXT"
_TRACING_VARIABLES = ("LANGSMITH_TRACING", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING_V2")

MakeClient = Callable[..., "Client"]


def is_on(environ: Mapping[str, str] | None = None) -> bool:
    """Tell whether traces are wanted."""
    values = os.environ if environ is None else environ
    return any(values.get(name, "").strip().lower() in _ON for name in _TRACING_VARIABLES)


@contextmanager
def stage_tracers(
    environ: Mapping[str, str] | None = None, make_client: MakeClient | None = None
) -> Iterator[list[BaseCallbackHandler]]:
    """Yield the callbacks that a chain is run with; none, and nothing sent, where tracing is off.

    Args:
        environ: Variables; the process's own by default.
        make_client: Makes the LangSmith client; its class by default.
    """
    values = os.environ if environ is None else environ
    if not is_on(values):
        yield []
        return
    # The SDK takes half a second to import; only who traces pays for it.
    from langsmith import Client  # noqa: PLC0415

    make = make_client or Client
    hide: dict[str, Any] = {}
    if values.get(TEXT_VARIABLE, "").strip().lower() != "allowed":
        hide = {"hide_inputs": _shape, "hide_outputs": _shape}
    client = make(**hide)
    try:
        yield [
            LangChainTracer(client=client, project_name=values.get("LANGSMITH_PROJECT", "parley"))
        ]
    finally:
        client.flush()


def _shape(values: dict[str, Any]) -> dict[str, Any]:
    """Return what may be told of values: how many, of which type, how long, never what they say."""
    return {str(name): _size(value) for name, value in values.items()}


def _size(value: Any) -> str:
    if isinstance(value, str):
        return f"text of {len(value)} characters"
    if isinstance(value, list | tuple | dict | set | frozenset):
        return f"{type(value).__name__} of {len(value)}"
    if isinstance(value, bool | int | float) or value is None:
        return str(value)
    return type(value).__name__
