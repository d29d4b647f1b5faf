"""Reads scenarios; what is wrong is said with file and field."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import yaml

from domain.errors import BadInput, NotFound
from evals.scenario import GRAPHS, Scenario
from evals.trajectory import compiled


class ScenarioError(BadInput):
    """A scenario that cannot be played; carries `file` and `field`."""

    def __init__(self, file: str, field: str, why: str) -> None:
        super().__init__(
            "bad_scenario", f"{file}: {field or 'the file'}: {why}", file=file, field=field
        )


def scenario_folder() -> Path:
    """Return the folder of the scenarios that come with Parley."""
    return Path(str(files("evals").joinpath("scenarios")))


def load_all(folder: Path | None = None, only: str = "*") -> list[Scenario]:
    """Return the scenarios of a folder in order of their names.

    Args:
        folder: Where the YAML files are; the shipped ones by default.
        only: Pattern of ids, or `#topic` for all scenarios about it; several with commas.

    Raises:
        ScenarioError: for the first file that is wrong.
        NotFound: `no_scenario` if nothing fits.
    """
    found = [read(path) for path in sorted((folder or scenario_folder()).glob("*.yaml"))]
    wanted = [pattern.strip() for pattern in only.split(",") if pattern.strip()]
    chosen = [one for one in found if any(_fits(one, pattern) for pattern in wanted)]
    if not chosen:
        raise NotFound("no_scenario", f"No scenario fits {only!r}; `*` plays them all.")
    return chosen


def read(path: Path) -> Scenario:
    """Return the scenario of a file.

    Raises:
        ScenarioError: if it is not one; names the field.
    """
    try:
        raw: Any = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise ScenarioError(path.name, "", f"cannot be read: {error.strerror}.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}" if mark is not None else ""
        raise ScenarioError(path.name, where, "this is not valid YAML.") from error
    if not isinstance(raw, dict):
        raise ScenarioError(path.name, "", "a scenario is a mapping.")
    raw.setdefault("id", path.stem)
    if isinstance(raw.get("clock"), datetime) and raw["clock"].tzinfo is None:
        raw["clock"] = raw["clock"].replace(tzinfo=UTC)
    try:
        scenario = msgspec.convert(raw, Scenario)
    except msgspec.ValidationError as error:
        said, _, at = str(error).partition(" - at ")
        field = at.replace("`", "").replace("$.", "").replace("$", "")
        raise ScenarioError(path.name, field, f"{said}.") from error
    return _sound(path.name, scenario)


def _sound(file: str, scenario: Scenario) -> Scenario:
    """Return a scenario whose parts fit together."""
    for field, wrong, why in _contradictions(file, scenario):
        if wrong:
            raise ScenarioError(file, field, why)
    try:
        compiled(scenario.trajectory)
    except ValueError as error:
        raise ScenarioError(file, "trajectory", f"{error}.") from error
    return scenario


def _contradictions(file: str, one: Scenario) -> Iterable[tuple[str, bool, str]]:
    graph = one.kind in GRAPHS
    yield "id", f"{one.id}.yaml" != file, "must be the name of the file."
    goalless = one.kind in ("chat", "optimisation")
    yield "goal", not goalless and not one.goal.strip(), "a goal is needed."
    yield "chat", bool(one.chat) and one.kind not in ("chat", "campaign"), "nothing is launched."
    yield "inputs.order", bool(one.inputs.order) != (one.kind == "content"), "content is ordered."
    yield "chat", one.kind == "chat" and not one.chat, "at least one turn is needed."
    yield "about", not one.about, "say what it is about."
    yield "trajectory", graph and not one.trajectory, "say which way the run must take."
    yield "expect.outcome", graph and not one.expect.outcome, "say how the run must end."
    yield "expect.brief", one.kind == "brief" and not one.expect.brief, "say what must be read."
    yield "user", bool(one.user) and not graph, "only a run asks anybody."
    yield "faults", bool(one.faults) and one.kind == "brief", "nothing runs that could fail."
    for number, fault in enumerate(one.faults):
        needs = fault.kind != "redis" and graph and not fault.at
        yield f"faults[{number}].at", needs, "name the node."
        ends = fault.kind == "end" and one.kind != "campaign"
        yield f"faults[{number}].kind", ends, "only the campaign of a campaign run is ended."
    live = bool(one.provider or one.cassette)
    yield "model", live and one.offline, "the offline model has no provider."
    yield (
        "provider",
        not live and not one.offline,
        "say what the provider answers, or its cassette.",
    )
    for number, move in enumerate(one.user):
        decides = move.asked == "awaiting_approval"
        yield f"user[{number}].then", decides and not move.then, "say how they decide."
        yield f"user[{number}].edit", bool(move.edit) and not decides, "there is no campaign yet."
        several = bool(move.edit) and one.kind == "optimisation" and not move.campaign
        yield f"user[{number}].campaign", several, "say which campaign is edited."


def _fits(scenario: Scenario, pattern: str) -> bool:
    if pattern.startswith("#"):
        return pattern[1:] in scenario.about or pattern[1:] == scenario.language
    return fnmatch.fnmatchcase(scenario.id, pattern)
