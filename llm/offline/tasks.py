"""The tasks that the offline model can do, and what a task gets to read.

A task is a plain function from an `OfflineRequest` to the fields of the schema that was bound. Tasks are
registered by the composition root (`offline_model(tasks=…)`), never at import.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage

from domain.errors import BadInput, Unprocessable
from llm.marks import bare
from llm.offline.brief.batch import brief_dict
from llm.offline.brief.parser import parse_goal


@dataclass(frozen=True)
class OfflineRequest:
    """What the model was asked.

    Attributes:
        messages: The whole conversation.
        schema: JSON schema of the answer that is wanted.
    """

    messages: tuple[BaseMessage, ...]
    schema: dict[str, Any]

    @property
    def last_human(self) -> str:
        """The text of the last human message, empty if there is none."""
        for message in reversed(self.messages):
            if isinstance(message, HumanMessage):
                return str(message.text)
        return ""

    def section(self, tag: str) -> Any:
        """Return what stands between `<tag …>` and `</tag>` in the last human message.

        JSON objects and arrays are parsed, anything else is returned as text; None if there is no such
        section. Marks and tags of quoted material are left out (see `llm.marks`).
        """
        match = re.search(rf"<{tag}(?:\s[^<>]*)?>(.*?)</{tag}>", self.last_human, re.DOTALL)
        if match is None:
            return None
        body = re.sub(r"&lt;(?=\s*/?\s*[A-Za-z_]+)", "<", bare(match[1]).strip())
        if body[:1] in ("{", "["):
            try:
                return json.loads(body)
            except json.JSONDecodeError:
                return body
        return body


Task = Callable[[OfflineRequest], dict[str, Any]]


class TaskRegistry:
    """Tasks by the name of the bound tool or schema."""

    def __init__(self) -> None:
        self._tasks: dict[str, Task] = {}

    def register_task(self, name: str, task: Task) -> None:
        """Add a task, or replace the one of that name."""
        self._tasks[name] = task

    def __contains__(self, name: object) -> bool:
        return name in self._tasks

    def run(self, name: str, request: OfflineRequest) -> dict[str, Any]:
        """Do a task.

        Raises:
            Unprocessable: `offline_task_unknown` if there is no rule for it.
        """
        task = self._tasks.get(name)
        if task is None:
            raise Unprocessable(
                "offline_task_unknown",
                f"The rule-based model has no rules for {name!r}; configure a live model for it.",
            )
        return task(request)


def read_brief(request: OfflineRequest) -> dict[str, Any]:
    """Task `Brief`: read the `<goal>` relative to `<today>`.

    Raises:
        BadInput: if there is no readable goal or day.
    """
    goal, today = request.section("goal"), request.section("today")
    try:
        day = date.fromisoformat(str(today))
    except ValueError as error:
        raise BadInput("bad_today", f"{today!r} is not a date; use YYYY-MM-DD.") from error
    text = goal if isinstance(goal, str) else json.dumps(goal, ensure_ascii=False)
    return brief_dict(parse_goal(text, day))


def built_in(tasks: Sequence[tuple[str, Task]] = ()) -> TaskRegistry:
    """Return a registry with the built-in tasks and the given ones."""
    registry = TaskRegistry()
    registry.register_task("Brief", read_brief)
    for name, task in tasks:
        registry.register_task(name, task)
    return registry
