"""A model's provider by script, in the wire format of chat completions: good answers, bad ones, and outages.

It stands where the network would be, under the real SDK. Written for this project after the published format.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import httpx2
from langchain.chat_models import init_chat_model
from langchain_core.language_models.chat_models import BaseChatModel

from evals.cassette import Tape
from evals.scenario import ProviderStep
from evals.wire import Tape2Transport
from llm.router import PROVIDERS

_ERRORS = {401: "invalid_api_key", 429: "rate_limit_exceeded", 529: "overloaded"}
#: A provider counts tokens in its own way; ours here are a quarter of the bytes.
_BYTES_PER_TOKEN = 4


class Script:
    """What a provider says, step by step, whoever asks; one goes on where another one stopped.

    Args:
        steps: The first one that fits the function asked for and is not used up answers.
    """

    def __init__(self, steps: Sequence[ProviderStep]) -> None:
        self._steps = steps
        self._used = [0] * len(steps)

    def next(self, wanted: str) -> ProviderStep | None:
        """Return the step that answers, None once there is none left."""
        for number, step in enumerate(self._steps):
            left = step.times == 0 or self._used[number] < step.times
            if left and step.task in ("*", wanted):
                self._used[number] += 1
                return step
        return None

    def never_asked(self) -> list[str]:
        """Return the functions that have an answer and were not asked for."""
        return [
            step.task
            for step, used in zip(self._steps, self._used, strict=True)
            if not used and step.answer is not None and step.task != "*"
        ]


class ScriptedProvider(httpx2.AsyncBaseTransport):
    """Answers chat completions by a script; once it is over it is out of order (503).

    Args:
        script: What it says.
    """

    def __init__(self, script: Script) -> None:
        self._script = script

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer a request as the script says."""
        body = json.loads(await request.aread())
        tools = [tool["function"]["name"] for tool in body.get("tools", ())]
        wanted = tools[0] if tools else ""
        step = self._script.next(wanted)
        if step is None:
            return _failure(request, 503)
        if step.drop:
            raise httpx2.ReadError("the connection was cut", request=request)
        if step.status != 200:
            return _failure(request, step.status)
        return httpx2.Response(200, json=_completion(body, wanted, step), request=request)


def live_model(spec: str, timeout_s: float, *, script: Script, tape: Tape | None) -> BaseChatModel:
    """Return the real chat model of a spec with a script or a cassette where its network was.

    Args:
        spec: `openai:…` or `xai:…`; their SDK takes a client of ours.
        timeout_s: Longest wait.
        script: What the provider says, if there is no recording to answer.
        tape: The cassette that answers, or records what the script says.
    """
    provider, _, name = spec.partition(":")
    scripted = ScriptedProvider(script)
    transport = scripted if tape is None else Tape2Transport(tape, scripted)
    model = init_chat_model(
        name,
        model_provider=PROVIDERS[provider],
        timeout=timeout_s,
        max_retries=0,
        max_tokens=1_024,
        stream_usage=True,
        api_key="not-a-key",
        http_async_client=httpx2.AsyncClient(transport=transport, trust_env=False),
    )
    assert isinstance(model, BaseChatModel)
    return model


def _completion(body: dict[str, Any], wanted: str, step: ProviderStep) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": step.text or None}
    if step.answer is not None:
        written = json.dumps(step.answer, ensure_ascii=False)
        function = {"name": wanted, "arguments": written}
        message["tool_calls"] = [{"id": "call_1", "type": "function", "function": function}]
    read, said = _tokens(json.dumps(body["messages"])), _tokens(json.dumps(message))
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": body["model"],
        "choices": [
            {
                "index": 0,
                "message": message,
                "finish_reason": "tool_calls" if step.answer is not None else "stop",
            }
        ],
        "usage": {"prompt_tokens": read, "completion_tokens": said, "total_tokens": read + said},
    }


def _failure(request: httpx2.Request, status: int) -> httpx2.Response:
    problem = {"message": "by script", "type": "server_error", "code": _ERRORS.get(status)}
    return httpx2.Response(status, json={"error": problem}, request=request)


def _tokens(text: str) -> int:
    return -(-len(text.encode()) // _BYTES_PER_TOKEN)
