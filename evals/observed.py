"""What was seen while a scenario was played: all that graders look at; they ask for nothing."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from domain.events import Progress


class Support(msgspec.Struct, frozen=True):
    """A sentence that was written, and what is said to support it.

    Attributes:
        sentence: As a person reads it.
        support: Words of the source.
        where: Where they are said to stand.
    """

    sentence: str
    support: str
    where: str


class Money(msgspec.Struct, frozen=True, kw_only=True):
    """What the ledger holds, read from its rows.

    Attributes:
        crooked: Entries whose lines do not sum to zero.
        spent: By campaign: micros that the ledger's lines charge.
        kept: By campaign: micros that the running sums say.
        caps: By campaign: its whole budget, None = none.
        events: By campaign: micros of charged events.
    """

    crooked: tuple[str, ...] = ()
    spent: dict[str, int] = {}
    kept: dict[str, int] = {}
    caps: dict[str, int | None] = {}
    events: dict[str, int] = {}


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """One answer of the fast path.

    Attributes:
        answer: What the host got, flat (see `evals.scenario.ChatTurn.expect`).
        replayed: Whether its record alone gave the same bytes.
        click: What became of the click, if there was one.
    """

    answer: dict[str, Any]
    replayed: bool
    click: str = ""


class Observation(msgspec.Struct, kw_only=True):
    """One repetition.

    Attributes:
        outcome, reason: As `evals.scenario.Expect.outcome`.
        trajectory: Nodes in order.
        tools: What was used, in order of first use.
        asked: Missing facts of every question, and what was put to the person.
        lines: Progress.
        brief: Fields of the brief.
        state: See `evals.state`; of a content run also `made` (see `evals.made`).
        began: The same before the run.
        gained: Rows by table.
        written: Every text of every ad and report.
        supports: Claims of copy and of research.
        published: What others have written, by place.
        numbers: Numbers that were told, with the same numbers counted again: name → (told, counted).
        goal_cap: Most that the goal and the person allow to be spent, micros; None = they named no total.
        money: The ledger.
        spent_before: What campaigns had spent before the run, as `Money.spent`.
        shown: Answers in chats.
        problems: What did not go by the script: an unexpected question, a move that was not needed.
        new_requests: Requests that no cassette or world knew.
        calls, cost_micros, tokens: Questions to models.
        crashes: How often the process was lost.
        seconds, cpu_seconds: How long it took.
    """

    outcome: str = ""
    reason: str = ""
    trajectory: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    asked: list[dict[str, Any]] = []
    lines: list[Progress] = []
    brief: dict[str, Any] = {}
    state: dict[str, Any] = {}
    began: dict[str, Any] = {}
    gained: dict[str, int] = {}
    written: list[str] = []
    supports: list[Support] = []
    published: dict[str, str] = {}
    numbers: dict[str, tuple[Any, Any]] = {}
    goal_cap: int | None = None
    money: Money = Money()
    spent_before: dict[str, int] = {}
    shown: list[Shown] = []
    problems: list[str] = []
    new_requests: list[str] = []
    calls: int = 0
    cost_micros: int = 0
    tokens: int = 0
    crashes: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    def fingerprint(self) -> str:
        """Return a hash of what came of it; equal repetitions have equal ones, whatever time they took."""
        came = (
            self.outcome, self.reason, self.brief, self.state, self.gained, sorted(self.written),
            [one.answer for one in self.shown],
        )  # fmt: skip
        data = msgspec.json.encode(came, order="deterministic")
        return hashlib.sha256(data).hexdigest()[:16]
