"""The only way to a model: the configured ones in the order of a policy, and the rule-based one behind them.

Nobody else names a provider. With the spec `offline` nothing is sent anywhere.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Any

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, convert_to_messages
from langchain_core.utils.function_calling import convert_to_openai_tool

from domain.errors import BadInput, ParleyError, Unprocessable
from domain.time import Clock
from llm.answers import Ended, Piece, Structured, T, Usage
from llm.canary import look_for
from llm.ladder import Ladder, Refused, Sleep, UnusableAnswer
from llm.marks import unmark
from llm.offline.model import MODEL_NAME, OfflineChatModel, offline_model
from llm.streams import LiveStream, StreamFailed, offline_pieces
from llm.table import PROVIDERS, ModelCard, ModelTable, Policy, built_in_table, specs_of
from llm.till import Question, Till
from llm.tracing import prompt_hash, quiet

Messages = Sequence[BaseMessage | Mapping[str, str]]
BuildModel = Callable[[str, float], BaseChatModel]
_GAVE_UP = "{} gave no usable answer; the rule-based model answered instead."
_TOO_LATE = "{} did not answer within {:g} s."


class ModelRouter:
    """Asks the configured models for answers and falls back to rules.

    Args:
        spec: `offline`, or `provider:model` such as `openai:gpt-6-luna`, or several with commas.
        clock: For durations.
        offline: The rule-based model with its tasks; the built-in one by default.
        call_timeout_s: Longest wait for one call; of a stream, for its first word and between words.
        deadline_s: Longest wait for an answer, retries included; afterwards the rules answer.
        max_attempts: Calls to each configured model before the rules answer.
        sleep: Waits between attempts; injected by tests.
        build: Builds a LangChain model of a spec; `init_chat_model` by default.
        table: What models can do and cost.
        policy: Which of several models is asked first.
        till: Breakers, budgets, metering and tracing; local breakers and no limit by default.
        max_output_tokens: Most tokens of an answer.
        canary: Words of system prompts that must not stand in any answer, unless a call names its own.

    Attributes:
        spec: The setting, `offline` if no paid model is configured.
        canary: For the assembly of prompts.

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
        table: ModelTable | None = None,
        policy: Policy = "quality",
        till: Till | None = None,
        max_output_tokens: int = 8_192,
        canary: str = "",
    ) -> None:
        self._specs = specs_of(spec)
        self.spec = spec if self._specs else "offline"
        self.canary = canary
        self._clock = clock
        self._offline = offline or offline_model()
        self._call_timeout_s = call_timeout_s
        self._deadline_s = deadline_s
        self._max_attempts = max_attempts
        self._sleep = sleep
        self._table = table or built_in_table()
        self._max_output = max_output_tokens
        self._build = build or partial(_init_model, self._table, max_output_tokens)
        self._policy: Policy = policy
        self._till = till or Till(clock)
        self._live: dict[str, BaseChatModel] = {}

    async def structured(
        self,
        task: str,
        schema: type[T],
        messages: Messages,
        *,
        validate: Callable[[T], T] | None = None,
        deadline_s: float | None = None,
        budget_micros: int | None = None,
        canary: str = "",
    ) -> Structured[T]:
        """Ask for one typed answer.

        Args:
            task: Name of the offline task that answers if the models do not.
            schema: Pydantic class of the answer.
            messages: LangChain messages or `{"role", "content"}` dicts.
            validate: Checks (and may tighten) an answer; a `ValueError` or `ParleyError` of it counts as
                an unusable answer of a live model, and is raised for the offline one.
            deadline_s: Longest wait for this answer, instead of the router's.
            budget_micros: Most that each call for this answer may cost, in micros of a US dollar.
            canary: Words of the system prompt that must not stand in an answer, instead of the router's;
                an answer with them is unusable.

        Raises:
            ParleyError: if the rules cannot answer either.
        """
        started = self._clock.now_ms()
        asked = _converted(messages)
        question = Question(
            task, asked, convert_to_openai_tool(schema), self._max_output, budget_micros
        )
        deadline = self._deadline_s if deadline_s is None else deadline_s
        ladder, costs = await self._ladder(task, deadline), list[int | None]()
        answer = None
        try:
            async with asyncio.timeout(deadline):
                while answer is None and (card := await ladder.next()) is not None:
                    try:
                        check = partial(_checked, validate, canary or self.canary)
                        answer = await self._attempt(card, question, schema, check, costs)
                    except Refused as why:
                        ladder.refused(card, why)
                    except Exception as error:  # every failure of a provider ends in the rules
                        ladder.failed(card, error)
        except TimeoutError:
            ladder.warnings.append(_TOO_LATE.format(self.spec, deadline))
        if answer is None:
            if self._specs:
                ladder.warnings.append(_GAVE_UP.format(self.spec))
            answer = await self._rules(task, schema, asked, validate)
        value, raw = answer
        return Structured(
            value=value,
            model=_name_of(raw, self.spec),
            rule_based=bool(raw.response_metadata.get("rule_based", False)),
            attempts=ladder.attempts + 1,
            warnings=tuple(ladder.warnings),
            prompt_hash=prompt_hash(asked),
            usage=_usage(raw) or Usage(),
            elapsed_ms=self._clock.now_ms() - started,
            cost_micros=_total(costs),
        )

    async def stream(
        self,
        task: str,
        messages: Messages,
        *,
        tools: Sequence[Any] = (),
        deadline_s: float | None = None,
        budget_micros: int | None = None,
        canary: str = "",
    ) -> AsyncGenerator[Piece, None]:
        """Ask for an answer in pieces.

        The first piece is `Began`, the last one `Ended`, or `Broken` if the model failed after its first
        word: until then another model may take over, afterwards never. Nobody's words are mixed.

        Args:
            task: What is to be done; the offline model says in words that it is rule-based.
            messages: LangChain messages or `{"role", "content"}` dicts.
            tools: Functions that may be called, in any form LangChain takes.
            deadline_s: Longest wait for the end, instead of the router's.
            budget_micros: Most that each call for this answer may cost, in micros of a US dollar.
            canary: Words of the system prompt that must not leave; a stream with them breaks off before.
        """
        asked = _converted(messages)
        schema = [convert_to_openai_tool(tool) for tool in tools]
        question = Question(task, asked, schema, self._max_output, budget_micros)
        deadline = self._deadline_s if deadline_s is None else deadline_s
        ladder, costs = await self._ladder(task, deadline), list[int | None]()
        until = asyncio.get_running_loop().time() + deadline
        while (card := await self._next(ladder, deadline, until)) is not None:
            live = LiveStream(
                card,
                partial(self._model, card.spec),
                question,
                self._till,
                canary=canary or self.canary,
                patience_s=self._call_timeout_s,
                until=until,
            )
            try:
                async with aclosing(live.pieces()) as pieces:
                    async for piece in pieces:
                        if isinstance(piece, Ended):
                            costs.append(live.cost_micros)
                        yield _signed(piece, ladder, costs, asked)
                return
            except Refused as why:
                ladder.refused(card, why)
            except StreamFailed as failure:
                costs.append(live.cost_micros)
                ladder.failed(card, failure.cause)
        if self._specs:
            ladder.warnings.append(_GAVE_UP.format(self.spec))
        async for piece in offline_pieces(self._offline.for_task(task), asked, schema):
            yield _signed(piece, ladder, costs, asked)

    async def _next(self, ladder: Ladder, deadline: float, until: float) -> ModelCard | None:
        try:
            async with asyncio.timeout_at(until):
                return await ladder.next()
        except TimeoutError:
            ladder.warnings.append(_TOO_LATE.format(self.spec, deadline))
            return None

    async def _ladder(self, task: str, deadline: float) -> Ladder:
        seen = {}
        if self._policy == "latency" and len(self._specs) > 1:
            seen = await self._till.observed.medians(self._specs)
        cards = self._table.order(self._specs, task, self._policy, seen)
        return Ladder(cards, self._max_attempts, self._sleep, longest_wait_s=deadline)

    def _model(self, spec: str) -> BaseChatModel:
        if spec not in self._live:
            self._live[spec] = self._build(spec, self._call_timeout_s)
        return self._live[spec]

    async def _attempt(
        self,
        card: ModelCard,
        question: Question,
        schema: type[T],
        check: Callable[[T, AIMessage], T],
        costs: list[int | None],
    ) -> tuple[T, AIMessage]:
        ticket = await self._till.open(card, question)
        raw: AIMessage | None = None
        failure: BaseException | None = None
        try:
            async with asyncio.timeout(self._call_timeout_s):
                parsed, raw, reason = await _ask(self._model(card.spec), schema, question.messages)
            if parsed is None:
                raise UnusableAnswer(f"the answer does not fit the schema ({reason})")
            return check(parsed, raw), raw
        except BaseException as error:  # a call that is cut off has to be booked as well
            failure = error
            raise
        finally:
            charge = await self._till.close(
                ticket,
                usage=_usage(raw) if raw is not None else None,
                error=failure,
                answer=_written(raw) if raw is not None else "",
            )
            costs.append(charge.cost_micros)

    async def _rules(
        self,
        task: str,
        schema: type[T],
        asked: list[BaseMessage],
        validate: Callable[[T], T] | None,
    ) -> tuple[T, AIMessage]:
        parsed, raw, reason = await _ask(self._offline.for_task(task), schema, asked)
        if parsed is None:
            raise Unprocessable(
                "offline_answer", f"The rules for {task} do not fit the schema: {reason}"
            )
        return (validate(parsed) if validate is not None else parsed), raw


