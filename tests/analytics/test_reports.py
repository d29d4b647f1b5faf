"""Reports are made once when they are due and hold counted numbers; unusual days are found."""

from __future__ import annotations

import asyncio
import io
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from pypdf import PdfReader
from sqlalchemy import select

from agents.analytics import checking
from bootstrap import alerting, reporting
from bootstrap.services import Services
from domain.errors import NotFound, Unavailable, Unprocessable
from domain.time import FixedClock, to_ms
from measurement.anomalies import Series, in_words, unusual
from measurement.due import covered, next_due
from measurement.query_types import Period
from measurement.report_tables import Alert, Alerts, Report, Reports
from tests.support.catalogue import live_campaign, market
from tests.support.happenings import Shown, happened
from tools.reporting import Chart, Page, Section, as_html, as_pdf

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


def at(services: Services, moment: datetime) -> Services:
    return replace(services, clock=FixedClock(to_ms(moment)))


async def scene(services: Services, clicks: int = 30, name: str = "夏の靴 <b>") -> tuple[str, str]:
    """An advertiser with a campaign that was clicked every day for nine weeks, and `clicks` times yesterday."""
    sides = await market(services)
    campaign = await live_campaign(services, sides.advertiser, name=name)
    await happened(
        services,
        [
            Shown(
                at=NOW - timedelta(days=back), advertiser=sides.advertiser, publisher=sides.publisher,
                campaign=campaign, impressions=40, clicks=clicks if back == 1 else 30, per_click=250_000,
            )
            for back in range(1, 58)
        ],
    )  # fmt: skip
    return sides.advertiser, campaign


@pytest.mark.parametrize(
    ("every", "now", "first", "last", "following"),
    [
        ("day", "2026-11-21T09:30", "2026-11-20", "2026-11-20", "2026-11-22T06:00"),
        ("week", "2026-11-21T09:30", "2026-11-09", "2026-11-15", "2026-11-23T06:00"),
        ("month", "2026-12-31T09:30", "2026-11-01", "2026-11-30", "2027-01-01T06:00"),
        ("week", "2026-11-23T05:59", "2026-11-16", "2026-11-22", "2026-11-23T06:00"),
        ("week", "2026-11-23T06:00", "2026-11-16", "2026-11-22", "2026-11-30T06:00"),
    ],
)
def test_when_reports_are_due(every: str, now: str, first: str, last: str, following: str) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert covered(every, moment) == Period(date.fromisoformat(first), date.fromisoformat(last))
    assert next_due(every, 6, moment) == datetime.fromisoformat(following).replace(tzinfo=UTC)


@pytest.mark.parametrize("language", ["eng", "jpn"])
@pytest.mark.asyncio
async def test_a_report_says_what_was_counted_in_both_forms(
    services: Services, language: str
) -> None:
    org, _ = await scene(services)
    parts = at(services, NOW)
    row = await reporting.make_now(
        parts, org, name="Wochenbericht & 週報", period=Period(date(2026, 11, 14), date(2026, 11, 20)),
        language=language, by="key:anna",
    )  # fmt: skip
    assert (row.status, row.error, row.made_at) == ("done", None, NOW)
    html = (await services.objects.get(row.key("html"))).decode()
    assert "Wochenbericht &amp; 週報" in html
    assert "夏の靴 &lt;b&gt;" in html
    assert "<b>" not in html
    assert "52.50 USD" in html
    assert ("clicks 210" if language == "eng" else "クリック 210") in html
    assert html.count("<svg") >= 1
    assert not re.findall(r"(?:src|href)=|<script|@import|url\(", html)
    pdf = await services.objects.get(row.key("pdf"))
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)
    assert "週報" in text
    assert "夏の靴 <b>" in text
    assert "52.50 USD" in text
    assert (
        "Every number was counted twice" if language == "eng" else "二度数えました"
    ) in text.replace("\n", "")


@pytest.mark.asyncio
async def test_a_due_report_is_made_once_however_many_ask(services: Services) -> None:
    org, _ = await scene(services)
    await reporting.schedule(
        at(services, NOW), org, name="Weekly", every="week", hour=6, language="eng", by="key:anna"
    )
    monday = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
    early = at(services, monday - timedelta(minutes=1))
    assert await reporting.make_due(early) == 0
    made = await asyncio.gather(*(reporting.make_due(at(services, monday)) for _ in range(3)))
    assert sum(made) == 1
    assert await reporting.make_due(at(services, monday + timedelta(hours=3))) == 0
    # Ten weeks later one report is made, not ten.
    assert await reporting.make_due(at(services, monday + timedelta(weeks=10))) == 1
    async with services.db.tenant(org) as session:
        rows = (await session.scalars(select(Report).order_by(Report.first))).all()
    assert [(row.first.isoformat(), row.status) for row in rows] == [
        ("2026-11-16", "done"), ("2027-01-25", "done"),
    ]  # fmt: skip


