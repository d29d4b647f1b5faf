"""The in-process state survives what a process does not: kill -9, torn writes, a full file, a full memory."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from domain.catalogue import CapScope
from domain.errors import Conflict, ParleyError, Unavailable, Unprocessable
from fastpath import journal as journal_module
from fastpath._trip import names
from fastpath.caps import CapKey
from fastpath.journal import Journal, Place
from fastpath.local import LocalReservation
from fastpath.pinned import Done, PinnedReservation
from fastpath.reservation import Verdict
from tests.fastpath.sample_catalogue import NOW
from tests.fastpath.serving_asks import ANSWERS, DAY, ask

pytestmark = pytest.mark.asyncio
ROOT = Path(__file__).resolve().parents[2]
START = Place(1, 0)
CAP = CapKey(CapScope.USER, "k", 2, 3_600_000)

#: Grants as fast as it can, and says each one only after it was answered.
_CHILD = """
import asyncio, sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from fastpath.journal import Journal
from fastpath.pinned import PinnedReservation
from tests.fastpath.serving_asks import ask

async def one(state, n):
    ruling = await state.reserve(ask(f"m{n}", conversation_id=f"c{n}", request_id=f"r{n}"))
    if ruling.verdict == "granted":
        print(f"r{n}", flush=True)

async def main():
    state = PinnedReservation(Journal(Path(sys.argv[1]), rotate_bytes=20_000))
    n = 0
    while True:
        await asyncio.gather(*(one(state, k) for k in range(n, n + 8)))
        n += 8

