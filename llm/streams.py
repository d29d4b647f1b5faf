"""Streams of one model: the first-word rule, patience between words, and words that must not leave."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing
from typing import Any

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage

from llm.answers import Began, Broken, Ended, Piece, TextPiece, ToolCall, ToolPiece, Usage
from llm.canary import CanaryLeaked, Watch
from llm.ladder import UnusableAnswer, sentence
from llm.marks import unmark
from llm.table import ModelCard
from llm.till import Question, Till
from llm.tracing import quiet


class StreamFailed(Exception):
    """A stream that failed before its first word; another model may take over.

    Attributes:
        cause: What went wrong.
    """

    def __init__(self, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.cause = cause


class Collected:
    """The pieces of one answer, added up."""

    def __init__(self, canary: str) -> None:
        self.whole: AIMessageChunk | None = None
        self._text, self._tools = Watch(canary), Watch(canary)

    def add(self, chunk: AIMessageChunk) -> Iterator[Piece]:
        """Return what of a chunk may go out now.

        Raises:
            CanaryLeaked: if the words of the system prompt are in what came.
        """
        self.whole = chunk if self.whole is None else self.whole + chunk
        if text := self._text.pass_on(unmark(str(chunk.text))):
            yield TextPiece(text)
        for part in chunk.tool_call_chunks:
            arguments = unmark(part["args"] or "")
            self._tools.check(arguments)
            yield ToolPiece(part["index"] or 0, part["name"] or "", arguments)

    def rest(self) -> Iterator[Piece]:
        """Return what was held back until the end."""
        if text := self._text.rest():
            yield TextPiece(text)

    @property
    def usage(self) -> Usage | None:
        """Tokens, if the model said all of it; a question of no tokens was not counted."""
        found = self.whole.usage_metadata if self.whole is not None else None
        if not found or not found["input_tokens"]:
            return None
        return Usage(found["input_tokens"], found["output_tokens"])

    @property
    def text(self) -> str:
        """All words so far."""
        return unmark(str(self.whole.text)) if self.whole is not None else ""

    def ended(self, spec: str) -> Ended:
        """Return the last piece, still without what only the router knows."""
        metadata = self.whole.response_metadata if self.whole is not None else {}
        calls = self.whole.tool_calls if self.whole is not None else []
        return Ended(
            model=str(metadata.get("model_name") or metadata.get("model") or spec),
            rule_based=bool(metadata.get("rule_based", False)),
            text=self.text,
            tool_calls=tuple(ToolCall(call["name"], _plain(call["args"])) for call in calls),
            usage=self.usage or Usage(),
            cost_micros=0,
            attempts=0,
            warnings=(),
            prompt_hash="",
        )


class LiveStream:
    """The stream of one paid model.

    Args:
        card: Which one.
        build: Returns it; may fail, as when a key is missing.
        question: What is asked.
        till: Lets the call through and books it.
        canary: Words that must not leave; empty = none.
        patience_s: Longest wait for the next chunk.
        until: When the whole answer must be there, in the event loop's time.
    """

    def __init__(
        self,
        card: ModelCard,
        build: Callable[[], BaseChatModel],
        question: Question,
        till: Till,
        *,
        canary: str,
        patience_s: float,
        until: float,
    ) -> None:
        self._card = card
        self._build = build
        self._question = question
        self._till = till
        self._patience_s = patience_s
        self._until = until
        self._collected = Collected(canary)
        self._began = False
        self.cost_micros: int | None = 0

    async def pieces(self) -> AsyncGenerator[Piece, None]:
        """Yield the pieces.

        Raises:
            Refused: if the call was not let through.
            StreamFailed: before the first word only.
        """
        ticket = await self._till.open(self._card, self._question)
        failure: BaseException | None = None
        try:
            async with aclosing(self._read()) as read:
                async for piece in read:
                    yield piece
        except BaseException as error:  # also when nobody listens any more: it has to be booked
            failure = error
            if isinstance(error, asyncio.CancelledError | GeneratorExit):
                raise
        finally:
            charge = await self._till.close(
                ticket,
                # What a provider said of a stream that broke off is not the whole.
                usage=self._collected.usage if failure is None else None,
                error=failure,
                answer=self._collected.text,
            )
            self.cost_micros = charge.cost_micros
        if failure is not None and not self._began:
            raise StreamFailed(failure) from failure
        yield self._broken(failure) if failure else self._collected.ended(self._card.spec)

    async def _read(self) -> AsyncGenerator[Piece, None]:
        model: Any = self._build()
        if self._question.schema:
            model = model.bind_tools(self._question.schema)
        async with aclosing(model.astream(self._question.messages)) as chunks:
            while (chunk := await self._next(chunks)) is not None:
                for piece in self._collected.add(chunk):
                    if not self._began:
                        self._began = True
                        yield Began(self._card.spec, rule_based=False)
                    yield piece
        if self._collected.whole is None or not (
            self._collected.text or self._collected.whole.tool_calls
        ):
            raise UnusableAnswer("the stream ended without a word")
        for piece in self._collected.rest():
            if not self._began:
                self._began = True
                yield Began(self._card.spec, rule_based=False)
            yield piece

    async def _next(self, chunks: AsyncIterator[AIMessageChunk]) -> AIMessageChunk | None:
        loop = asyncio.get_running_loop()
        with quiet():
            async with asyncio.timeout_at(min(self._until, loop.time() + self._patience_s)):
                return await anext(chunks, None)

    def _broken(self, failure: BaseException) -> Broken:
        if isinstance(failure, CanaryLeaked):
            return Broken("llm_canary", f"{self._card.spec} gave away its instructions; cut off.")
        if isinstance(failure, TimeoutError):
            return Broken(
                "llm_stream_deadline", f"{self._card.spec} did not come to its end in time."
            )
        return Broken(
            "llm_stream_broken",
            f"The answer broke off and is incomplete: {sentence(self._card.spec, failure)}",
        )


def _plain(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments without the marks of quoted material."""
    found: dict[str, Any] = json.loads(unmark(json.dumps(arguments, ensure_ascii=False)))
    return found


async def offline_pieces(
    model: BaseChatModel, messages: list[BaseMessage], tools: list[Any]
) -> AsyncIterator[Piece]:
    """Yield the pieces of the rule-based model, which says that it is one."""
    asked: Any = model.bind_tools(tools) if tools else model
    collected = Collected("")
    with quiet():
        answer = await asked.ainvoke(messages)
    ended = None
    for piece in collected.add(AIMessageChunk(**answer.model_dump(exclude={"type"}))):
        if ended is None:
            ended = collected.ended("offline")
            yield Began(ended.model, rule_based=True)
        yield piece
    ended = collected.ended("offline")
    for call in ended.tool_calls:
        yield ToolPiece(0, call.name, "")
    yield ended
