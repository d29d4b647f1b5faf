"""Nodes that die or are told to stop the first time they run: the same for every graph."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from langgraph.runtime import RunControl

from tests.support.campaigns import Crash


def dies_once(
    monkeypatch: pytest.MonkeyPatch, home: ModuleType, name: str, when: str
) -> list[dict[str, Any]]:
    """Let a node's worker die `before` its work, or `after` it and before the checkpoint.

    Returns:
        The state of each call, as they come.
    """
    real, calls = getattr(home, name), list[dict[str, Any]]()

    async def dying(state: Any, runtime: Any) -> Any:
        calls.append(dict(state))
        first = len(calls) == 1
        if first and when == "before":
            raise Crash
        update = await real(state, runtime)
        if first:
            raise Crash
        return update

    dying.__name__ = name
    monkeypatch.setattr(home, name, dying)
    return calls


def stops_once(
    monkeypatch: pytest.MonkeyPatch, home: ModuleType, name: str
) -> tuple[list[dict[str, Any]], RunControl]:
    """Tell the worker to stop while a node works.

    Returns:
        The state of each call, as they come, and the control to run the graph with.
    """
    real, calls, control = getattr(home, name), list[dict[str, Any]](), RunControl()

    async def told_to_stop(state: Any, runtime: Any) -> Any:
        calls.append(dict(state))
        control.request_drain()
        return await real(state, runtime)

    told_to_stop.__name__ = name
    monkeypatch.setattr(home, name, told_to_stop)
    return calls, control
