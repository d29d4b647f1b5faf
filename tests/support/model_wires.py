"""What providers send, written for this project after their published wire formats."""

from __future__ import annotations

import json
from typing import Any

OPENAI = "https://api.openai.com/v1/chat/completions"
ANTHROPIC = "https://api.anthropic.com/v1/messages"
XAI = "https://api.x.ai/v1/chat/completions"
SPECS = {
    OPENAI: "openai:gpt-4.1-mini",
    ANTHROPIC: "anthropic:claude-haiku-4-5",
    XAI: "xai:grok-4.3",
}
EVENTS = {"content-type": "text/event-stream"}


def answer(url: str, name: str, fields: dict[str, Any], used: tuple[int, int] = (11, 7)) -> Any:
    """Return the body of an answer that calls one function."""
    if url == ANTHROPIC:
        return {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude-haiku-4-5-20251001",
            "content": [{"type": "tool_use", "id": "toolu_1", "name": name, "input": fields}],
            "stop_reason": "tool_use",
            "stop_sequence": None,
            "usage": {"input_tokens": used[0], "output_tokens": used[1]},
        }
    function = {"name": name, "arguments": json.dumps(fields)}
    call = {"id": "call_1", "type": "function", "function": function}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": SPECS[url].partition(":")[2],
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}],
        "usage": _usage(used),
    }


def stream(
    url: str,
    words: list[str],
    *,
    tool: tuple[str, list[str]] | None = None,
    used: tuple[int, int] = (11, 7),
    breaks: bool = False,
) -> bytes:
    """Return the body of a stream.

    Args:
        url: Whose.
        words: Pieces of text.
        tool: Name of a function that is called, and its arguments in pieces.
        used: Tokens of question and answer.
        breaks: End with the provider's error event after the pieces.
    """
    if url == ANTHROPIC:
        return _anthropic(words, tool, used, breaks)
    return _openai(url, words, tool, used, breaks)


def _openai(
    url: str,
    words: list[str],
    tool: tuple[str, list[str]] | None,
    used: tuple[int, int],
    breaks: bool,
) -> bytes:
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": word} for word in words]
    if tool is not None:
        first = {"index": 0, "id": "call_1", "type": "function"}
        deltas.append({"tool_calls": [{**first, "function": {"name": tool[0], "arguments": ""}}]})
        deltas += [
            {"tool_calls": [{"index": 0, "function": {"arguments": part}}]} for part in tool[1]
        ]
    base = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": SPECS[url].partition(":")[2],
    }
    chunks: list[dict[str, Any]] = [
        {**base, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
        for delta in deltas
    ]
    if breaks:
        trouble = {"error": {"message": "overloaded", "type": "server_error", "code": None}}
        return b"".join(_data(chunk) for chunk in [*chunks, trouble])
    end = "tool_calls" if tool else "stop"
    chunks.append({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": end}]})
    chunks.append({**base, "choices": [], "usage": _usage(used)})
    return b"".join(_data(chunk) for chunk in chunks) + b"data: [DONE]\n\n"


def _anthropic(
    words: list[str], tool: tuple[str, list[str]] | None, used: tuple[int, int], breaks: bool
) -> bytes:
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-4-5-20251001",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": used[0], "output_tokens": 1},
    }
    events: list[dict[str, Any]] = [{"type": "message_start", "message": message}]
    index = 0
    if words:
        events.append(_block_start(index, {"type": "text", "text": ""}))
        events += [_delta(index, {"type": "text_delta", "text": word}) for word in words]
        events.append({"type": "content_block_stop", "index": index})
        index += 1
    if tool is not None:
        block = {"type": "tool_use", "id": "toolu_1", "name": tool[0], "input": {}}
        events.append(_block_start(index, block))
        events += [
            _delta(index, {"type": "input_json_delta", "partial_json": part}) for part in tool[1]
        ]
        events.append({"type": "content_block_stop", "index": index})
    if breaks:
        trouble = {"type": "overloaded_error", "message": "Overloaded"}
        events.append({"type": "error", "error": trouble})
    else:
        stop = {"stop_reason": "tool_use" if tool else "end_turn", "stop_sequence": None}
        usage = {"input_tokens": used[0], "output_tokens": used[1]}
        events.append({"type": "message_delta", "delta": stop, "usage": usage})
        events.append({"type": "message_stop"})
    return b"".join(f"event: {event['type']}\n".encode() + _data(event) for event in events)


def _block_start(index: int, block: dict[str, Any]) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def _delta(index: int, delta: dict[str, Any]) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": delta}


def _usage(used: tuple[int, int]) -> dict[str, int]:
    return {"prompt_tokens": used[0], "completion_tokens": used[1], "total_tokens": sum(used)}


def _data(body: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(body).encode() + b"\n\n"
