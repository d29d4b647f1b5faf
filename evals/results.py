"""What came of a suite, as data: written to a file, compared, drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from domain.errors import BadInput, NotFound


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One repetition.

    Attributes:
        faults: What graders found; empty = passed.
        outcome, fingerprint, trajectory: What came of it.
        seconds, cpu_seconds, cost_micros, tokens, calls: What it used up.
        judged: What a judge says, `not judged` if nobody has.
    """

    faults: tuple[str, ...] = ()
    outcome: str = ""
    fingerprint: str = ""
    trajectory: tuple[str, ...] = ()
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    cost_micros: int = 0
    tokens: int = 0
    calls: int = 0
    judged: str = ""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """All repetitions of one scenario."""

    id: str
    title: str
    language: str
    kind: str
    about: tuple[str, ...]
    rule_decidable: bool
    attempts: tuple[Attempt, ...] = ()

    @property
    def first(self) -> bool:
        """Whether the first repetition passed."""
        return bool(self.attempts) and not self.attempts[0].faults

    @property
    def every(self) -> bool:
        """Whether every repetition passed, and all came to the same."""
        return bool(self.attempts) and self.passes == len(self.attempts) and self.same

    @property
    def passes(self) -> int:
        """How many repetitions passed."""
        return sum(not attempt.faults for attempt in self.attempts)

    @property
    def same(self) -> bool:
        """Whether all repetitions came to the same."""
        return len({attempt.fingerprint for attempt in self.attempts}) <= 1

    @property
    def faults(self) -> tuple[str, ...]:
        """Everything that is wrong, each sentence once."""
        found = dict.fromkeys(fault for attempt in self.attempts for fault in attempt.faults)
        if not self.same:
            found["repetitions: they did not come to the same"] = None
        return tuple(found)


class Suite(msgspec.Struct, frozen=True, kw_only=True):
    """One run of scenarios.

    Attributes:
        k: Repetitions of each.
        jobs: Processes that played.
        seconds: Wall time, starting the services included.
        results: In order of their ids.
    """

    k: int
    jobs: int
    seconds: float
    results: tuple[Result, ...]

    def rate(self, *, every: bool, decidable: bool = False) -> float:
        """Return the share of scenarios that passed at first, or every time (pass^k)."""
        chosen = [one for one in self.results if one.rule_decidable or not decidable]
        good = sum(one.every if every else one.first for one in chosen)
        return good / len(chosen) if chosen else 1.0

    @property
    def failed(self) -> tuple[Result, ...]:
        """Scenarios that did not pass every time."""
        return tuple(one for one in self.results if not one.every)

    def by_topic(self) -> dict[str, tuple[int, int]]:
        """Return by topic how many scenarios passed every time, of how many."""
        return self._counted(lambda one: (*one.about, one.language))

    def by_kind(self) -> dict[str, tuple[int, int]]:
        """Return the same by what was played."""
        return self._counted(lambda one: (one.kind,))

    def _counted(self, names: Callable[[Result], Iterable[str]]) -> dict[str, tuple[int, int]]:
        found: dict[str, tuple[int, int]] = {}
        for one in self.results:
            for name in names(one):
                good, all_ = found.get(name, (0, 0))
                found[name] = good + one.every, all_ + 1
        return dict(sorted(found.items()))


def write_suite(suite: Suite, path: Path) -> None:
    """Write results to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(suite), indent=1) + b"\n")


def read_suite(path: Path) -> Suite:
    """Return results from a file.

    Raises:
        NotFound: `no_results`.
        BadInput: `bad_results`.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Suite)
    except OSError as error:
        raise NotFound(
            "no_results", f"There are no results at {path}; make them with `parley eval run`."
        ) from error
    except msgspec.DecodeError as error:
        raise BadInput("bad_results", f"{path} holds no results: {error}.") from error
