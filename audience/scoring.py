"""How promising a lead is: rules over its own fields, with the reason of each. Never over a special category."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from audience.contacts import free_mail, throw_away
from audience.types import LeadDraft

Feature = str | int | bool | None

_ROLES = re.compile(
    r"^(?:info|sales|admin|contact|office|support|hello|mail|marketing|hr|jobs|no-?reply|webmaster|postmaster)@"
)
_ONE_DAY_S = 86_400


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        id: Stable name.
        points: What it adds.
        reason: One sentence.
        holds: Whether it holds for features.
    """

    id: str
    points: int
    reason: str
    holds: Callable[[Mapping[str, Feature]], bool]


@dataclass(frozen=True)
class Score:
    """What the rules say.

    Attributes:
        points: Between 0 and 100.
        grade: `A` to `D`; from `C` on a lead is qualified.
        reasons: Ids of the rules that held.
    """

    points: int
    grade: str
    reasons: tuple[str, ...]


def score(lead: LeadDraft, now: datetime) -> Score:
    """Return how promising a lead is."""
    known = features(lead, now)
    held = [rule for rule in rules() if rule.holds(known)]
    points = max(0, min(100, sum(rule.points for rule in held)))
    grade = next((name for name, least in _grades() if points >= least), "D")
    return Score(points, grade, tuple(rule.id for rule in held))


def features(lead: LeadDraft, now: datetime) -> dict[str, Feature]:
    """Return what rules may ask of a lead."""
    domain = lead.email.rpartition("@")[2]
    agreed = lead.consent_at
    return {
        "basis": str(lead.lawful_basis),
        "consent_days": None
        if agreed is None
        else int((now - agreed).total_seconds() // _ONE_DAY_S),
        "work_email": bool(domain) and domain not in free_mail() and domain not in throw_away(),
        "throw_away": domain in throw_away(),
        "role_address": bool(_ROLES.match(lead.email)),
        "has_phone": bool(lead.phone),
        "has_name": bool(lead.given_name or lead.family_name),
        "has_company": bool(lead.company),
        "job_title": lead.job_title,
        "interests": len(lead.interests),
        "source": lead.source,
        "country": lead.country,
        "language": lead.language,
    }


def sentences(reasons: tuple[str, ...] | list[str]) -> tuple[str, ...]:
    """Return the sentences of rules, with their points; a rule that is gone is named by its id."""
    known = {rule.id: rule for rule in rules()}
    return tuple(
        f"{known[one].reason} ({known[one].points:+d})" if one in known else one for one in reasons
    )


@cache
def rules() -> tuple[Rule, ...]:
    """Return the rules, in the order of the file."""
    return tuple(
        Rule(row["id"], int(row["points"]), row["reason"], _test(row["when"]))
        for row in _file()["rules"]
    )


@cache
def _grades() -> tuple[tuple[str, int], ...]:
    return tuple(sorted(_file()["grades"].items(), key=lambda pair: -pair[1]))


@cache
def _file() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(
        files("audience").joinpath("scoring.yaml").read_text("utf-8")
    )
    return loaded


def _test(when: dict[str, dict[str, Any]]) -> Callable[[Mapping[str, Feature]], bool]:
    ((name, wanted),) = when.items()
    least, most = wanted.get("least"), wanted.get("most")
    pattern = re.compile(wanted["matches"], re.I) if "matches" in wanted else None

    def holds(known: Mapping[str, Feature]) -> bool:
        value = known[name]
        if value is None:
            return False
        if pattern is not None:
            return bool(pattern.search(str(value)))
        if "is" in wanted:
            return bool(value == wanted["is"])
        number = int(value)
        return (least is None or number >= least) and (most is None or number <= most)

    return holds
