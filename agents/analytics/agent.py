"""Answers a question about performance: choose a query, run it, write, count again, show."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import prompts
from agents.analytics import checking, writing
from agents.analytics.charts import chart
from agents.analytics.policy import allowed, to_query
from agents.analytics.reading import language_of, read_question
from agents.analytics.schemas import (
    AnalyticsQuery,
    Answer,
    Known,
    Recount,
    Run,
    Source,
    Tongue,
    compared,
    period_of,
)
from domain.errors import BadInput, ParleyError
from domain.trust import Span, Trust
from llm.router import ModelRouter
from measurement.query_types import RATES, Query, Result

_TRIES = 3


async def ask(
    question: str, known: Known, *, router: ModelRouter, run: Run, recount: Recount
) -> Answer:
    """Answer a question.

    Args:
        question: In plain words, English or Japanese.
        known: What may be named in it.
        router: The way to a model, which may only choose the query's arguments.
        run: Runs a query for the organisation.
        recount: Counts the same once more.

    Raises:
        Unprocessable: `question_not_understood`.
        Unavailable: `figures_disagree` if the two counts differ every time.
    """
    choice, chosen_by, warnings = await _choose(question, known, router)
    found = await answer(
        choice, known, tongue=language_of(question), question=question, run=run, recount=recount
    )
    return replace(found, chosen_by=chosen_by, warnings=warnings)


async def answer(
    choice: AnalyticsQuery,
    known: Known,
    *,
    tongue: Tongue,
    run: Run,
    recount: Recount,
    question: str = "",
) -> Answer:
    """Answer a question whose query is known already; arguments and errors as `ask`."""
    query = to_query(choice, known, period_of(choice))
    against = compared(choice)
    other = to_query(choice, known, against) if against else None
    names = {**known.campaigns, **known.apps}
    wrong: tuple[str, ...] = ()
    # What happens between two counts makes them differ once; a defect makes them differ every time.
    for _ in range(_TRIES):
        now = await run(query)
        before = await run(other) if other else None
        what = writing.Written(choice, tongue, now, before, names)
        pieces = writing.write(what)
        again = await recount(query)
        wrong = checking.check(pieces, again, await recount(other) if other else None)
        if not wrong:
            return Answer(
                question=question,
                language=tongue,
                pieces=pieces,
                sources=tuple(_source(result) for result in (now, before) if result is not None),
                query=choice,
                chosen_by="rules",
                chart=chart(query, writing.ordered(what), names, tongue),
                notes=_notes(what, known),
            )
    raise checking.refuse(wrong)


async def _choose(
    question: str, known: Known, router: ModelRouter
) -> tuple[AnalyticsQuery, str, tuple[str, ...]]:
    """Have the query chosen; the rules choose where no model is configured or none gives a usable one."""
    if router.spec == "offline":
        return allowed(read_question(question, known), known), "rules", ()
    prompt = prompts.load("analytics/query")
    names = {"campaigns": known.campaigns, "apps": known.apps}
    assembled = prompts.assemble(
        prompt,
        {
            "question": Span(question, Trust.ADVERTISER, "question"),
            "today": known.today.isoformat(),
            "side": str(known.side),
            **{
                name: Span(json.dumps(dict(listed), ensure_ascii=False), Trust.ADVERTISER, name)
                for name, listed in names.items()
            },
        },
        canary=router.canary,
    )
    try:
        given = await router.structured(
            "AnalyticsQuery",
            AnalyticsQuery,
            assembled.messages,
            validate=lambda choice: _usable(choice, known),
            canary=assembled.canary,
        )
    except ParleyError:
        return allowed(read_question(question, known), known), "rules", ()
    return given.value, "rules" if given.rule_based else given.model, given.warnings


def _usable(choice: AnalyticsQuery, known: Known) -> AnalyticsQuery:
    """Return a model's choice if it could be asked; else say what is wrong with it."""
    usable = allowed(choice, known)
    try:
        to_query(usable, known, period_of(usable))
    except BadInput as error:
        raise ValueError(error.detail) from error
    return usable


def _source(result: Result) -> Source:
    query: Query = result.query
    return Source(
        id=result.id,
        sql_hash=result.sql_hash,
        rows=result.rows,
        first=query.period.first,
        last=query.period.last,
        by=tuple(str(by) for by in query.by),
    )


def _notes(what: writing.Written, known: Known) -> tuple[str, ...]:
    """Return what should be known about the numbers."""
    japanese, notes = what.tongue == "jpn", []
    if what.choice.last >= known.today:
        notes.append("今日はまだ終わっていません。" if japanese else "Today is not over yet.")
    if any(m in RATES for m in what.choice.metrics):
        tries = what.now.total.whole
        if max(tries.impressions, tries.requests) < writing.FEW:
            notes.append(
                "件数が少なく、割合は偶然に左右されます。"
                if japanese
                else "These are few; shares are mostly chance."
            )
    if len(what.now.total.currencies) > 1:
        notes.append(
            "通貨が異なる金額は合計していません。"
            if japanese
            else "Amounts of different currencies are not added up."
        )
    against = compared(what.choice)
    if against is not None and abs(against.days - period_of(what.choice).days) > 0:
        notes.append(
            "比較する期間の長さが異なります。"
            if japanese
            else "The two periods are not equally long."
        )
    if what.choice.last > known.today + timedelta(days=1):
        notes.append("期間は未来を含みます。" if japanese else "The period lies in the future.")
    return tuple(notes)