async def _ask(
    model: BaseChatModel, schema: type[T], messages: list[BaseMessage]
) -> tuple[T | None, AIMessage, str]:
    """Return the answer, None if it does not fit; the message it came in; and the reason."""
    runnable = model.with_structured_output(schema, include_raw=True, **_method(model))
    with quiet():
        answer: Any = await runnable.ainvoke(messages)
    parsed = answer["parsed"] if isinstance(answer["parsed"], schema) else None
    error = answer["parsing_error"]
    if isinstance(model, OfflineChatModel):
        return parsed, answer["raw"], str(error or "no structured answer")
    return parsed, answer["raw"], type(error).__name__ if error else "no structured answer"


def _checked(validate: Callable[[T], T] | None, canary: str, value: T, raw: AIMessage) -> T:
    """Return a live answer that may be used.

    Raises:
        UnusableAnswer: if it gives the canary away or `validate` objects.
    """
    written = unmark(_written(raw))
    look_for(canary, written)
    if written != _written(raw):
        value = type(value).model_validate_json(unmark(value.model_dump_json()))
    try:
        return validate(value) if validate is not None else value
    except (ValueError, ParleyError) as error:
        raise UnusableAnswer(str(error)) from error


def _signed(
    piece: Piece, ladder: Ladder, costs: Sequence[int | None], asked: Sequence[BaseMessage]
) -> Piece:
    """Return the last piece with what only the router knows, any other as it is."""
    if not isinstance(piece, Ended):
        return piece
    return replace(
        piece,
        attempts=ladder.attempts + 1,
        warnings=tuple(ladder.warnings),
        cost_micros=_total(costs),
        prompt_hash=prompt_hash(asked),
    )


