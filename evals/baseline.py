"""What was reached before: kept beside the scenarios, and only ever raised."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import msgspec

from domain.errors import BadInput, Conflict
from evals.results import Suite


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """A result that must be reached again.

    Attributes:
        k: Repetitions it was reached with.
        passing: Scenarios that passed every time.
        brief_accuracy: Field accuracy of the brief parser in parts per million, 0 = never measured.
    """

    k: int = 1
    passing: tuple[str, ...] = ()
    brief_accuracy: int = 0


def baseline_file() -> Path:
    """Return the shipped baseline."""
    return Path(str(files("evals").joinpath("baseline.json")))


def read_baseline(path: Path) -> Baseline:
    """Return a baseline; an empty one if there is none yet.

    Raises:
        BadInput: `bad_baseline`.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Baseline)
    except FileNotFoundError:
        return Baseline()
    except (OSError, msgspec.DecodeError) as error:
        raise BadInput("bad_baseline", f"{path} holds no baseline: {error}.") from error


def worse(baseline: Baseline, suite: Suite, *, whole: bool) -> Iterator[str]:
    """Yield a sentence for each thing that was reached before and is not now.

    Args:
        baseline: What was reached.
        suite: What is reached now.
        whole: Whether all scenarios were played; one that is gone is a step back then.
    """
    results = {one.id: one for one in suite.results}
    for name in baseline.passing:
        if name not in results:
            if whole:
                yield f"{name} is gone"
        elif not results[name].every:
            faults = results[name].faults
            yield f"{name} passed before: {faults[0] if faults else 'no repetition was played'}"


def raised(baseline: Baseline, suite: Suite, *, brief_accuracy: int | None = None) -> Baseline:
    """Return the baseline with what is reached now.

    Raises:
        Conflict: `baseline_lower` if anything would be lowered.
    """
    problems = [*worse(baseline, suite, whole=True)]
    if suite.k < baseline.k:
        problems.append(f"it was reached with {baseline.k} repetitions, not {suite.k}")
    accuracy = baseline.brief_accuracy if brief_accuracy is None else brief_accuracy
    if accuracy < baseline.brief_accuracy:
        problems.append(
            f"briefs were read with {baseline.brief_accuracy / 1e6:.4f}, not {accuracy / 1e6:.4f}"
        )
    if problems:
        raise Conflict(
            "baseline_lower",
            f"The baseline may only rise; {len(problems)} things are worse, such as: {problems[0]}.",
            worse=problems,
        )
    passing = tuple(one.id for one in suite.results if one.every)
    return Baseline(k=suite.k, passing=passing, brief_accuracy=accuracy)


def write_baseline(baseline: Baseline, path: Path) -> None:
    """Write a baseline; `raised` has made it."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(baseline), indent=1) + b"\n")


def compared(before: Suite, after: Suite) -> dict[str, list[str]]:
    """Return what has changed from one suite to another: `mended`, `broken`, `new`, `gone`, `otherwise`."""
    old, new = ({one.id: one for one in suite.results} for suite in (before, after))
    both = [name for name in new if name in old]
    return {
        "broken": [name for name in both if old[name].every and not new[name].every],
        "mended": [name for name in both if new[name].every and not old[name].every],
        "otherwise": [
            name
            for name in both
            if old[name].every == new[name].every
            and {a.fingerprint for a in old[name].attempts}
            != {a.fingerprint for a in new[name].attempts}
        ],
        "new": [name for name in new if name not in old],
        "gone": [name for name in old if name not in new],
    }
