"""What a router gives back: typed answers, pieces of a stream, and what each call cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True)
class Usage:
    """Tokens, as the model counted them (the offline model estimates)."""

    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True)
class Structured(Generic[T]):
    """A checked answer and where it came from.

    Attributes:
        value: The answer, validated against the schema.
        model: Name of the model that gave it.
        rule_based: Whether rules gave it rather than a language model.
        attempts: Calls made, the offline one included.
        warnings: One sentence for each thing that went wrong on the way.
        prompt_hash: SHA-256 of the messages, hexadecimal.
        usage: Tokens of the answer that was used.
        elapsed_ms: Milliseconds from question to answer.
        cost_micros: Micros of a US dollar for all calls of this question; None if a price is not known.
    """

    value: T
    model: str
    rule_based: bool
    attempts: int
    warnings: tuple[str, ...]
    prompt_hash: str
    usage: Usage
    elapsed_ms: int
    cost_micros: int | None = 0


@dataclass(frozen=True)
class Charge:
    """One call of a paid model.

    Attributes:
        task: What it was asked to do.
        spec: Which model was asked.
        outcome: `answered`, `unusable` (not what was asked for), `failed`, or `cut` (nobody waited for the end).
        usage: Tokens, zero if nobody said.
        cost_micros: Micros of a US dollar; None if the price is not known.
        estimated: Whether the cost is the most it can have been, because the model did not say.
        elapsed_ms: Milliseconds.
    """

    task: str
    spec: str
    outcome: str
    usage: Usage
    cost_micros: int | None
    estimated: bool
    elapsed_ms: int


@dataclass(frozen=True)
class Began:
    """The first piece of a stream: who answers. From here on no other model takes over."""

    model: str
    rule_based: bool


@dataclass(frozen=True)
class TextPiece:
    """Some words of the answer."""

    text: str


@dataclass(frozen=True)
class ToolPiece:
    """Part of a call of a function: its name comes once, its arguments (JSON) in pieces."""

    index: int
    name: str
    arguments: str


@dataclass(frozen=True)
class ToolCall:
    """A whole call of a function."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Ended:
    """The last piece of a stream that came to its end."""

    model: str
    rule_based: bool
    text: str
    tool_calls: tuple[ToolCall, ...]
    usage: Usage
    cost_micros: int | None
    attempts: int
    warnings: tuple[str, ...]
    prompt_hash: str


@dataclass(frozen=True)
class Broken:
    """The last piece of a stream that failed after its first word; what came before is incomplete.

    Attributes:
        code: `llm_stream_broken`, `llm_stream_deadline` or `llm_canary`.
        detail: One sentence.
    """

    code: str
    detail: str


Piece = Began | TextPiece | ToolPiece | Ended | Broken
