"""Several models, breakers, budgets and metering, on the providers' real wire formats."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import httpx2
import pytest
from pydantic import BaseModel

from bootstrap.services import Services
from domain.time import FixedClock
from llm.answers import Charge
from llm.breaker import Breakers
from llm.observed import Observed
from llm.offline.model import MODEL_NAME
from llm.purse import SharedPurse
from llm.router import ModelRouter
from llm.table import ModelCard, ModelTable, built_in_table
from llm.till import Till
from tests.support.model_wires import ANTHROPIC, OPENAI, SPECS, XAI, answer

pytestmark = pytest.mark.asyncio
ASK = [{"role": "user", "content": "<today>2026-11-16</today><goal>Sell tea in Japan, $500</goal>"}]
ALL = ",".join(SPECS.values())
GOOD = {"product": "green tea", "geos": ["JP"]}


class Brief(BaseModel):
    product: str | None = None
    geos: list[str] = []


class Waits:
    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


class Booked:
    def __init__(self) -> None:
        self.charges: list[Charge] = []

    async def __call__(self, charge: Charge) -> None:
        self.charges.append(charge)


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "XAI_API_KEY"):
        monkeypatch.setenv(name, "test-key")
    monkeypatch.setenv("LANGSMITH_TRACING", "false")


def _router(spec: str = ALL, **more: Any) -> ModelRouter:
    return ModelRouter(spec, **{"clock": FixedClock(0), "sleep": Waits(), **more})


@pytest.mark.parametrize(
    ("policy", "first"),
    [("quality", XAI), ("cost", OPENAI), ("latency", ANTHROPIC)],
)
async def test_the_policy_decides_who_is_asked(policy: Any, first: str, httpx2_mock: Any) -> None:
    httpx2_mock.post(first).respond(json=answer(first, "Brief", GOOD))
    got = await _router(policy=policy).structured("Brief", Brief, ASK)
    assert got.value == Brief(**GOOD)
    assert got.attempts == 1
    assert [str(call.request.url) for call in httpx2_mock.calls] == [first]


async def test_latency_goes_by_what_was_observed(httpx2_mock: Any) -> None:
    observed = Observed()
    await observed.note(SPECS[XAI], 200, answered=True)
    httpx2_mock.post(XAI).respond(json=answer(XAI, "Brief", GOOD))
    till = Till(FixedClock(0), observed=observed)
    got = await _router(policy="latency", till=till).structured("Brief", Brief, ASK)
    assert got.model == "grok-4.3"


async def test_the_next_model_is_asked_at_once(httpx2_mock: Any) -> None:
    httpx2_mock.post(XAI).respond(503, json={"error": {"message": "down"}})
    httpx2_mock.post(ANTHROPIC).respond(json=answer(ANTHROPIC, "Brief", GOOD))
    waits = Waits()
    got = await _router(sleep=waits).structured("Brief", Brief, ASK)
    assert (got.rule_based, got.attempts, waits.seconds) == (False, 2, [])
    assert got.warnings == ("xai:grok-4.3 answered with status 503.",)


async def test_all_down_ends_with_the_rules_which_say_so(httpx2_mock: Any) -> None:
    routes = [httpx2_mock.post(url) for url in SPECS]
    for route in routes:
        route.mock(side_effect=httpx2.ConnectError("down"))
    waits, booked = Waits(), Booked()
    till = Till(FixedClock(0), on_charge=booked)
    got = await _router(sleep=waits, till=till).structured("Brief", Brief, ASK)
    assert [route.call_count for route in routes] == [3, 3, 3]
    assert waits.seconds == [0.5, 1.0]
    assert (got.rule_based, got.model, got.attempts) == (True, MODEL_NAME, 10)
    assert got.value.geos == ["JP"]
    assert "rule-based model answered" in got.warnings[-1]
    assert {c.cost_micros for c in booked.charges} == {0}


async def test_a_wrong_key_is_not_tried_again_but_the_others_are(httpx2_mock: Any) -> None:
    wrong = httpx2_mock.post(XAI).respond(401, json={"error": {"message": "no"}})
    busy = httpx.Response(429, headers={"retry-after": "2"}, json={"error": {"message": "busy"}})
    good = httpx.Response(200, json=answer(ANTHROPIC, "Brief", GOOD))
    httpx2_mock.post(ANTHROPIC).mock(side_effect=[busy, good])
    waits = Waits()
    spec = f"{SPECS[XAI]},{SPECS[ANTHROPIC]}"
    got = await _router(spec, sleep=waits).structured("Brief", Brief, ASK)
    assert wrong.call_count == 1
    assert waits.seconds == [2.0]
    assert not got.rule_based


async def test_nobody_waits_longer_than_the_deadline(httpx2_mock: Any) -> None:
    body = {"error": {"message": "busy"}}
    route = httpx2_mock.post(OPENAI).respond(429, headers={"retry-after": "900"}, json=body)
    waits = Waits()
    got = await _router(SPECS[OPENAI], sleep=waits).structured("Brief", Brief, ASK)
    assert got.rule_based
    assert (route.call_count, waits.seconds) == (1, [])


async def test_an_open_breaker_keeps_the_line_free(services: Services, httpx2_mock: Any) -> None:
    clock = FixedClock(1_000)
    route = httpx2_mock.post(OPENAI).respond(500, json={"error": {"message": "down"}})

    def router() -> ModelRouter:
        till = Till(clock, breakers=Breakers(clock, services.redis))
        return _router(SPECS[OPENAI], clock=clock, till=till)

    for _ in range(2):
        assert (await router().structured("Brief", Brief, ASK)).rule_based
    assert route.call_count == 5
    third = await router().structured("Brief", Brief, ASK)
    assert (third.rule_based, third.attempts, route.call_count) == (True, 1, 5)
    assert "several times in a row" in third.warnings[0]
    clock.advance(60_000)
    route.respond(json=answer(OPENAI, "Brief", GOOD))
    assert not (await router().structured("Brief", Brief, ASK)).rule_based
    assert not (await router().structured("Brief", Brief, ASK)).rule_based


async def test_questions_that_are_wrong_do_not_open_a_breaker(httpx2_mock: Any) -> None:
    route = httpx2_mock.post(OPENAI).respond(400, json={"error": {"message": "bad"}})
    router = _router(SPECS[OPENAI])
    for _ in range(7):
        assert (await router.structured("Brief", Brief, ASK)).rule_based
    assert route.call_count == 7


@pytest.mark.parametrize("url", SPECS)
async def test_what_a_call_costs_is_what_the_model_counted(url: str, httpx2_mock: Any) -> None:
    httpx2_mock.post(url).respond(json=answer(url, "Brief", GOOD, (10_000, 500)))
    booked = Booked()
    till = Till(FixedClock(0), on_charge=booked)
    got = await _router(SPECS[url], till=till).structured("Brief", Brief, ASK)
    card = built_in_table().card(SPECS[url])
    assert got.cost_micros == card.cost_micros(10_000, 500)
    ((charge,),) = [booked.charges]
    assert (charge.task, charge.spec, charge.outcome) == ("Brief", SPECS[url], "answered")
    assert (charge.cost_micros, charge.estimated) == (got.cost_micros, False)


async def test_unusable_answers_are_paid_for_as_well(httpx2_mock: Any) -> None:
    httpx2_mock.post(OPENAI).respond(json=answer(OPENAI, "Brief", {"geos": "x"}, (1_000, 100)))
    booked = Booked()
    router = _router(SPECS[OPENAI], till=Till(FixedClock(0), on_charge=booked))
    got = await router.structured("Brief", Brief, ASK)
    assert got.rule_based
    assert [c.outcome for c in booked.charges] == ["unusable"] * 3
    assert got.cost_micros == 3 * 560


async def test_a_timeout_is_booked_at_the_most_it_can_have_cost(httpx2_mock: Any) -> None:
    httpx2_mock.post(OPENAI).mock(side_effect=httpx2.ReadTimeout("slow"))
    booked = Booked()
    router = _router(SPECS[OPENAI], till=Till(FixedClock(0), on_charge=booked), max_attempts=1)
    await router.structured("Brief", Brief, ASK)
    (charge,) = booked.charges
    assert charge.estimated
    assert charge.cost_micros is not None
    assert charge.cost_micros > 8_192 * 1_600_000 // 1_000_000


def _purse(services: Services, run: str = "run_1", **limits: int | None) -> SharedPurse:
    known: dict[str, int | None] = {"run_budget_micros": None, "daily_cap_micros": None, **limits}
    return SharedPurse(services.redis, FixedClock(0), run_id=run, org_id="org_1", **known)


async def test_twenty_tasks_at_once_stay_within_the_budget(
    services: Services, httpx2_mock: Any
) -> None:
    route = httpx2_mock.post(OPENAI).respond(json=answer(OPENAI, "Brief", GOOD, (300, 900)))
    limit = 12_000
    purse = _purse(services, daily_cap_micros=limit)
    booked = Booked()

    async def one(number: int) -> bool:
        mine = _purse(services, f"run_{number}", daily_cap_micros=limit)
        till = Till(FixedClock(0), purse=mine, on_charge=booked)
        got = await _router(SPECS[OPENAI], till=till, max_output_tokens=1_000).structured(
            "Brief", Brief, ASK
        )
        assert not got.rule_based or "today's cap" in got.warnings[0]
        return got.rule_based

    ruled = await asyncio.gather(*(one(number) for number in range(20)))
    _, day = await purse.spent()
    assert day <= limit
    assert day == sum(c.cost_micros or 0 for c in booked.charges)
    assert route.call_count == ruled.count(False)
    assert 0 < route.call_count < 20


async def test_a_call_that_costs_too_much_is_not_made(services: Services, httpx2_mock: Any) -> None:
    till = Till(FixedClock(0), purse=_purse(services, run_budget_micros=500))
    got = await _router(SPECS[OPENAI], till=till).structured("Brief", Brief, ASK)
    assert got.rule_based
    assert "PARLEY_LLM_RUN_BUDGET" in got.warnings[0]
    cheap = await _router(SPECS[OPENAI]).structured("Brief", Brief, ASK, budget_micros=10)
    assert cheap.rule_based
    assert "more than the $0.0000" in cheap.warnings[0]
    assert len(httpx2_mock.calls) == 0


async def test_a_dear_model_gives_way_to_one_that_can_be_paid(httpx2_mock: Any) -> None:
    table = ModelTable(
        [
            ModelCard(SPECS[OPENAI], 1_000_000_000, 1_000_000_000, quality={"default": 99}),
            ModelCard(SPECS[XAI], 1, 1, quality={"default": 1}),
        ]
    )
    httpx2_mock.post(XAI).respond(json=answer(XAI, "Brief", GOOD))
    router = _router(f"{SPECS[OPENAI]},{SPECS[XAI]}", table=table)
    got = await router.structured("Brief", Brief, ASK, budget_micros=1_000)
    assert got.model == "grok-4.3"


async def test_a_model_without_a_price_is_not_asked_where_money_is_limited(
    services: Services, httpx2_mock: Any
) -> None:
    till = Till(FixedClock(0), purse=_purse(services, daily_cap_micros=10**9))
    got = await _router("openai:brand-new", till=till).structured("Brief", Brief, ASK)
    assert got.rule_based
    assert "price is not known" in got.warnings[0]
    httpx2_mock.post(OPENAI).respond(json=answer(OPENAI, "Brief", GOOD))
    free = await _router("openai:brand-new").structured("Brief", Brief, ASK)
    assert (free.rule_based, free.cost_micros) == (False, None)


async def test_a_question_that_does_not_fit_is_not_sent(httpx2_mock: Any) -> None:
    table = ModelTable([ModelCard(SPECS[OPENAI], 1, 1, context=9_000)])
    got = await _router(SPECS[OPENAI], table=table).structured(
        "Brief", Brief, ASK, budget_micros=None
    )
    assert "does not fit its context" in got.warnings[0]
    assert len(httpx2_mock.calls) == 0


async def test_the_answer_is_bounded_on_the_wire(httpx2_mock: Any) -> None:
    for url in SPECS:
        route = httpx2_mock.post(url).respond(json=answer(url, "Brief", GOOD))
        await _router(SPECS[url], max_output_tokens=777).structured("Brief", Brief, ASK)
        sent = json.loads(route.calls[-1].request.content)
        assert 777 in (sent.get("max_tokens"), sent.get("max_completion_tokens"))


async def test_a_call_that_is_cut_off_is_booked(httpx2_mock: Any) -> None:
    inside = asyncio.Event()

    async def hang(_: Any) -> Any:
        inside.set()
        await asyncio.Event().wait()

    route = httpx2_mock.post(OPENAI).mock(side_effect=hang)
    booked = Booked()
    router = _router(SPECS[OPENAI], till=Till(FixedClock(0), on_charge=booked))
    task = asyncio.create_task(router.structured("Brief", Brief, ASK))
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [(c.outcome, c.estimated) for c in booked.charges] == [("cut", True)]
    # A route counts as called only when it has answered.
    route.mock(side_effect=None, return_value=httpx.Response(204))
    async with httpx2.AsyncClient() as client:
        await client.post(OPENAI)
