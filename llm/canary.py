"""Watches for words that stand in the system prompt only: an answer with them was talked into giving it away."""

from __future__ import annotations

from llm.ladder import UnusableAnswer


class CanaryLeaked(UnusableAnswer):
    """The canary stands in an answer."""


class Watch:
    """Lets text pass, but for an end that might be the beginning of the canary.

    Args:
        canary: What must not pass; empty lets everything pass.
    """

    def __init__(self, canary: str) -> None:
        self._canary = canary
        self._held = ""

    def pass_on(self, text: str) -> str:
        """Return what may go out now.

        Raises:
            CanaryLeaked: if the canary is complete; nothing of it has gone out.
        """
        if not self._canary:
            return text
        self._held += text
        if self._canary in self._held:
            raise CanaryLeaked("it gave away its instructions")
        keep = self._overlap()
        out, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
        return out

    def check(self, text: str) -> None:
        """Look at text that goes out in any case.

        Raises:
            CanaryLeaked: as `pass_on`.
        """
        self.pass_on(text)

    def rest(self) -> str:
        """Return what was held back; the end of the text has been reached."""
        out, self._held = self._held, ""
        return out

    def _overlap(self) -> int:
        """Return how many characters at the end begin the canary."""
        for length in range(min(len(self._canary) - 1, len(self._held)), 0, -1):
            if self._held.endswith(self._canary[:length]):
                return length
        return 0


def look_for(canary: str, text: str) -> None:
    """Look at a whole answer.

    Raises:
        CanaryLeaked: if the canary stands in it.
    """
    if canary and canary in text:
        raise CanaryLeaked("it gave away its instructions")
