"""The only way to a model: one configured model, bounded retries, and the rule-based one behind it.

Nobody else names a provider. With the spec `offline` nothing is sent anywhere.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, convert_to_messages
from pydantic import BaseModel

from domain.errors import BadInput, ParleyError, Unprocessable
from domain.time import Clock
from llm.offline.model import MODEL_NAME, OfflineChatModel, offline_model
from llm.retry import retry_after, should_retry, status_of

#: Providers that can be configured, and how LangChain calls them.
PROVIDERS = {"openai": "openai", "anthropic": "anthropic", "xai": "xai"}

T = TypeVar("T", bound=BaseModel)
Messages = Sequence[BaseMessage | Mapping[str, str]]
Sleep = Callable[[float], Awaitable[None]]
BuildModel = Callable[[str, float], BaseChatModel]


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
    """

    value: T
    model: str
    rule_based: bool
    attempts: int
    warnings: tuple[str, ...]
    prompt_hash: str
    usage: Usage
    elapsed_ms: int


class _UnusableAnswer(Exception):
    """The model answered, but not with what was asked for."""


class ModelRouter:
    """Asks the configured model for typed answers and falls back to rules.

    Args:
        spec: `offline`, or `provider:model` such as `openai:gpt-5`, `anthropic:claude-…`, `xai:grok-…`.
        clock: For durations.
        offline: The rule-based model with its tasks; the built-in one by default.
        call_timeout_s: Longest wait for one call.
        deadline_s: Longest wait for an answer, retries included; afterwards the rules answer.
        max_attempts: Calls to the configured model before the rules answer.
        sleep: Waits between attempts; injected by tests.
        build: Builds a LangChain model of a spec; `init_chat_model` by default.

    Raises:
        BadInput: `llm_spec` if the spec is not understood.
    """

    def __init__(
        self,
        spec: str = "offline",
        *,
        clock: Clock,
        offline: OfflineChatModel | None = None,
        call_timeout_s: float = 60.0,
        deadline_s: float = 120.0,
        max_attempts: int = 3,
        sleep: Sleep = asyncio.sleep,
        build: BuildModel | None = None,
    ) -> None:
        provider, _, name = spec.partition(":")
        if spec != "offline" and (provider not in PROVIDERS or not name):
            raise BadInput(
                "llm_spec",
                f"{spec!r} is not a model; use offline, or one of "
                f"{', '.join(f'{p}:MODEL' for p in sorted(PROVIDERS))}.",
            )
        self.spec = spec
        self._clock = clock
        self._offline = offline or offline_model()
        self._call_timeout_s = call_timeout_s
        self._deadline_s = deadline_s
        self._max_attempts = max_attempts
        self._sleep = sleep
        self._build = build or _init_model
        self._live: BaseChatModel | None = None

    async def structured(
        self,
        task: str,
        schema: type[T],
        messages: Messages,
        *,
        validate: Callable[[T], T] | None = None,
    ) -> Structured[T]:
        """Ask for one typed answer.

        Args:
            task: Name of the offline task that answers if the model does not.
            schema: Pydantic class of the answer.
            messages: LangChain messages or `{"role", "content"}` dicts.
            validate: Checks (and may tighten) an answer; a `ValueError` or `ParleyError` of it counts as
                an unusable answer of a live model, and is raised for the offline one.

        Raises:
            ParleyError: if the rules cannot answer either.
        """
        started = self._clock.now_ms()
        asked = convert_to_messages(
            [m if isinstance(m, BaseMessage) else dict(m) for m in messages]
        )
        warnings: list[str] = []
        attempts = 0
        if self.spec != "offline":
            answer, attempts = await self._ask_live(schema, asked, validate, warnings)
            if answer is not None:
                return self._result(*answer, attempts, warnings, asked, started)
            warnings.append(
                f"{self.spec} gave no usable answer; the rule-based model answered instead."
            )
        value, raw = await self._ask(self._offline.for_task(task), schema, asked)
        if validate is not None:
            value = validate(value)
        return self._result(value, raw, attempts + 1, warnings, asked, started)

    async def _ask_live(
        self,
        schema: type[T],
        messages: list[BaseMessage],
        validate: Callable[[T], T] | None,
        warnings: list[str],
    ) -> tuple[tuple[T, AIMessage] | None, int]:
        attempt = 0
        try:
            async with asyncio.timeout(self._deadline_s):
                for attempt in range(1, self._max_attempts + 1):
                    try:
                        return await self._attempt(schema, messages, validate), attempt
                    except Exception as error:  # every failure of a provider ends in the rules
                        warnings.append(_sentence(self.spec, error))
                        again = isinstance(error, _UnusableAnswer) or should_retry(error)
                        if not again or attempt == self._max_attempts:
                            return None, attempt
                        wait = retry_after(error)
                        await self._sleep(0.5 * 2 ** (attempt - 1) if wait is None else wait)
        except TimeoutError:
            warnings.append(f"{self.spec} did not answer within {self._deadline_s:g} s.")
        return None, attempt

    async def _attempt(
        self, schema: type[T], messages: list[BaseMessage], validate: Callable[[T], T] | None
    ) -> tuple[T, AIMessage]:
        if self._live is None:
            self._live = self._build(self.spec, self._call_timeout_s)
        async with asyncio.timeout(self._call_timeout_s):
            value, raw = await self._ask(self._live, schema, messages)
        if validate is not None:
            try:
                value = validate(value)
            except (ValueError, ParleyError) as error:
                raise _UnusableAnswer(str(error)) from error
        return value, raw

    async def _ask(
        self, model: BaseChatModel, schema: type[T], messages: list[BaseMessage]
    ) -> tuple[T, AIMessage]:
        runnable = model.with_structured_output(schema, include_raw=True, **_method(model))
        answer: Any = await runnable.ainvoke(messages)
        parsed, raw = answer["parsed"], answer["raw"]
        if not isinstance(parsed, schema):
            reason = answer["parsing_error"] or "no structured answer"
            if isinstance(model, OfflineChatModel):
                raise Unprocessable(
                    "offline_answer", f"The rules for {model.task} do not fit the schema: {reason}"
                )
            raise _UnusableAnswer(f"the answer does not fit the schema ({type(reason).__name__})")
        return parsed, raw

    def _result(
        self,
        value: T,
        raw: AIMessage,
        attempts: int,
        warnings: list[str],
        messages: list[BaseMessage],
        started: int,
    ) -> Structured[T]:
        metadata = raw.response_metadata
        usage = raw.usage_metadata
        return Structured(
            value=value,
            model=str(metadata.get("model_name") or metadata.get("model") or self.spec),
            rule_based=bool(metadata.get("rule_based", False)),
            attempts=attempts,
            warnings=tuple(warnings),
            prompt_hash=prompt_hash(messages),
            usage=Usage(usage["input_tokens"], usage["output_tokens"]) if usage else Usage(),
            elapsed_ms=self._clock.now_ms() - started,
        )


