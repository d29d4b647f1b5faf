"""One suite for both states: in the process and in a real Valkey."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
from redis.asyncio import Redis

from domain.errors import Unavailable
from domain.ids import CountingIds
from domain.time import FixedClock
from fastpath import record
from fastpath.compiler import compile_catalogue
from fastpath.engine import FastPath
from fastpath.local import LocalReservation
from fastpath.receipt import Signer
from fastpath.replay import replay
from fastpath.reservation import Ask, Keys, RedisReservation, Reservation, Verdict
from fastpath.snapshot import Snapshot
from fastpath.types import AdRequest, Turn
from storage.pipe import Pipe
from tests.fastpath.sample_catalogue import NOW, sample
from tests.fastpath.serving_asks import ANSWERS, DAY, ask

pytestmark = pytest.mark.asyncio


async def test_an_ad_is_granted_once_per_conversation_however_many_ask(state: Reservation) -> None:
    rulings = await asyncio.gather(*(state.reserve(ask(f"m{i}")) for i in range(50)))
    verdicts = [ruling.verdict for ruling in rulings]
    assert verdicts.count(Verdict.GRANTED) == 1
    assert verdicts.count(Verdict.COOLDOWN) == 49
    assert all(ruling.answer == ANSWERS[ruling.verdict] for ruling in rulings)


async def test_other_conversations_are_not_held_up(state: Reservation) -> None:
    rulings = await asyncio.gather(
        *(state.reserve(ask(conversation_id=f"talk{i}")) for i in range(20))
    )
    assert {ruling.verdict for ruling in rulings} == {Verdict.GRANTED}


async def test_a_repeated_message_gets_the_first_answer(state: Reservation) -> None:
    first = await state.reserve(ask())
    again = await state.reserve(ask(request_id="req-other", answers={v: b"new" for v in Verdict}))
    assert (again.verdict, again.answer, again.repeated) == (first.verdict, first.answer, True)
    refused = await state.reserve(ask("m2"))
    assert (await state.reserve(ask("m2"))).answer == refused.answer == ANSWERS[Verdict.COOLDOWN]


async def test_an_edited_message_that_has_become_sensitive_gets_no_ad_back(
    state: Reservation,
) -> None:
    assert (await state.reserve(ask())).verdict is Verdict.GRANTED
    edited = await state.reserve(ask(request_id="req-2", sensitive=True, wants_ad=False))
    assert (edited.verdict, edited.repeated) == (Verdict.REFUSED, False)
    # Edited back, or sent again, or a later message: the conversation has turned.
    for message in ("m1", "m2"):
        later = await state.reserve(
            ask(message, now_ms=NOW + 120_000, request_id=f"req-3{message}")
        )
        assert later.verdict in (Verdict.REFUSED, Verdict.SENSITIVE)


async def test_an_ad_is_not_repeated_once_the_conversation_has_turned(state: Reservation) -> None:
    await state.reserve(ask())
    await state.reserve(ask("m2", sensitive=True, wants_ad=False))
    again = await state.reserve(ask(request_id="req-again"))
    assert (again.verdict, again.answer) == (Verdict.SENSITIVE, ANSWERS[Verdict.SENSITIVE])
    assert (await state.reserve(ask(request_id="req-x"))).repeated


async def test_the_pause_ends_after_a_minute_and_not_before(state: Reservation) -> None:
    await state.reserve(ask())
    assert (await state.reserve(ask("m2", now_ms=NOW + 59_999))).verdict is Verdict.COOLDOWN
    assert (await state.reserve(ask("m3", now_ms=NOW + 60_000))).verdict is Verdict.GRANTED


async def test_a_clock_going_backwards_grants_nothing(state: Reservation) -> None:
    await state.reserve(ask())
    assert (await state.reserve(ask("m2", now_ms=NOW - 3_600_000))).verdict is Verdict.COOLDOWN


async def test_a_refusal_starts_no_pause(state: Reservation) -> None:
    assert (await state.reserve(ask(wants_ad=False))).verdict is Verdict.REFUSED
    assert (await state.reserve(ask("m2"))).verdict is Verdict.GRANTED


async def test_a_sensitive_turn_closes_the_conversation(state: Reservation) -> None:
    await state.reserve(ask(wants_ad=False, sensitive=True))
    assert (await state.reserve(ask("m2", now_ms=NOW + 10_000))).verdict is Verdict.SENSITIVE
    assert (await state.reserve(ask("m3", conversation_id="other"))).verdict is Verdict.GRANTED


async def test_a_campaign_without_a_counter_gets_no_ad(state: Reservation) -> None:
    capped = ask(budget_total_micros=1_000_000)
    assert (await state.reserve(capped)).verdict is Verdict.STATE_UNAVAILABLE


async def test_holds_count_against_the_budget_until_they_expire(state: Reservation) -> None:
    await state.set_spent("cmp", total_micros=200_000, day=DAY, daily_micros=0)

    async def go(n: int, **more: object) -> Verdict:
        fields = {
            "conversation_id": f"c{n}",
            "request_id": f"r{n}",
            "budget_total_micros": 1_000_000,
            **more,
        }
        return (await state.reserve(ask(**fields))).verdict

    assert await go(1) is Verdict.GRANTED
    assert await go(2) is Verdict.GRANTED
    assert await go(3) is Verdict.BUDGET
    assert await go(4, now_ms=NOW + 999) is Verdict.BUDGET
    assert await go(5, now_ms=NOW + 1_000) is Verdict.GRANTED


async def test_daily_caps_start_afresh_each_day(state: Reservation) -> None:
    await state.set_spent("cmp", total_micros=900_000, day=DAY, daily_micros=900_000)
    today = ask(budget_daily_micros=1_000_000)
    tomorrow = ask("m2", conversation_id="c2", day="20261119", budget_daily_micros=1_000_000)
    assert (await state.reserve(today)).verdict is Verdict.BUDGET
    assert (await state.reserve(tomorrow)).verdict is Verdict.GRANTED


async def test_settling_turns_a_hold_into_spending(state: Reservation) -> None:
    await state.set_spent("cmp", total_micros=0, day=DAY, daily_micros=0)
    await state.reserve(ask(budget_total_micros=500_000))
    assert await state.settle("cmp", "req-m1", spent_micros=300_000, day=DAY)
    assert not await state.settle("cmp", "req-m1", spent_micros=0, day=DAY)
    again = ask("m2", conversation_id="c2", hold_micros=200_000, budget_total_micros=500_000)
    over = ask("m3", conversation_id="c3", hold_micros=1, budget_total_micros=500_000)
    assert (await state.reserve(again)).verdict is Verdict.GRANTED
    assert (await state.reserve(over)).verdict is Verdict.BUDGET
    assert await state.release("cmp", "req-m2")
    assert (await state.reserve(msg(over))).verdict is Verdict.GRANTED


async def test_what_is_held_can_be_asked_for(state: Reservation) -> None:
    await state.set_spent("cmp", total_micros=0, day=DAY, daily_micros=0)
    assert await state.held("cmp", now_ms=NOW, day=DAY) == (0, 0)
    for n, day in enumerate((DAY, DAY, "20261119")):
        capped = {"conversation_id": f"c{n}", "day": day, "hold_expires_ms": NOW + 1_000 * (n + 1)}
        await state.reserve(ask(f"m{n}", budget_total_micros=9_000_000, **capped))
    assert await state.held("cmp", now_ms=NOW, day=DAY) == (1_200_000, 800_000)
    assert await state.held("cmp", now_ms=NOW + 1_000, day=DAY) == (800_000, 400_000)
    await state.settle("cmp", "req-m1", spent_micros=1, day=DAY)
    assert await state.held("cmp", now_ms=NOW + 1_000, day=DAY) == (400_000, 0)


def msg(question: Ask) -> Ask:
    return ask(
        "m9", conversation_id="c9", hold_micros=question.hold_micros, budget_total_micros=500_000
    )


async def test_a_budget_refusal_that_is_not_final_leaves_no_trace(state: Reservation) -> None:
    await state.set_spent("cmp", total_micros=10, day=DAY, daily_micros=0)
    first = await state.reserve(ask(budget_total_micros=10, final=False))
    assert (first.verdict, first.answer) == (Verdict.BUDGET, b"")
    assert (await state.reserve(ask(campaign_id="other"))).verdict is Verdict.GRANTED


async def test_a_budget_is_never_overspent_by_parallel_requests(state: Reservation) -> None:
    await state.set_spent("cmp", total_micros=0, day=DAY, daily_micros=0)
    rulings = await asyncio.gather(
        *(
            state.reserve(ask(f"m{i}", conversation_id=f"c{i}", budget_total_micros=2_000_000))
            for i in range(40)
        )
    )
    assert sum(ruling.verdict is Verdict.GRANTED for ruling in rulings) == 5


async def test_large_amounts_keep_every_micro(state: Reservation) -> None:
    total = 9_000_000_000_000_000
    await state.set_spent("cmp", total_micros=total - 1, day=DAY, daily_micros=0)
    assert (
        await state.reserve(ask(hold_micros=2, budget_total_micros=total))
    ).verdict is Verdict.BUDGET
    fits = ask("m2", hold_micros=1, budget_total_micros=total)
    assert (await state.reserve(fits)).verdict is Verdict.GRANTED


async def test_record_and_offer_are_written_in_the_same_trip(valkey: int) -> None:
    async with Redis(port=valkey) as client:
        await client.flushall()
        state = RedisReservation(client, keys=Keys("t:"), timeout_s=5)
        await state.reserve(ask())
        ((_, entry),) = await client.xrange("t:parley:decisions")
        assert entry == {b"request_id": b"req-m1", b"verdict": b"granted", b"record": b"record"}
        assert await client.get("t:offer:req-m1") == b"offer"
        assert 0 < await client.pttl("t:offer:req-m1") <= 60_000
        await state.reserve(ask())
        assert await client.xlen("t:parley:decisions") == 1


async def test_a_server_that_forgot_its_scripts_is_taught_again(valkey: int) -> None:
    async with Redis(port=valkey) as client:
        await client.flushall()
        state = RedisReservation(client, timeout_s=5)
        await state.reserve(ask())
        await client.script_flush()
        assert (await state.reserve(ask("m2"))).verdict is Verdict.COOLDOWN


async def test_scripts_forgotten_while_many_ask_are_taught_again_and_nothing_is_lost(
    valkey: int,
) -> None:
    pipe = Pipe(f"redis://127.0.0.1:{valkey}/0", patience_s=5)
    state = RedisReservation(pipe, timeout_s=None)
    await pipe.call("FLUSHALL")
    await state.reserve(ask())
    await state.reserve(ask("m0", wants_ad=False))
    await pipe.call("SCRIPT", "FLUSH")
    rulings = await asyncio.gather(
        *(state.reserve(ask(f"x{n}", wants_ad=n % 2 == 0)) for n in range(20))
    )
    assert [r.verdict for r in rulings] == [Verdict.COOLDOWN, Verdict.REFUSED] * 10
    assert await pipe.call("XLEN", "parley:decisions") == 22
    pipe.close()


@pytest.mark.parametrize("wants_ad", [True, False])
async def test_a_server_that_stops_answering_or_goes_away_grants_nothing(wants_ad: bool) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"LOAD")
        writer.write(b"$40\r\n" + b"a" * 40 + b"\r\n")
        await reader.readuntil(b"EVALSHA")
        writer.write(b":1\r\n")
        while b"gone" not in await reader.read(10_000):
            pass
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    pipe = Pipe(f"redis://127.0.0.1:{port}/0", patience_s=0.1)
    state = RedisReservation(pipe, timeout_s=None)
    assert (await state.reserve(ask(wants_ad=wants_ad))).verdict is Verdict.REFUSED
    for message in ("silent", "gone", "bad \ud800"):
        with pytest.raises(Unavailable) as caught:
            await state.reserve(ask(message, wants_ad=wants_ad))
        assert caught.value.code == "state_unavailable"
    server.close()
    pipe.close()


async def test_a_caller_that_gives_up_shifts_nobody_elses_ruling(valkey: int) -> None:
    pipe = Pipe(f"redis://127.0.0.1:{valkey}/0", patience_s=5)
    state = RedisReservation(pipe, timeout_s=None)
    await pipe.call("FLUSHALL")
    await state.reserve(ask(conversation_id="before"))
    tasks = [
        asyncio.create_task(state.reserve(ask(f"m{n}", conversation_id=f"c{n}", answers={
            Verdict.GRANTED: b"%d" % n,
        })))
        for n in range(10)
    ]  # fmt: skip
    await asyncio.sleep(0)
    tasks[4].cancel()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(found.pop(4), asyncio.CancelledError)
    assert [one.answer for one in found if not isinstance(one, BaseException)] == [
        b"%d" % n for n in range(10) if n != 4
    ]
    # It was decided all the same: whoever asks again is told.
    again = await state.reserve(ask("m4", conversation_id="c4"))
    assert (again.answer, again.repeated) == (b"4", True)
    pipe.close()


@pytest.mark.parametrize("verdict", [Verdict.REFUSED, Verdict.COOLDOWN, Verdict.GRANTED])
async def test_any_question_about_a_message_is_told_what_was_said(
    state: Reservation, verdict: Verdict
) -> None:
    if verdict is Verdict.COOLDOWN:
        await state.reserve(ask("before"))
    first = await state.reserve(ask(wants_ad=verdict is not Verdict.REFUSED))
    assert first.verdict is verdict
    for wants_ad in (True, False):
        again = await state.reserve(ask(request_id="other", wants_ad=wants_ad))
        assert (again.verdict, again.answer, again.repeated) == (verdict, first.answer, True)


async def test_a_state_that_is_down_grants_nothing() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    async with Redis(port=port, retry=None) as client:
        with pytest.raises(Unavailable) as caught:
            await RedisReservation(client).reserve(ask())
    assert caught.value.code == "state_unavailable"


async def test_offline_use_needs_no_ledger() -> None:
    state = LocalReservation(unmetered=True)
    assert (await state.reserve(ask(budget_total_micros=400_000))).verdict is Verdict.GRANTED
    full = ask("m2", conversation_id="c2", budget_total_micros=400_000)
    assert (await state.reserve(full)).verdict is Verdict.BUDGET


async def test_the_engine_on_a_real_server_serves_once_and_replays(
    valkey: int, tmp_path: Path
) -> None:
    snapshot = Snapshot.open(compile_catalogue(sample(), tmp_path).path)
    async with Redis(port=valkey) as client:
        await client.flushall()
        state = RedisReservation(client, timeout_s=5)
        path = FastPath(
            snapshot, state, Signer(b"s" * 32), b"n" * 32, FixedClock(NOW), CountingIds()
        )
        said = (Turn("user", "おすすめのランニングシューズを買いたい"),)
        asked = [
            AdRequest(
                request_id=f"r{n}", app_id="app_demo", conversation_id="one", message_id=f"m{n}",
                turns=said, now_ms=NOW,
            )
            for n in range(25)
        ]  # fmt: skip
        bodies = await asyncio.gather(*map(path.answer_bytes, asked))
        assert sum(b'"reason":"served"' in body for body in bodies) == 1
        assert await path.answer_bytes(asked[0]) == bodies[0]
        entries = await client.xrange("parley:decisions")
    kept = {
        e[b"request_id"].decode(): record.decode(e[b"record"], e[b"verdict"].decode())
        for _, e in entries
    }
    assert {name: replay(one, snapshot) for name, one in kept.items()} == {
        request.request_id: body for request, body in zip(asked, bodies, strict=True)
    }


async def test_answers_left_out_are_put_together_from_what_stands_around_the_verdict(
    state: Reservation,
) -> None:
    short = {"answers": {Verdict.GRANTED: b"yes"}, "overruled": (b"no: ", b"!")}
    assert (await state.reserve(ask(**short))).answer == b"yes"
    refused = await state.reserve(ask("m2", **short))
    assert (refused.verdict, refused.answer) == (Verdict.COOLDOWN, b"no: cooldown!")
    again = await state.reserve(ask("m2", request_id="other"))
    assert (again.answer, again.repeated) == (b"no: cooldown!", True)
    await state.set_spent("cmp", total_micros=0, day=DAY, daily_micros=0)
    over = ask("m3", conversation_id="b", budget_total_micros=0, final=False, **short)
    assert (await state.reserve(over)).answer == b""