def _total(costs: Sequence[int | None]) -> int | None:
    known = [cost for cost in costs if cost is not None]
    return sum(known) if len(known) == len(costs) else None


def _written(raw: AIMessage) -> str:
    """Return all that a message says: its words, its calls of functions, and what was no valid call."""
    calls = [call["args"] for call in raw.tool_calls]
    broken = [call["args"] for call in raw.invalid_tool_calls]
    extra = (
        json.dumps([*calls, *broken], ensure_ascii=False, default=str) if calls or broken else ""
    )
    return str(raw.text) + extra


def _usage(raw: AIMessage) -> Usage | None:
    found = raw.usage_metadata
    return Usage(found["input_tokens"], found["output_tokens"]) if found else None


def _name_of(raw: AIMessage, spec: str) -> str:
    metadata = raw.response_metadata
    return str(metadata.get("model_name") or metadata.get("model") or spec)


def _converted(messages: Messages) -> list[BaseMessage]:
    return convert_to_messages([m if isinstance(m, BaseMessage) else dict(m) for m in messages])


def _method(model: BaseChatModel) -> dict[str, str]:
    # Function calling is the one way that every provider speaks on the wire.
    return {} if isinstance(model, OfflineChatModel) else {"method": "function_calling"}


def _init_model(table: ModelTable, most: int, spec: str, timeout_s: float) -> BaseChatModel:
    # Loading a provider's SDK takes seconds; only the configured one is paid for.
    from langchain.chat_models import init_chat_model  # noqa: PLC0415

    provider, _, name = spec.partition(":")
    # Usage is not part of a stream unless it is asked for; without it nobody knows the cost.
    extra: dict[str, Any] = {} if provider == "anthropic" else {"stream_usage": True}
    model = init_chat_model(
        name,
        model_provider=PROVIDERS[provider],
        timeout=timeout_s,
        max_retries=0,
        max_tokens=min(most, table.card(spec).max_output),
        **extra,
    )
    if not isinstance(model, BaseChatModel):
        raise BadInput("llm_spec", f"{spec!r} is not a chat model.")
    return model


__all__ = ["MODEL_NAME", "PROVIDERS", "ModelRouter", "Structured", "Usage", "prompt_hash"]