def prompt_hash(messages: Sequence[BaseMessage]) -> str:
    """Return the SHA-256 of role and content of the messages, hexadecimal."""
    plain = json.dumps([[m.type, m.content] for m in messages], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(plain.encode("utf-8", "replace")).hexdigest()


def _method(model: BaseChatModel) -> dict[str, str]:
    # Function calling is the one way that every provider speaks on the wire.
    return {} if isinstance(model, OfflineChatModel) else {"method": "function_calling"}


def _init_model(spec: str, timeout_s: float) -> BaseChatModel:
    # Loading a provider's SDK takes seconds; only the configured one is paid for.
    from langchain.chat_models import init_chat_model  # noqa: PLC0415

    provider, _, name = spec.partition(":")
    model = init_chat_model(
        name, model_provider=PROVIDERS[provider], timeout=timeout_s, max_retries=0
    )
    if not isinstance(model, BaseChatModel):
        raise BadInput("llm_spec", f"{spec!r} is not a chat model.")
    return model


def _sentence(spec: str, error: BaseException) -> str:
    """Return what went wrong without anything the provider echoed back."""
    if isinstance(error, _UnusableAnswer):
        return f"{spec} answered with something unusable: {error}"[:300]
    status = status_of(error)
    if status is not None:
        return f"{spec} answered with status {status}."
    return f"{spec} could not be asked ({type(error).__name__})."


__all__ = ["MODEL_NAME", "PROVIDERS", "ModelRouter", "Structured", "Usage", "prompt_hash"]
