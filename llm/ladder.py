"""In which order models are asked for one answer, and how long to wait between rounds.

Every model is asked once before any is asked again; one that cannot succeed (a wrong key, no budget) is not
asked again; one that said when to come back is not asked earlier. Waiting happens only between rounds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from domain.errors import ParleyError
from llm.retry import retry_after, should_retry, status_of
from llm.table import ModelCard

Sleep = Callable[[float], Awaitable[None]]
_FIRST_PAUSE_S = 0.5


class UnusableAnswer(Exception):
    """The model answered, but not with what was asked for."""


class Refused(Exception):
    """A model that was not asked at all: its breaker is open, or the call might cost too much."""


class Ladder:
    """The way down the candidates for one answer.

    Args:
        cards: Candidates, best first.
        rounds: Most calls of one candidate.
        sleep: Waits; injected by tests.
        longest_wait_s: A model that asks for more patience than this is not asked again.

    Attributes:
        attempts: Calls made.
        warnings: One sentence for each thing that went wrong.
    """

    def __init__(
        self,
        cards: Sequence[ModelCard],
        rounds: int,
        sleep: Sleep = asyncio.sleep,
        longest_wait_s: float = 60.0,
    ) -> None:
        self._cards = cards
        self._rounds = rounds
        self._sleep = sleep
        self._longest_wait_s = longest_wait_s
        self._round = 0
        self._waits = {card.spec: 0.0 for card in cards}
        self._todo = list(cards)
        self.attempts = 0
        self.warnings: list[str] = []

    async def next(self) -> ModelCard | None:
        """Return the next model to ask, after the wait that is due; None when all have been tried."""
        while not self._todo:
            self._round += 1
            if self._round >= self._rounds or not self._waits:
                return None
            pause = min(self._waits.values())
            if pause > 0:
                await self._sleep(pause)
            self._waits = {spec: wait - pause for spec, wait in self._waits.items()}
            self._todo = [card for card in self._cards if self._waits.get(card.spec, 1.0) <= 0]
        return self._todo.pop(0)

    def refused(self, card: ModelCard, why: Refused) -> None:
        """Note that a model was not asked, and will not be."""
        self.warnings.append(str(why))
        self._waits.pop(card.spec, None)

    def failed(self, card: ModelCard, error: BaseException) -> None:
        """Note that a model was asked in vain; it is asked again if that may help."""
        self.attempts += 1
        self.warnings.append(sentence(card.spec, error))
        wait = retry_after(error)
        again = isinstance(error, UnusableAnswer) or should_retry(error)
        if again and (wait is None or wait <= self._longest_wait_s):
            self._waits[card.spec] = _FIRST_PAUSE_S * 2**self._round if wait is None else wait
        else:
            self._waits.pop(card.spec, None)


def sentence(spec: str, error: BaseException) -> str:
    """Return what went wrong without anything the provider echoed back."""
    if isinstance(error, UnusableAnswer):
        return f"{spec} answered with something unusable: {error}"[:300]
    if isinstance(error, ParleyError):
        return f"{spec}: {error.detail}"
    status = status_of(error)
    if status is not None:
        return f"{spec} answered with status {status}."
    return f"{spec} could not be asked ({type(error).__name__})."
