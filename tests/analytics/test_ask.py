"""Questions in words: read by rules, counted by SQL, counted again, and only then shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from sqlalchemy import text

from agents.analytics import checking
from agents.analytics.agent import ask
from agents.analytics.policy import allowed
from agents.analytics.reading import read_question
from agents.analytics.schemas import AnalyticsQuery, Figure
from bootstrap.services import Services
from domain.errors import BadInput, ParleyError, Unavailable, Unprocessable
from domain.ids import stable_id
from measurement.figures import value, value_of, wilson
from measurement.queries import run
from measurement.query_types import Cell, Dimension, Filter, Group, Metric, Period, Query, Side
from tests.support.asking import KNOWN, ROUTER, SALE, SHOES, TODAY, Scene, make_scene


@pytest_asyncio.fixture
async def scene(services: Services) -> Scene:
    return await make_scene(services)


def query(*metrics: Metric, **more: Any) -> Query:
    given: dict[str, Any] = {"period": Period(date(2026, 11, 1), TODAY), **more}
    return Query(metrics=metrics, **given)


@pytest.mark.asyncio
async def test_both_counts_agree_for_every_split_and_filter(scene: Scene) -> None:
    every = [
        query(Metric.CLICKS, Metric.SPEND, by=by, filters=filters)
        for by in ((), *((one,) for one in Dimension if one is not Dimension.REASON),
                   (Dimension.DAY, Dimension.CAMPAIGN))
        for filters in ((), (Filter(Dimension.CAMPAIGN, (SALE,)),), (Filter(Dimension.LANGUAGE, ("jpn",)),))
    ] + [
        query(Metric.REQUESTS, Metric.OFFERS, Metric.IMPRESSIONS, by=(by,), side=Side.PUBLISHER)
        for by in (Dimension.APP, Dimension.WEEKDAY, Dimension.INTENT)
    ]  # fmt: skip
    for one in every:
        org = scene.ours.publisher if one.side is Side.PUBLISHER else scene.ours.advertiser
        result = await scene.run(one, org)
        assert result.groups == await scene.recount(one, org), one
        assert result.groups
        assert len(result.sql_hash) == 64


@pytest.mark.asyncio
async def test_numbers_are_what_happened_and_only_to_whom_it_happened(scene: Scene) -> None:
    mine = await scene.run(query(Metric.CLICKS, by=(Dimension.CAMPAIGN,)))
    assert {g.key[0]: (g.whole.impressions, g.whole.clicks, g.whole.submits) for g in mine.groups} == {
        SHOES: (500, 19, 5), SALE: (160, 22, 1),
    }  # fmt: skip
    assert mine.total.cells["USD"].charged_micros == 40 * 333_333
    assert mine.total.cells["JPY"].charged_micros == 333_333
    theirs = await scene.run(query(Metric.CLICKS), scene.theirs.advertiser)
    assert theirs.total.whole == Cell(impressions=77, clicks=7, charged_micros=35)
    # The publisher sees what happened in its app, whoever paid, and how many requests got nothing.
    asked = query(Metric.REQUESTS, Metric.OFFERS, Metric.CLICKS, side=Side.PUBLISHER)
    seller = (await scene.run(asked, scene.ours.publisher)).total.whole
    assert (seller.requests, seller.offers, seller.clicks) == (777, 737, 48)
    # Naming somebody else's organisation in the query does not open it: the session decides.
    async with scene.session(scene.theirs.advertiser) as session:
        assert (await run(session, scene.ours.advertiser, query(Metric.CLICKS))).groups == ()


@pytest.mark.asyncio
async def test_days_are_utc_and_both_ends_count(scene: Scene) -> None:
    one = query(
        Metric.CLICKS, by=(Dimension.DAY,), period=Period(date(2026, 11, 18), date(2026, 11, 20))
    )
    found = await scene.run(one)
    assert [g.key[0] for g in found.groups] == ["2026-11-18", "2026-11-20"]
    week = await scene.run(query(Metric.CLICKS, by=(Dimension.WEEK,)))
    assert [g.key[0] for g in week.groups] == ["2026-W46", "2026-W47"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"metrics": ()}, "bad_metrics"),
        ({"period": Period(date(2020, 1, 1), TODAY)}, "period_too_long"),
        ({"period": Period(TODAY, date(2026, 11, 1))}, "bad_period"),
        ({"by": (Dimension.DAY, Dimension.AD, Dimension.APP)}, "bad_dimensions"),
        ({"by": (Dimension.REASON,)}, "reason_of_requests"),
        ({"filters": (Filter(Dimension.DAY, ("2026-11-01",)),)}, "bad_filter"),
    ],
)
@pytest.mark.asyncio
async def test_a_question_that_is_too_large_is_refused(
    scene: Scene, change: dict[str, Any], code: str
) -> None:
    wrong = msgspec.structs.replace(query(Metric.CLICKS), **change)
    with pytest.raises(BadInput) as caught:
        await scene.run(wrong)
    assert caught.value.code == code


@pytest.mark.asyncio
async def test_too_many_groups_and_too_slow_are_said(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("measurement.queries.MAX_GROUPS", 1)
    with pytest.raises(Unprocessable) as caught:
        await scene.run(query(Metric.CLICKS, by=(Dimension.CAMPAIGN,)))
    assert caught.value.code == "too_many_groups"
    monkeypatch.setattr("measurement.queries._PATIENCE_MS", 1)
    async with scene.session(scene.ours.advertiser) as session:
        # The limit holds for the statement after it: one that sleeps is given up.
        from measurement.queries import _bounded  # noqa: PLC0415 - what is tested is inside

        with pytest.raises(Unprocessable) as caught:
            await _bounded(session, _Sleeping())  # type: ignore[arg-type]
    assert caught.value.code == "query_too_slow"


class _Sleeping:
    """A statement that takes half a second, however many rows are wanted."""

    def limit(self, rows: int) -> Any:
        return text("SELECT pg_sleep(0.5)")


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ("How many clicks did we get this week?", "2026-11-16 – 2026-11-21: clicks 11."),
        ("How much did we spend last week?", "2026-11-09 – 2026-11-15: spend 9.99999 USD."),
        (
            "Clicks this week compared with last week",
            "clicks 11 (−19, −63.3 % against 2026-11-09 – 2026-11-14: 30).",
        ),
        ("Clicks by campaign last week", "\n– 夏のセール: clicks 20\n– Trail shoes: clicks 10"),
        ("How is Trail shoes doing?", "Trail shoes, 2026-11-15 – 2026-11-21: impressions 300; clicks 9; "),
        ("click rate of Trail shoes last week", "click-through rate 5.00 % (95 % interval 2.74 % to 8.96 %)."),
        ("What does a lead cost in Japanese chats last week?", "cost per sign-up 6.6667 USD."),
        ("Which campaign had the best CTR this month?", "– 夏のセール: click-through rate 13.75 %"),
        ("spend this month", "spend 0.333333 JPY + 13.33332 USD"),
        ("dismissals today", "nothing was recorded"),
        ("先週のクリック数は？", "2026-11-09 – 2026-11-15：クリック 30。"),
        ("夏のセールの費用を先週と比べて", "0.333333 USD（−6.333327 USD、−95.0 %"),
        ("今週の曜日別の表示", "– 火曜：表示 300"),
        ("なぜ今週クリックが減ったのですか", "\n– 夏のセール：−18"),
        ("Why did clicks drop this week?", "Change of clicks by campaign:\n– 夏のセール: −18\n– Trail shoes: −1"),
        ("Why did CTR drop this week?", "clicks 11 (−19"),
    ],
)  # fmt: skip
@pytest.mark.asyncio
async def test_answers_say_what_was_counted(scene: Scene, question: str, says: str) -> None:
    answer = await scene.ask(question)
    assert says in answer.text
    assert answer.chosen_by == "rules"
    known = {source.id for source in answer.sources}
    assert all(figure.query in known for figure in answer.figures)
    assert all(len(source.sql_hash) == 64 for source in answer.sources)


@pytest.mark.asyncio
async def test_what_is_shown_was_counted_twice(scene: Scene) -> None:
    """A count that comes out differently is never shown; one that differs once is asked again."""
    honest, calls = scene.recount, []

    async def off_by_one(asked: Query, times: int) -> tuple[Group, ...]:
        groups = await honest(asked)
        calls.append(asked)
        if len(calls) > times:
            return groups  # type: ignore[no-any-return]
        return tuple(
            Group(g.key, {c: cell + Cell(clicks=1) for c, cell in g.cells.items()}) for g in groups
        )

    async def always(asked: Query) -> tuple[Group, ...]:
        return await off_by_one(asked, 10**6)

    async def once(asked: Query) -> tuple[Group, ...]:
        return await off_by_one(asked, 1)

    with pytest.raises(Unavailable) as caught:
        await ask("clicks last week", KNOWN, router=ROUTER, run=scene.run, recount=always)
    assert caught.value.code == "figures_disagree"
    assert len(calls) == 3
    calls.clear()
    answer = await ask("clicks last week", KNOWN, router=ROUTER, run=scene.run, recount=once)
    assert (answer.figures[0].text, len(calls)) == ("30", 2)


@pytest.mark.asyncio
async def test_every_figure_that_is_tampered_with_is_found(scene: Scene) -> None:
    answer = await scene.ask(
        "impressions, clicks, ctr, spend and cpc this week compared with last week"
    )
    again = await scene.recount(query(Metric.CLICKS, period=Period(date(2026, 11, 16), TODAY)))
    before = await scene.recount(
        query(Metric.CLICKS, period=Period(date(2026, 11, 9), date(2026, 11, 14)))
    )
    assert checking.check(answer.pieces, again, before) == ()
    assert len(answer.figures) >= 15
    for number, piece in enumerate(answer.pieces):
        if isinstance(piece, Figure):
            forged = replace(piece, text=piece.text.replace(piece.text[-3:], "777", 1))
            pieces = (*answer.pieces[:number], forged, *answer.pieces[number + 1 :])
            assert len(checking.check(pieces, again, before)) == 1
    assert checking.check((*answer.pieces, " and 4711 more"), again, before)


@pytest.mark.asyncio
async def test_a_chart_is_data_with_all_days(scene: Scene) -> None:
    answer = await scene.ask("daily clicks this month")
    assert answer.chart is not None
    assert answer.chart["mark"]["type"] == "line"
    assert [(v["x"], v["y"]) for v in answer.chart["data"]["values"]] == [
        ("2026-11-10", 10), ("2026-11-12", 20), ("2026-11-17", 9), ("2026-11-18", 1), ("2026-11-20", 1),
    ]  # fmt: skip
    bars = await scene.ask("spend by campaign this month")
    assert bars.chart is not None
    assert {v["series"] for v in bars.chart["data"]["values"]} == {"USD", "JPY"}
    assert (await scene.ask("clicks today")).chart is None


@pytest.mark.asyncio
async def test_few_events_and_an_unfinished_day_are_said(scene: Scene) -> None:
    notes = (await scene.ask("ctr of 夏のセール this week and clicks")).notes
    assert "今日はまだ終わっていません。" in notes
    assert any("偶然" in note for note in notes)
    assert (await scene.ask("clicks last week")).notes == ()


@pytest.mark.parametrize(
    "question",
    ["What is the weather?", "Write me a poem", "DROP TABLE campaigns", "こんにちは", "1+1"],
)
@pytest.mark.asyncio
async def test_what_is_not_understood_is_said(scene: Scene, question: str) -> None:
    with pytest.raises(Unprocessable) as caught:
        await scene.ask(question)
    assert caught.value.code == "question_not_understood"


@pytest.mark.parametrize(
    ("question", "code"), [(" ", "question_empty"), ("x" * 1_001, "question_too_long")]
)
def test_questions_have_a_length(question: str, code: str) -> None:
    with pytest.raises(ParleyError) as caught:
        read_question(question, KNOWN)
    assert caught.value.code == code


def test_a_choice_may_name_only_what_was_listed() -> None:
    """Whoever chose it: another tenant's campaign is refused, not dropped."""
    choice = AnalyticsQuery(
        metrics=[Metric.CLICKS], first=TODAY, last=TODAY, campaigns=[stable_id("cmp", "x")]
    )
    with pytest.raises(ValueError, match="not listed"):
        allowed(choice, KNOWN)
    publishers = AnalyticsQuery(metrics=[Metric.REQUESTS, Metric.FILL], first=TODAY, last=TODAY)
    assert allowed(publishers, KNOWN).metrics == [Metric.OFFERS]