asyncio.run(main())
"""


async def opened(folder: Path, **journal: int) -> PinnedReservation:
    return PinnedReservation(Journal(folder, **journal))


def killed(folder: Path, after: int) -> list[str]:
    """Return what a process has answered that was killed after so many answers."""
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(folder), str(ROOT)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    with child.stdout as out:
        answered = [out.readline().strip() for _ in range(after)]
        os.kill(child.pid, signal.SIGKILL)
        answered += out.read().split()
    child.wait(10)
    return answered


def on_disk(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.glob("*.log")]


@pytest.mark.parametrize("after", [1, 60, 250])
async def test_kill_9_loses_no_granted_ad_that_was_answered(tmp_path: Path, after: int) -> None:
    answered = await asyncio.to_thread(killed, tmp_path, after)
    state = await opened(tmp_path)
    kept, _ = await state.decisions(START, 10**6)
    assert {request_id for request_id, verdict, _ in kept if verdict is Verdict.GRANTED}.issuperset(
        one for one in answered if one
    )
    # The restart knows them too: the same message gets the same answer, and the conversation rests.
    last = answered[0].removeprefix("r")
    again = await state.reserve(ask(f"m{last}", conversation_id=f"c{last}", request_id="other"))
    assert (again.verdict, again.repeated) == (Verdict.GRANTED, True)
    later = await state.reserve(ask("m-new", conversation_id=f"c{last}", now_ms=NOW + 1_000))
    assert later.verdict is Verdict.COOLDOWN
    await state.close()


@pytest.mark.parametrize("rotate", [64 << 20, 500])
async def test_holds_caps_and_closed_conversations_survive_a_restart(
    tmp_path: Path, rotate: int
) -> None:
    state = await opened(tmp_path, rotate_bytes=rotate)
    await state.set_spent("cmp", total_micros=0, day=DAY, daily_micros=0)
    for n in range(3):
        held = ask(f"m{n}", conversation_id=f"c{n}", caps=(CAP,), budget_total_micros=2_000_000)
        await state.reserve(held)
    await state.reserve(ask("s", conversation_id="turned", wants_ad=False, sensitive=True))
    assert await state.settle("cmp", "req-m0", spent_micros=5, day=DAY)
    await state.close()

    state = await opened(tmp_path)
    assert await state.held("cmp", now_ms=NOW, day=DAY) == (400_000, 400_000)
    unknown = await state.reserve(ask("a", conversation_id="a", budget_total_micros=2_000_000))
    assert unknown.verdict is Verdict.STATE_UNAVAILABLE
    await state.set_spent("cmp", total_micros=5, day=DAY, daily_micros=5)
    full = await state.reserve(ask("b", conversation_id="b", caps=(CAP,)))
    assert (full.verdict, full.cap) == (Verdict.FREQUENCY, "user")
    closed = await state.reserve(ask("c", conversation_id="turned"))
    assert closed.verdict is Verdict.SENSITIVE
    over = ask("d", conversation_id="d", hold_micros=1_600_000, budget_total_micros=2_000_000)
    assert (await state.reserve(over)).verdict is Verdict.BUDGET
    await state.close()


async def test_what_was_answered_without_an_ad_survives_a_restart_however_it_was_written(
    tmp_path: Path,
) -> None:
    state = await opened(tmp_path)
    await state.reserve(ask())
    await state.reserve(ask("m2"))
    await state.reserve(ask("m3", conversation_id="c3", wants_ad=False))
    await state.close()
    # As it was written when every decision was kept with its whole question.
    talk, message = names("app", "old", "m4")
    before = ask(
        f"parley:m:{message}", app_id="", conversation_id=f"parley:c:{talk}", request_id="req-m4",
        wants_ad=False, sensitive=True, answers={Verdict.REFUSED: b"as before"},
    )  # fmt: skip
    journal = Journal(tmp_path)
    journal.append(msgspec.msgpack.encode(Done(before, Verdict.REFUSED)))
    await journal.close()

    state = await opened(tmp_path)
    kept, _ = await state.decisions(START, 10)
    assert kept == [
        ("req-m1", Verdict.GRANTED, b"record"), ("req-m2", Verdict.COOLDOWN, b"record"),
        ("req-m3", Verdict.REFUSED, b"record"), ("req-m4", Verdict.REFUSED, b"record"),
    ]  # fmt: skip
    for again, answer in (
        (ask("m2"), ANSWERS[Verdict.COOLDOWN]),
        (ask("m3", conversation_id="c3"), ANSWERS[Verdict.REFUSED]),
        (ask("m4", conversation_id="old"), b"as before"),
    ):
        ruling = await state.reserve(again)
        assert (ruling.answer, ruling.repeated) == (answer, True)
    closed = await state.reserve(ask("m5", conversation_id="old"))
    assert closed.verdict is Verdict.SENSITIVE
    await state.close()


async def test_who_gives_up_waiting_for_the_disk_leaves_the_others_waiting(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    waiting = []
    for payload in (b"one", b"two", b"three"):
        journal.append(payload)
        waiting.append(asyncio.create_task(journal.durable()))
    await asyncio.sleep(0)
    waiting[0].cancel()
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(found[0], asyncio.CancelledError)
    assert found[1:] == [None, None]
    assert list(journal.last()) == [b"one", b"two", b"three"]
    await journal.close()


@pytest.mark.parametrize("cut", [1, 9, 30])
async def test_a_torn_last_frame_is_taken_away(tmp_path: Path, cut: int) -> None:
    journal = Journal(tmp_path)
    for payload in (b"one" * 20, b"two" * 20):
        journal.append(payload)
    await journal.close()
    path = tmp_path / "000000001.log"
    path.write_bytes(path.read_bytes()[:-cut])
    journal = Journal(tmp_path)
    assert list(journal.last()) == [b"one" * 20]
    journal.append(b"three")
    await journal.durable()
    assert list(journal.last()) == [b"one" * 20, b"three"]
    await journal.close()
    path.write_bytes(path.read_bytes() + bytes(40))
    journal = Journal(tmp_path)
    assert list(journal.last()) == [b"one" * 20, b"three"]
    await journal.close()


async def test_damage_in_the_middle_is_refused(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for payload in (b"one" * 20, b"two" * 20):
        journal.append(payload)
    await journal.close()
    path = tmp_path / "000000001.log"
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.write_bytes(data)
    with pytest.raises(Unprocessable) as caught:
        Journal(tmp_path)
    assert caught.value.code == "journal_corrupt"


async def test_two_processes_never_share_a_journal(tmp_path: Path) -> None:
    first = Journal(tmp_path)
    with pytest.raises(Conflict) as caught:
        Journal(tmp_path)
    assert caught.value.code == "journal_in_use"
    await first.close()
    await Journal(tmp_path).close()


async def test_a_disk_that_fails_stops_ads_for_good(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    state = PinnedReservation(journal)
    assert (await state.reserve(ask())).verdict is Verdict.GRANTED
    read_only = os.open(tmp_path / "000000001.log", os.O_RDONLY)
    os.dup2(read_only, journal._handle)
    os.close(read_only)
    for message in ("m2", "m1"):
        # Not even a repeated answer: what the disk has is not known any more.
        with pytest.raises(Unavailable) as caught:
            await state.reserve(ask(message, conversation_id="other", request_id=f"r{message}"))
        assert caught.value.code == "state_unavailable"


async def test_one_sync_serves_many_answers(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    state = PinnedReservation(journal)
    writes = 0
    write = journal._write

    def counted(frames: list[bytes]) -> None:
        nonlocal writes
        writes += 1
        write(frames)

    journal._write = counted  # type: ignore[method-assign]
    rulings = await asyncio.gather(
        *(state.reserve(ask(f"m{n}", conversation_id=f"c{n}")) for n in range(100))
    )
    assert {ruling.verdict for ruling in rulings} == {Verdict.GRANTED}
    assert writes <= 3
    await state.close()


async def test_decisions_are_read_once_from_a_place(tmp_path: Path) -> None:
    state = await opened(tmp_path, rotate_bytes=2_000)
    for n in range(30):
        await state.reserve(ask(f"m{n}", conversation_id=f"c{n}", request_id=f"r{n}"))
    found: list[str] = []
    place = START
    while True:
        batch, place = await state.decisions(place, 7)
        if not batch:
            break
        found += [request_id for request_id, _, _ in batch]
        state.drop_before(place)
    assert found == [f"r{n}" for n in range(30)]
    assert len(on_disk(tmp_path)) == 1
    await state.close()


async def test_a_journal_is_read_the_same_in_pieces_of_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Journal(tmp_path)
    sizes = (1, 5_000, 20, 300, 41, 8, 1_000)
    for size in sizes:
        kept.append(bytes([size % 251]) * size)
    await kept.durable()
    whole = list(kept.read(START))
    assert [len(payload) for payload, _ in whole] == list(sizes)
    for piece in (1, 9, 64, 1_024):
        monkeypatch.setattr(journal_module, "_PIECE", piece)
        assert list(kept.read(START)) == whole
        assert list(kept.read(whole[2][1])) == whole[3:]
    await kept.close()


async def test_no_host_id_lies_on_the_disk(tmp_path: Path) -> None:
    state = await opened(tmp_path)
    await state.reserve(ask("message-4711", conversation_id="talk-4711", app_id="app-4711"))
    await state.close()
    data = b"".join(on_disk(tmp_path))
    for host_id in (b"message-4711", b"talk-4711", b"app-4711"):
        # The request id of this test holds the message's name; hosts cannot choose request ids.
        assert host_id not in data.replace(b"req-message-4711", b"")


async def test_a_process_that_may_not_be_the_only_one_grants_nothing(tmp_path: Path) -> None:
    state = await opened(tmp_path)
    state.allowed = False
    with pytest.raises(ParleyError) as caught:
        await state.reserve(ask())
    assert caught.value.code == "state_unavailable"
    await state.close()


async def test_a_full_memory_refuses_rather_than_forgets() -> None:
    state = LocalReservation(most=3)
    for n in range(4):
        await state.reserve(ask(f"s{n}", conversation_id=f"s{n}", wants_ad=False, sensitive=True))
    assert (await state.reserve(ask("x", conversation_id="x"))).verdict is Verdict.STATE_UNAVAILABLE
    turned = await state.reserve(ask("y", conversation_id="s0"))
    assert turned.verdict is Verdict.SENSITIVE
    tomorrow = ask("z", conversation_id="z", now_ms=NOW + 86_400_001)
    assert (await state.reserve(tomorrow)).verdict is Verdict.GRANTED


async def test_answers_are_the_only_thing_forgotten_early() -> None:
    state = LocalReservation(most=2)
    for n in range(4):
        await state.reserve(ask(f"m{n}", conversation_id=f"c{n}", wants_ad=False))
    assert len(state.memory.answers) == 2
    assert (await state.reserve(ask("m3", conversation_id="c3"))).answer == ANSWERS[Verdict.REFUSED]
