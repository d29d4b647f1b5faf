"""Everything around one call of a paid model: may it be asked, is there money, what did it cost, how did it go."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import BaseMessage

from domain.errors import ParleyError
from domain.time import Clock
from llm.answers import Charge, Usage
from llm.breaker import Breakers, Circuit
from llm.ladder import Refused, UnusableAnswer, sentence
from llm.observed import Observed
from llm.purse import Hold, NoLimit, Purse, over_call_budget
from llm.retry import status_of
from llm.table import ModelCard
from llm.tokens import likely_input, most_input
from llm.tracing import NoTracer, Told, Tracer

OnCharge = Callable[[Charge], Awaitable[None]]

#: Statuses that blame the question, not the model.
_QUESTION_AT_FAULT = frozenset({400, 413, 422})


@dataclass(frozen=True)
class Question:
    """What is asked, as far as money is concerned.

    Attributes:
        task: What is to be done.
        messages: The words.
        schema: Schema or tools sent along, JSON-like.
        max_output: Most tokens that are wanted back.
        budget_micros: Most this call may cost; None = no limit of its own.
    """

    task: str
    messages: list[BaseMessage]
    schema: Any = None
    max_output: int = 8_192
    budget_micros: int | None = None


@dataclass(frozen=True)
class Ticket:
    """A call that has been let through; to be closed exactly once."""

    card: ModelCard
    question: Question
    hold: Hold
    started_ms: int


class Till:
    """Lets calls through and books them.

    Args:
        clock: For durations.
        breakers: Which models are left alone.
        purse: Pays.
        observed: Remembers how calls went.
        on_charge: Is told of every call.
        tracer: Is told of every call, with its words.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        breakers: Breakers | None = None,
        purse: Purse | None = None,
        observed: Observed | None = None,
        on_charge: OnCharge | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        self._clock = clock
        self._breakers = breakers or Breakers(clock)
        self._purse = purse or NoLimit()
        self.observed = observed or Observed()
        self._on_charge = on_charge
        self._tracer = tracer or NoTracer()

    async def open(self, card: ModelCard, question: Question) -> Ticket:
        """Let a call through.

        Raises:
            Refused: if the question does not fit, may cost too much, or the breaker is open.
        """
        output = min(question.max_output, card.max_output)
        if likely_input(question.messages, question.schema) + output > card.context:
            raise Refused(f"{card.spec} was not asked: the question does not fit its context.")
        most = card.cost_micros(most_input(question.messages, question.schema), output)
        try:
            hold = await self._reserve(card, most, question.budget_micros)
        except ParleyError as error:
            raise Refused(f"{card.spec} was not asked: {error.detail}") from error
        # Money first: a half-open try must not be used up by a call that is then refused.
        if await self._breakers.allow(card.spec) is Circuit.OPEN:
            await self._purse.settle(hold, 0)
            raise Refused(f"{card.spec} was not asked: it failed several times in a row just now.")
        return Ticket(card, question, hold, self._clock.now_ms())

    async def _reserve(self, card: ModelCard, most: int | None, budget: int | None) -> Hold:
        if most is None:
            if budget is None and not self._purse.limited:
                return Hold(0)
            raise Refused(
                f"{card.spec} was not asked: its price is not known, so no budget can hold it; "
                "add it to the file that PARLEY_LLM_TABLE names."
            )
        if budget is not None and most > budget:
            raise over_call_budget(most, budget)
        return await self._purse.reserve(most)

    async def close(
        self,
        ticket: Ticket,
        *,
        usage: Usage | None,
        error: BaseException | None = None,
        answer: str = "",
    ) -> Charge:
        """Book a call: settle its reservation, and note how it went.

        Args:
            ticket: From `open`.
            usage: What the model said it used; None if it did not say.
            error: Why it failed, or how its answer was unusable.
            answer: The answer as text or JSON, for the tracer.
        """
        card = ticket.card
        elapsed = self._clock.now_ms() - ticket.started_ms
        cost, estimated = _cost(ticket, usage, error)
        charge = Charge(
            task=ticket.question.task,
            spec=card.spec,
            outcome=_outcome(error),
            usage=usage or Usage(),
            cost_micros=cost if card.priced else None,
            estimated=estimated,
            elapsed_ms=elapsed,
        )
        await self._purse.settle(ticket.hold, cost)
        if charge.outcome != "cut":
            await self._judge(card.spec, elapsed, error)
        said = "" if error is None else sentence(card.spec, error)
        self._tracer.tell(
            Told(charge, ticket.question.messages, answer, said, self._clock.now_ms())
        )
        if self._on_charge is not None:
            await self._on_charge(charge)
        return charge

    async def _judge(self, spec: str, elapsed_ms: int, error: BaseException | None) -> None:
        reached = (
            error is None
            or isinstance(error, UnusableAnswer)
            or status_of(error) in _QUESTION_AT_FAULT
        )
        if reached:
            await self._breakers.succeeded(spec)
        else:
            await self._breakers.failed(spec)
        await self.observed.note(spec, elapsed_ms, answered=error is None)


def _outcome(error: BaseException | None) -> str:
    if error is None:
        return "answered"
    if isinstance(error, UnusableAnswer):
        return "unusable"
    return "cut" if isinstance(error, asyncio.CancelledError | GeneratorExit) else "failed"


def _cost(ticket: Ticket, usage: Usage | None, error: BaseException | None) -> tuple[int, bool]:
    """Return what a call cost, and whether that is only the most it can have been."""
    if usage is not None:
        return ticket.card.cost_micros(usage.input_tokens, usage.output_tokens) or 0, False
    if error is not None and (status_of(error) is not None or _never_sent(error)):
        return 0, False
    # Nobody knows whether the provider charges; the counters must not be below what it does.
    return ticket.hold.micros, ticket.hold.micros > 0


def _never_sent(error: BaseException) -> bool:
    """Tell whether a call failed before its question left this machine."""
    cause: BaseException | None = error
    while cause is not None:
        if type(cause).__name__ in ("ConnectError", "ConnectTimeout", "PoolTimeout"):
            return True
        if type(cause).__name__ in ("OpenAIError", "ImportError", "ValidationError"):
            return True
        cause = cause.__cause__
    return False