def test_rates_and_money_are_exact() -> None:
    cell = Cell(impressions=3, clicks=1, submits=0, charged_micros=1_000_001)
    assert value(Metric.CTR, cell) == Fraction(1, 3)
    assert value(Metric.CPM, cell) == Fraction(1_000_001_000, 3)
    assert value(Metric.CPA, cell) is None
    both = Group((), {"USD": cell, "JPY": cell})
    assert value_of(Metric.CLICKS, both) == 2
    assert value_of(Metric.SPEND, both, "USD") == 1_000_001
    # Wilson 1927: both bounds p solve (x/n − p)² = z² p (1 − p) / n.
    for bound in wilson(10, 200):
        assert (0.05 - bound) ** 2 == pytest.approx(1.959964**2 * bound * (1 - bound) / 200)
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("words", "first", "last"),
    [
        ("today", 0, 0), ("昨日", 1, 1), ("last 7 days", 6, 0), ("過去30日間", 29, 0), ("this week", 5, 0),
        ("先週", 12, 6), ("last month", 51, 21), ("今月", 20, 0), ("10月", 51, 21), ("in October", 51, 21),
        ("11月20日", 1, 1), ("since 2026-11-11", 10, 0), ("from 2026-11-01 to 2026-11-05", 20, 16),
        ("past two weeks", 13, 0), ("day before yesterday", 2, 2), ("", 6, 0),
    ],
)  # fmt: skip
def test_periods_in_words(words: str, first: int, last: int) -> None:
    choice = read_question(f"clicks {words}", KNOWN)
    assert (choice.first, choice.last) == (
        TODAY - timedelta(days=first), TODAY - timedelta(days=last),
    )  # fmt: skip
