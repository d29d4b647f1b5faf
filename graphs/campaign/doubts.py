"""Settles what a goal leaves in doubt (past, impossible, ambiguous, contradictory) by what a person answered.

Goal and answers are read as one text, in which the doubtful words still stand: what the answer alone
says about a doubtful part takes their place.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import date
from typing import Any

from domain.brief import Brief, Missing
from domain.errors import BadInput
from graphs.campaign.state import Clarification
from llm.offline.brief.parser import parse_goal
from llm.offline.brief.questions import DOUBTS, parts_in, questions

#: Which fields of the brief say something about a part in doubt.
_BUDGET = ("budget_total_minor", "daily_budget_minor", "period_budget")
_DATES = ("end", "ongoing")
_SAID: Mapping[str, tuple[str, ...]] = {
    "budget": _BUDGET,
    "daily": _BUDGET,
    "cap": _BUDGET,
    "measure": _BUDGET,
    "dates": _DATES,
    "place": ("geos",),
}
#: What is replaced together with it, so that no half of the doubtful reading is left.
_REPLACED: Mapping[tuple[str, ...], tuple[str, ...]] = {
    _BUDGET: (*_BUDGET, "currency"),
    _DATES: ("start", *_DATES),
    ("geos",): ("geos",),
}

Doubts = dict[Missing, tuple[str, ...]]


def settle(brief: Brief, told: Clarification, today: date) -> Brief:
    """Return the brief with doubtful parts replaced by what was answered about them.

    Args:
        brief: Goal and answers as read together.
        told: The answers.
        today: The day relative dates count from.
    """
    doubts = doubts_of(brief)
    settled: set[str] = set()
    for part in {part for parts in doubts.values() for part in parts}:
        values = _given(part, json.loads(told.fields), brief) or _said(part, told.text, today)
        if values is not None:
            settled.add(part)
            brief = replace(brief, **values)
    return _asking_less(brief, doubts, settled)


def doubts_of(brief: Brief) -> Doubts:
    """Return the parts that are in doubt, by kind of doubt."""
    asked = zip(brief.must_ask, brief.questions, strict=False)
    return {
        kind: ("dates",) if kind == "past" else parts_in(question)
        for kind, question in asked
        if kind in DOUBTS
    }


def _asking_less(brief: Brief, doubts: Doubts, settled: set[str]) -> Brief:
    """Return the brief without the questions that have been answered in full."""
    japanese = brief.goal_language == "jpn"
    asked: list[tuple[Missing, str]] = []
    for kind, question in zip(brief.must_ask, brief.questions, strict=False):
        parts = doubts.get(kind)
        if not parts or not settled.intersection(parts):
            asked.append((kind, question))
        elif left := [part for part in parts if part not in settled]:
            asked.append((kind, questions({kind: left}, japanese)[0]))
    return replace(
        brief,
        must_ask=tuple(kind for kind, _ in asked),
        questions=tuple(question for _, question in asked),
    )


def _given(part: str, fields: Mapping[str, Any], brief: Brief) -> dict[str, Any] | None:
    """Return what the fields of an answer say about a part; they have been put into the brief before."""
    names = _SAID.get(part, ())
    if not any(fields.get(name) for name in names):
        return None
    if names is _BUDGET and brief.currency is None:
        return None
    taken = {name: getattr(brief, name) for name in _REPLACED[names] if fields.get(name)}
    kept = {"currency": brief.currency} if names is _BUDGET else {}
    return {**_nothing(names), **kept, **taken}


def _said(part: str, text: str, today: date) -> dict[str, Any] | None:
    """Return what the latest line of the answers that says something clear about a part says."""
    names = _SAID.get(part, ())
    for brief in _readings(text, today):
        doubtful = {name for parts in doubts_of(brief).values() for name in parts}
        clear = part not in doubtful and not ("budget" in doubtful and names is _BUDGET)
        if clear and any(getattr(brief, name) for name in names):
            if names is _BUDGET and brief.currency is None:
                continue
            return {name: getattr(brief, name) for name in _REPLACED[names]}
    return None


def _readings(text: str, today: date) -> Iterator[Brief]:
    for line in reversed(text.splitlines()):
        with suppress(BadInput):
            yield parse_goal(line, today)


def _nothing(names: tuple[str, ...]) -> dict[str, Any]:
    empty: dict[str, Any] = {"ongoing": False, "geos": ()}
    return {name: empty.get(name) for name in _REPLACED[names]}