@pytest.mark.asyncio
async def test_a_maker_that_dies_leaves_the_report_to_the_next(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    org, _ = await scene(services)
    parts = at(services, NOW)
    real = reporting.as_pdf

    def dying(page: Page) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(reporting, "as_pdf", dying)
    period = Period(date(2026, 11, 20), date(2026, 11, 20))
    with pytest.raises(KeyboardInterrupt):
        await reporting.make_now(parts, org, name="x", period=period, language="eng", by="key:a")
    monkeypatch.setattr(reporting, "as_pdf", real)
    assert await reporting.make_due(parts) == 1
    async with services.db.tenant(org) as session:
        (row,) = await Reports(session).newest()
    assert row.status == "done"


@pytest.mark.asyncio
async def test_a_stopped_schedule_makes_nothing_and_belongs_to_its_tenant(
    services: Services,
) -> None:
    org, _ = await scene(services)
    other = (await market(services)).advertiser
    row = await reporting.schedule(
        at(services, NOW), org, name="Daily", every="day", hour=0, language="jpn", by="key:anna"
    )
    with pytest.raises(NotFound):
        await reporting.stop(services, other, row.id)
    await reporting.stop(services, org, row.id)
    await reporting.stop(services, org, row.id)
    assert await reporting.make_due(at(services, NOW + timedelta(days=2))) == 0


@pytest.mark.asyncio
async def test_numbers_that_do_not_hold_make_no_report(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    org, _ = await scene(services)
    monkeypatch.setattr(checking, "check", lambda *_: ("wrong",))
    period = Period(date(2026, 11, 20), date(2026, 11, 20))
    with pytest.raises(Unavailable, match="came out differently"):
        await reporting.make_now(
            at(services, NOW), org, name="x", period=period, language="eng", by="k"
        )
    with pytest.raises(Unprocessable, match="in order"):
        await reporting.make_now(
            at(services, NOW), org, name="x", period=Period(period.last, date(2026, 11, 1)), language="eng",
            by="k",
        )  # fmt: skip


def test_pages_are_the_same_bytes_again_and_take_any_text() -> None:
    page = Page(
        title="</title><script>", subtitle="&amp;", language="eng", made_at="now",
        sections=(
            Section("空", ("",), Chart("bar", "nothing", ("a",), (0.0,))),
            Section("line", ("😀 <i>", "x" * 3_000), Chart("line", "t", ("a", "b"), (1.0, 3.0))),
        ),
    )  # fmt: skip
    assert as_pdf(page) == as_pdf(page)
    assert as_pdf(page).startswith(b"%PDF")
    html = as_html(page).decode()
    assert "<script" not in html
    assert "<i>" not in html


def series(values: list[int], **more: object) -> Series:
    given = {
        "metric": "clicks",
        "campaign_id": "c",
        "currency": "",
        "last": date(2026, 11, 20),
        **more,
    }
    return Series(values=tuple(values), **given)  # type: ignore[arg-type]


def test_a_day_is_compared_with_its_weekday() -> None:
    week = [100, 100, 100, 100, 100, 400, 20]
    # Saturdays bring four times as much: a Saturday of 400 is usual, of 100 is not.
    past = (week * 9)[: 8 * 7 + 5]
    assert unusual(series([*past, 400])) is None
    found = unusual(series([*past, 100]))
    assert found is not None
    assert (found.direction, found.value, found.expected) == ("low", 100, 400)
    assert unusual(series([*past, 1_200])).direction == "high"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "values",
    [[5] * 60 + [0], [100] * 6 + [10], [0] * 60 + [15], [100] * 60 + [82], [100] * 60 + [100], [7]],
)
def test_little_volume_or_little_change_is_no_alert(values: list[int]) -> None:
    assert unusual(series(values)) is None


def test_money_is_judged_in_clicks() -> None:
    found = unusual(
        series([30 * 250_000] * 60 + [2 * 250_000], metric="spend", unit=250_000, currency="USD")
    )
    assert found is not None
    assert in_words(found, {"c": "Shoes"}, []) == (
        "Spend of Shoes on 2026-11-20: 0.50 USD instead of about 7.50 USD on a usual Friday."
    )


def test_chance_alone_is_rarely_an_alert_and_a_halved_day_mostly_is() -> None:
    rng = np.random.default_rng(5)
    season = np.array([1.0, 1.0, 1.1, 1.0, 1.2, 0.6, 0.5])
    false = hits = 0
    for _ in range(1_500):
        level = rng.uniform(40, 400)
        rates = level * season[np.arange(60) % 7]
        values = [int(v) for v in rng.poisson(rates)]
        false += unusual(series(values)) is not None
        values[-1] = int(rng.poisson(rates[-1] * 0.4))
        hits += unusual(series(values)) is not None
    assert false / 1_500 <= 0.002
    assert hits / 1_500 >= 0.9


@pytest.mark.asyncio
async def test_an_unusual_day_is_kept_once_and_seen_by_its_tenant(services: Services) -> None:
    org, campaign = await scene(services, clicks=2, name="Shoes")
    other = (await market(services)).advertiser
    parts = at(services, NOW)
    assert await alerting.look(parts) == 2
    assert await alerting.look(parts) == 0
    async with services.db.tenant(org) as session:
        rows = await Alerts(session).between(date(2026, 11, 1), date(2026, 11, 30))
    assert {(row.metric, row.campaign_id, row.direction, row.day) for row in rows} == {
        ("clicks", campaign, "low", date(2026, 11, 20)), ("spend", campaign, "low", date(2026, 11, 20)),
    }  # fmt: skip
    assert any(
        row.why.startswith("Clicks of Shoes on 2026-11-20: 2 instead of about 30") for row in rows
    )
    async with services.db.tenant(other) as session:
        assert (await session.scalars(select(Alert))).all() == []
    report = await reporting.make_now(
        parts,
        org,
        name="x",
        period=Period(date(2026, 11, 14), date(2026, 11, 20)),
        language="eng",
        by="k",
    )
    assert (
        "instead of about 30 on a usual Friday"
        in (await services.objects.get(report.key("html"))).decode()
    )
