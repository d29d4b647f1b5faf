"""A LangChain chat model made of rules. It sends nothing anywhere and says that it is rule-based."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import LanguageModelInput
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ConfigDict, Field

from llm.offline.tasks import OfflineRequest, Task, TaskRegistry, built_in

MODEL_NAME = "parley-offline-1"
#: Rough length of a token in UTF-8 bytes; the offline model has no tokeniser.
_BYTES_PER_TOKEN = 4
_PLAIN = (
    "[rule-based answer] No language model is configured; I follow fixed rules and answer only the tasks "
    "I have rules for."
)


class OfflineChatModel(BaseChatModel):
    """The rule-based model as a LangChain chat model, tools and structured output included.

    With a bound tool or schema it does the registered task of that name; without, it answers one fixed,
    labelled sentence. The same messages always give the same answer.

    Attributes:
        tasks: What it can do.
        task: Name of the task to do whatever the schema is called; None takes the schema's name.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    tasks: TaskRegistry = Field(default_factory=built_in, exclude=True)
    task: str | None = None

    @property
    def _llm_type(self) -> str:
        return "parley-offline"

    @property
    def _identifying_params(self) -> Mapping[str, Any]:
        return {"model_name": MODEL_NAME, "task": self.task}

    def for_task(self, name: str) -> OfflineChatModel:
        """Return a model that does one task, whatever its schema is called."""
        return self.model_copy(update={"task": name})

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | dict[str, Any] | bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Offer tools; one is called if there are rules for it, or if `tool_choice` demands it."""
        formatted = [convert_to_openai_tool(tool) for tool in tools]
        return self.bind(tools=formatted, tool_choice=tool_choice, **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        answered = bool(messages) and isinstance(messages[-1], ToolMessage)
        tool = _wanted(kwargs.get("tools") or [], kwargs.get("tool_choice"), self._can, answered)
        if tool is None:
            message = self._message(messages, _PLAIN, None)
        else:
            name = str(tool["name"])
            request = OfflineRequest(tuple(messages), dict(tool.get("parameters") or {}))
            fields = self.tasks.run(self.task or name, request)
            message = self._message(messages, "", (name, fields))
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _can(self, name: str) -> bool:
        return (self.task or name) in self.tasks

    def _message(
        self, messages: list[BaseMessage], text: str, call: tuple[str, dict[str, Any]] | None
    ) -> AIMessage:
        written = text if call is None else json.dumps(call[1], ensure_ascii=False, default=str)
        read = "".join(str(message.text) for message in messages)
        tokens = UsageMetadata(
            input_tokens=_tokens(read),
            output_tokens=_tokens(written),
            total_tokens=_tokens(read) + _tokens(written),
        )
        calls = []
        if call is not None:
            digest = hashlib.sha256(f"{read}\0{call[0]}".encode("utf-8", "replace")).hexdigest()
            calls = [tool_call(name=call[0], args=call[1], id=f"offline_{digest[:24]}")]
        return AIMessage(
            content=text,
            tool_calls=calls,
            usage_metadata=tokens,
            response_metadata={"model_name": MODEL_NAME, "rule_based": True},
        )


def _wanted(
    tools: list[dict[str, Any]], choice: Any, can: Callable[[str], bool], answered: bool
) -> dict[str, Any] | None:
    """Return the function to call: the one demanded, else the first there are rules for."""
    functions = [dict(tool.get("function") or {}) for tool in tools]
    if not functions or choice == "none":
        return None
    demanded = choice["function"]["name"] if isinstance(choice, dict) else choice
    for function in functions:
        if function.get("name") == demanded:
            return function
    if demanded in ("any", "required", True):
        return next((f for f in functions if can(str(f.get("name")))), functions[0])
    if answered:
        # The result of the tool is there; calling again would never end.
        return None
    return next((f for f in functions if can(str(f.get("name")))), None)


def _tokens(text: str) -> int:
    return -(-len(text.encode("utf-8", "replace")) // _BYTES_PER_TOKEN)


def offline_model(tasks: Sequence[tuple[str, Task]] = ()) -> OfflineChatModel:
    """Return the offline model with the built-in tasks and the given ones.

    Args:
        tasks: Pairs of tool or schema name and function; a later one replaces an earlier one.
    """
    return OfflineChatModel(tasks=built_in(tasks))
