"""What a person adds to a goal, and what still has to be asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import msgspec

from domain.brief import Brief, Kpi
from domain.errors import BadInput
from domain.money import CURRENCIES, Money, check_currency
from graphs.campaign.doubts import settle
from graphs.campaign.state import CampaignState, Clarification
from llm.offline.brief.text import MAX_GOAL_CHARS

_SOURCES = ("site_url", "page_source_id", "feed_source_id")
_SOURCE_QUESTION = "Which landing page or product feed should the ads be written from and lead to?"


def clarification(answer: object) -> Clarification:
    """Return a person's answer as the state keeps it; anything else counts as no answer."""
    given: Mapping[str, Any] = answer if isinstance(answer, dict) else {}
    return Clarification(
        text=str(given.get("text") or ""), fields=json.dumps(given.get("fields") or {})
    )


def together(before: Clarification | None, now: Clarification, goal: str) -> Clarification:
    """Return all that a person has answered so far; what was said last wins.

    Words that no longer fit beside the goal are dropped, the oldest first.
    """
    if before is None:
        return now
    said = [*before.text.splitlines(), *now.text.splitlines()]
    while said and len(goal) + sum(len(line) + 1 for line in said) > MAX_GOAL_CHARS:
        del said[0]
    fields = {**json.loads(before.fields), **json.loads(now.fields)}
    return Clarification(text="\n".join(said), fields=json.dumps(fields))


def goal_with(goal: str, told: Clarification | None) -> str:
    """Return the goal with the person's words behind it."""
    return f"{goal}\n{told.text}" if told is not None and told.text else goal


def sources_of(state: CampaignState) -> dict[str, str | None]:
    """Return where the product facts are to come from."""
    return {key: state.get(key) for key in _SOURCES}  # type: ignore[misc]


def sources_in(told: Clarification) -> dict[str, Any]:
    """Return the sources that a person's answer names."""
    fields = json.loads(told.fields)
    return {key: fields[key] for key in _SOURCES if fields.get(key)}


def complete(brief: Brief, told: Clarification | None, today: date, *, has_source: bool) -> Brief:
    """Return the brief with given fields filled in and only what is still missing asked.

    Raises:
        BadInput: if a given field does not have the shape it must have.
    """
    if told is not None:
        brief = settle(_with_fields(brief, json.loads(told.fields)), told, today)
    missing = [(m, q) for m, q in zip(brief.must_ask, brief.questions, strict=False)]
    # A page or feed says what the product is.
    if has_source:
        missing = [(m, q) for m, q in missing if m != "product"]
    elif not any(m == "product" for m, _ in missing):
        missing.append(("product", _SOURCE_QUESTION))
    return replace(
        brief, must_ask=tuple(m for m, _ in missing), questions=tuple(q for _, q in missing)
    )


def _with_fields(brief: Brief, fields: dict[str, Any]) -> Brief:
    known = {k: v for k, v in fields.items() if k in Brief.__dataclass_fields__}
    if not known:
        return brief
    if known.get("currency"):
        check_currency(str(known["currency"]))
    merged = {**msgspec.to_builtins(brief), **known}
    try:
        filled = msgspec.convert(merged, Brief)
    except msgspec.ValidationError as error:
        raise BadInput("bad_answer", f"The answer does not fit: {error}.") from error
    answered = _answered(filled)
    kept = [
        (m, q) for m, q in zip(brief.must_ask, brief.questions, strict=False) if m not in answered
    ]
    return replace(filled, must_ask=tuple(m for m, _ in kept), questions=tuple(q for _, q in kept))


def _answered(brief: Brief) -> set[str]:
    found = set()
    if brief.product:
        found.add("product")
    if brief.currency and (brief.budget_total_minor or brief.daily_budget_minor):
        found.add("budget")
    if brief.geos:
        found.add("geos")
    if brief.end or brief.ongoing:
        found.add("end_date")
    return found


def in_words(brief: Brief) -> str:
    """Return the brief in one line, for a person who watches."""
    if brief.must_refuse:
        return f"refused: {brief.refuse_reason}"
    parts = [brief.product or "the product of the source"]
    if brief.budget_total_minor and brief.currency:
        parts.append(f"budget {Money.of_minor(brief.budget_total_minor, brief.currency)}")
    if brief.daily_budget_minor and brief.currency:
        parts.append(f"{Money.of_minor(brief.daily_budget_minor, brief.currency)} a day")
    if brief.geos:
        parts.append("in " + ", ".join(brief.geos))
    if brief.end:
        parts.append(f"until {brief.end}")
    if brief.kpi:
        parts.append(f"for {_measure(brief.kpi)}")
    if brief.must_ask:
        parts.append(f"to ask: {', '.join(brief.must_ask)}")
    return " · ".join(parts)


def _measure(kpi: Kpi) -> str:
    if kpi.target is None:
        return str(kpi.type)
    if kpi.type == "cpa" and kpi.unit in CURRENCIES:
        return f"at most {Money.of_minor(round(kpi.target), kpi.unit)} per action"
    return f"{kpi.target:g} {kpi.unit or ''} {kpi.type}"
