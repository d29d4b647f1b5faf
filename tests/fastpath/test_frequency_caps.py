"""Frequency caps in both states: exact windows, one trip, nothing counted twice."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from domain.catalogue import Cap, CapScope
from fastpath.caps import CapKey, Shown, caps_of
from fastpath.reservation import RedisReservation, Reservation, Ruling, Verdict
from fastpath.types import AdRequest, Consent
from tests.fastpath.sample_catalogue import NOW, ad
from tests.fastpath.serving_asks import ANSWERS, DAY, ask

pytestmark = pytest.mark.asyncio


def cap(limit: int = 2, window_ms: int = 3_600_000, key: str = "k", scope: str = "user") -> CapKey:
    return CapKey(CapScope(scope), key, limit, window_ms)


async def shown(state: Reservation, n: int, *caps: CapKey, **more: object) -> Ruling:
    fields = {"conversation_id": f"c{n}", "request_id": f"r{n}", "caps": caps, **more}
    return await state.reserve(ask(**fields))


async def test_a_cap_is_an_exact_sliding_window(state: Reservation) -> None:
    hour = 3_600_000
    at = [NOW, NOW + 10_000, NOW + hour - 1, NOW + hour, NOW + hour + 9_999, NOW + hour + 10_000]
    given = [(await shown(state, n, cap(), now_ms=t)).verdict.value for n, t in enumerate(at)]
    assert given == ["granted", "granted", "frequency", "granted", "frequency", "granted"]


async def test_the_cap_that_was_reached_is_named_and_the_others_count_nothing(
    state: Reservation,
) -> None:
    wide, full = cap(5, key="wide", scope="account"), cap(1, key="full", scope="conversation")
    assert (await shown(state, 1, wide, full)).cap == ""
    refused = await shown(state, 2, wide, full)
    assert (refused.verdict, refused.cap) == (Verdict.FREQUENCY, "conversation")
    assert refused.answer == ANSWERS[Verdict.FREQUENCY]
    rest = [(await shown(state, n, wide)).verdict for n in range(3, 9)]
    assert rest.count(Verdict.GRANTED) == 4


async def test_parallel_requests_never_pass_a_cap(state: Reservation) -> None:
    caps = (cap(7, key="user"), cap(5, key="account", scope="account"))
    rulings = await asyncio.gather(*(shown(state, n, *caps) for n in range(40)))
    assert sum(ruling.verdict is Verdict.GRANTED for ruling in rulings) == 5
    assert {r.cap for r in rulings if r.verdict is Verdict.FREQUENCY} == {"account"}


async def test_a_repeated_request_counts_nothing(state: Reservation) -> None:
    for _ in range(5):
        assert (await shown(state, 1, cap())).verdict is Verdict.GRANTED
    assert (await shown(state, 2, cap())).verdict is Verdict.GRANTED
    assert (await shown(state, 3, cap())).verdict is Verdict.FREQUENCY
    # The refusal is kept as well: asked again after the window, the message gets its first answer.
    late = await shown(state, 3, cap(), now_ms=NOW + 7_200_000)
    assert (late.verdict, late.repeated) == (Verdict.FREQUENCY, True)


async def test_a_cap_refusal_that_is_not_final_leaves_no_trace(state: Reservation) -> None:
    await shown(state, 1, cap(1))
    tried = await shown(state, 2, cap(1), final=False)
    assert (tried.verdict, tried.answer, tried.cap) == (Verdict.FREQUENCY, b"", "user")
    other = await shown(state, 2, cap(1, key="other"), campaign_id="other")
    assert (other.verdict, other.repeated) == (Verdict.GRANTED, False)


async def test_no_cap_counts_without_a_grant(state: Reservation) -> None:
    await shown(state, 1, cap(1), wants_ad=False)
    await shown(state, 2, cap(1), sensitive=True)
    await shown(state, 3, cap(1), budget_total_micros=1)
    assert (await shown(state, 4, cap(1))).verdict is Verdict.GRANTED
    assert (await shown(state, 4, cap(9, key="b"), message_id="m2")).verdict is Verdict.COOLDOWN


async def test_a_clock_set_back_does_not_empty_a_cap(state: Reservation) -> None:
    await shown(state, 1, cap(1))
    assert (await shown(state, 2, cap(1), now_ms=NOW - 9_000_000)).verdict is Verdict.FREQUENCY


async def test_a_grant_that_never_reached_the_host_is_given_back(state: Reservation) -> None:
    await state.set_spent("cmp", total_micros=0, day=DAY, daily_micros=0)
    await shown(state, 1, cap(1), budget_total_micros=400_000)
    assert (await shown(state, 2, cap(1))).verdict is Verdict.FREQUENCY
    assert await state.release("cmp", "r1", (cap(1),))
    again = await shown(state, 3, cap(1), budget_total_micros=400_000)
    assert again.verdict is Verdict.GRANTED
    # Settling is not giving back: what was clicked was shown.
    assert await state.settle("cmp", "r3", spent_micros=1, day=DAY)
    assert (await shown(state, 4, cap(1))).verdict is Verdict.FREQUENCY


async def test_a_conversation_tells_how_often_each_campaign_was_shown(state: Reservation) -> None:
    pause = 60_000
    for n, campaign in enumerate(("a", "b", "a")):
        ruling = await state.reserve(ask(f"m{n}", now_ms=NOW + n * pause, campaign_id=campaign))
    assert dict(ruling.shown) == {"a": 2, "b": 1}
    refused = await state.reserve(ask("m9", now_ms=NOW + 2 * pause, campaign_id="b"))
    assert (refused.verdict, dict(refused.shown)) == (Verdict.COOLDOWN, {"a": 2, "b": 1})
    assert (await state.reserve(ask(conversation_id="other"))).shown == (("cmp", 1),)


async def test_caps_expire_from_the_server_and_hold_no_ids(valkey: int) -> None:
    request = AdRequest(
        request_id="r", app_id="app", conversation_id="talk-77", message_id="m", turns=(),
        now_ms=NOW, user_id="user-4711", consent=Consent(personalisation=True),
    )  # fmt: skip
    caps = tuple(Cap(scope, 2, 3_600_000) for scope in CapScope)
    keys = caps_of(ad("one", "shoes", caps=caps), request, b"s" * 32)
    async with Redis(port=valkey) as client:
        await client.flushall()
        await shown(RedisReservation(client, timeout_s=5), 1, *keys)
        names = [name async for name in client.scan_iter("*cap:*")]
        lives = [await client.pttl(name) for name in names]
        everything = b" ".join([name async for name in client.scan_iter("*")])
    assert len(names) == 4
    assert all(3_600_000 < life <= 7_200_000 for life in lives)
    assert b"4711" not in everything
    assert b"talk-77" not in everything


@pytest.mark.parametrize("consent", [None, False, True])
async def test_a_user_counts_by_id_only_with_consent(consent: bool | None) -> None:
    def keys(talk: str, user: str | None, app: str = "app", secret: bytes = b"s") -> list[str]:
        request = AdRequest(
            request_id="r", app_id=app, conversation_id=talk, message_id="m", turns=(), now_ms=NOW,
            user_id=user, consent=Consent(personalisation=consent),
        )  # fmt: skip
        one = ad("one", "shoes", caps=(Cap(CapScope.USER, 1, 1_000),))
        return [one.key for one in caps_of(one, request, secret)]

    same = keys("t1", "u") == keys("t2", "u")
    assert same is (consent is True)
    assert keys("t1", None) != keys("t2", None)
    assert keys("t1", None) == keys("t1", None)
    assert keys("t1", "u") != keys("t1", "u", secret=b"other")
    assert keys("t1", "u") != keys("t1", "u", app="app2")


async def test_what_was_shown_is_remembered_for_the_latest_conversations() -> None:
    memory = Shown(most=2)
    memory.learn("a", (("cmp", 1),))
    memory.learn("b", (("cmp", 2),))
    memory.learn("a", (("cmp", 3),))
    memory.learn("c", (("cmp", 4),))
    assert (memory.of("a"), memory.of("b"), memory.of("c")) == ({"cmp": 3}, {}, {"cmp": 4})
    memory.learn("a", ())
    assert memory.of("a") == {}
