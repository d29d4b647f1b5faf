"""The rest of the ground floor: draws, time, languages, formats, errors, briefs."""

from __future__ import annotations

from datetime import UTC, date, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import errors, formats
from domain.brief import Brief, Kpi, PeriodBudget
from domain.errors import ParleyError, RateLimited
from domain.formats import AdFormat, formats_for
from domain.language import Language, parse_language
from domain.randomness import draw, draw_int
from domain.time import FixedClock, SystemClock, day_of, start_of_day_ms, to_ms, utc


def test_draws_are_the_same_on_every_machine_and_in_every_version() -> None:
    assert draw_int("req_1", "explore") == 5538688572761125
    assert draw_int("req_1", "explore", 1) == 3235214029530144
    assert draw_int("req_1", "auction") == 8734829060839459
    assert draw_int("リクエスト", "explore", 0, 64) == 3097339408366263108
    assert draw("req_1", "explore") == 5538688572761125 / 2**53


def test_draws_are_uniform() -> None:
    drawn = [draw(f"req_{number}", "explore") for number in range(20_000)]
    assert all(0 <= value < 1 for value in drawn)
    counts = [0] * 20
    for value in drawn:
        counts[int(value * 20)] += 1
    # Chi-square with 19 degrees of freedom: above 43.8 once in a thousand.
    assert sum((count - 1000) ** 2 / 1000 for count in counts) < 43.8


def test_two_purposes_know_nothing_of_each_other() -> None:
    pairs = [(draw(f"r{n}", "explore"), draw(f"r{n}", "tie")) for n in range(5000)]
    both = sum(a < 0.5 and b < 0.5 for a, b in pairs)
    assert 1150 < both < 1350
    assert len({draw_int("r", "explore", counter) for counter in range(1000)}) == 1000


@given(st.text(), st.text(), st.integers(0, 10**6), st.integers(1, 64))
def test_draws_have_as_many_bits_as_asked(
    request_id: str, purpose: str, counter: int, bits: int
) -> None:
    value = draw_int(request_id, purpose, counter, bits)
    assert 0 <= value < 2**bits
    assert value == draw_int(request_id, purpose, counter, bits)


@given(st.integers(0, 4_000_000_000_000))
def test_milliseconds_survive_datetimes(at_ms: int) -> None:
    moment = utc(at_ms)
    assert moment.tzinfo is UTC
    assert to_ms(moment) == at_ms
    day = day_of(at_ms)
    assert start_of_day_ms(day) <= at_ms < start_of_day_ms(day) + 86_400_000


def test_days_are_utc_days() -> None:
    new_year = start_of_day_ms(date(2027, 1, 1))
    assert utc(new_year) == datetime(2027, 1, 1, tzinfo=UTC)
    assert (day_of(new_year - 1), day_of(new_year)) == (date(2026, 12, 31), date(2027, 1, 1))


def test_a_fixed_clock_moves_when_told() -> None:
    clock = FixedClock(1_000)
    assert clock.now_ms() == clock.now_ms() == 1_000
    clock.advance(500)
    clock.advance(-700)
    assert clock.now_ms() == 800
    assert abs(SystemClock().now_ms() - to_ms(datetime.now(UTC))) < 5_000


@pytest.mark.parametrize(
    ("code", "language"),
    [
        ("en", "eng"), ("eng", "eng"), ("EN-us", "eng"), ("en_GB", "eng"), (" eng ", "eng"),
        ("ja", "jpn"), ("jpn", "jpn"), ("ja_JP", "jpn"), ("ja-Latn-JP", "jpn"),
        ("fr", None), ("", None), ("english", None), ("-", None), ("日本語", None),
    ],
)  # fmt: skip
def test_languages_are_read_from_any_usual_code(code: str, language: str | None) -> None:
    assert parse_language(code) == (Language(language) if language else None)


@pytest.mark.parametrize(
    ("opportunity", "allowed"),
    [
        (0.0, ""), (0.2999, ""), (0.3, "static followup"), (0.6999, "static followup"),
        (0.7, "action_card lead_gen static followup"), (1.0, "action_card lead_gen static followup"),
    ],
)  # fmt: skip
def test_the_thresholds_decide_which_formats_may_be_shown(opportunity: float, allowed: str) -> None:
    assert formats_for(opportunity) == {AdFormat(name) for name in allowed.split()}


def test_the_numbers_of_the_design_are_these() -> None:
    assert (formats.T_LOW, formats.T_HIGH, formats.COOLDOWN_MS) == (0.3, 0.7, 60_000)
    assert (formats.EXPLORE_RATE, formats.EXPLORE_TOP) == (0.05, 5)
    assert [f.value for f in formats.Intent] == [
        "sensitive", "chitchat", "low_intent", "medium_commercial", "high_commercial"
    ]  # fmt: skip
    assert formats.LABELS == {"eng": "Ad", "jpn": "広告"}


KINDS = [
    kind for kind in vars(errors).values() if isinstance(kind, type) and kind is not ParleyError
]
KINDS = [kind for kind in KINDS if issubclass(kind, ParleyError)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_is_a_problem_with_status_code_and_sentence(kind: type[ParleyError]) -> None:
    problem = kind("some_code", "Do this.", field="geos").problem()
    assert problem == {
        "type": "urn:parley:problem:some_code",
        "title": kind.title,
        "status": kind.status,
        "code": "some_code",
        "detail": "Do this.",
        "field": "geos",
    }
    assert 400 <= kind.status < 600
    msgspec.json.encode(problem)
    assert str(kind("c", "Do this.")) == "Do this."


def test_every_error_has_a_status_of_its_own() -> None:
    assert len(KINDS) == 10
    assert len({kind.status for kind in KINDS}) == 10
    assert RateLimited("rate", "Wait.", retry_after=3).problem()["retry_after"] == 3


def test_a_brief_keeps_tuples_whatever_it_is_built_from() -> None:
    brief = Brief(goal="g", geos=["JP"], channels=["in_chat"], must_ask=[])  # type: ignore[arg-type]
    assert (brief.geos, brief.channels, brief.must_ask) == (("JP",), ("in_chat",), ())
    hash(brief)
    again = msgspec.json.decode(msgspec.json.encode(brief), type=Brief)
    assert again == brief
    assert type(again.geos) is tuple


def test_a_brief_with_everything_survives_the_wire() -> None:
    brief = Brief(
        goal="売上", goal_language="jpn", budget_total_minor=300_000, currency="JPY",
        period_budget=PeriodBudget(100, "week"), kpi=Kpi("roas", 4.0, "ratio"), ongoing=True,
        must_ask=("geos",), questions=("Where?",), audience_keywords=("runners",),
    )  # fmt: skip
    assert msgspec.convert(msgspec.to_builtins(brief), Brief) == brief
    with pytest.raises(AttributeError):
        brief.goal = "other"  # type: ignore[misc]
