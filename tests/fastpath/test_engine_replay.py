"""The whole path: answers, labels, receipts, repeats, swap, and replay of every record byte for byte."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import msgspec
import pytest

from domain.errors import BadInput, Conflict, Forbidden, Gone, Unavailable
from domain.formats import AdFormat
from domain.ids import CountingIds
from domain.time import FixedClock
from fastpath import nonce, receipt, record
from fastpath.compiler import compile_catalogue
from fastpath.engine import FastPath, Offer
from fastpath.local import LocalReservation
from fastpath.receipt import Receipt, Signer
from fastpath.replay import explain, replay
from fastpath.reservation import Ask, Ruling, Verdict
from fastpath.snapshot import Snapshot
from fastpath.types import AdRequest, Reason, Turn
from tests.fastpath.sample_catalogue import NOW, ad, app, sample, text

pytestmark = pytest.mark.asyncio
KEY = b"n" * 32
SIGNER = Signer(b"s" * 32)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return Snapshot.open(compile_catalogue(sample(), tmp_path_factory.mktemp("engine")).path)


def engine(snapshot: Snapshot, state: Any = None) -> tuple[FastPath, Any]:
    kept = LocalReservation() if state is None else state
    return FastPath(snapshot, kept, SIGNER, KEY, FixedClock(NOW), CountingIds()), kept


def request(said: str, number: int = 1, **fields: Any) -> AdRequest:
    values: dict[str, Any] = {
        "request_id": f"req_{number}",
        "app_id": "app_demo",
        "conversation_id": f"talk_{number}",
        "message_id": "m1",
        "turns": (Turn("user", said),),
        "now_ms": NOW,
    }
    return AdRequest(**{**values, **fields})


async def test_an_english_turn_gets_a_labelled_ad_with_reason_and_receipt(
    snapshot: Snapshot,
) -> None:
    path, state = engine(snapshot)
    answer = await path.answer(request("best trail running shoes to buy?"))
    assert answer.reason is Reason.SERVED
    assert answer.ad is not None
    assert answer.ad.id == "ad_trail"
    assert (answer.ad.label, answer.ad.payer) == ("Ad", "Trail Running Shoes Ltd")
    assert answer.ad.why == "Shown because you asked about trail running shoes"
    assert answer.nonce is not None
    assert answer.receipt is not None
    assert answer.expires_ms == nonce.check(
        KEY, answer.nonce, request_id="req_1", ad_id="ad_trail", now_ms=NOW
    )
    signed = receipt.verify(answer.receipt, SIGNER.public_key)
    assert (signed.ad_id, signed.label, signed.snapshot_id) == (
        "ad_trail",
        "Ad",
        snapshot.snapshot_id,
    )
    offer = msgspec.msgpack.decode(state.offers["req_1"], type=Offer)
    assert (offer.ad_id, offer.price_micros) == ("ad_trail", signed.price_micros)


async def test_a_japanese_turn_gets_japanese_texts(snapshot: Snapshot) -> None:
    path, _ = engine(snapshot)
    answer = await path.answer(request("トレイルランニングシューズを買いたい"))
    assert answer.ad is not None
    assert answer.ad.label == "広告"
    assert "日本語" in answer.ad.title
    assert answer.ad.why == "「トレイルランニングシューズ」に関する会話のため表示しています"


async def test_english_text_serves_japanese_users_only_without_restriction(tmp_path: Path) -> None:
    english = {"eng": text("plain")}
    for languages, reason in (((), Reason.SERVED), (("eng", "jpn"), Reason.LANGUAGE)):
        entry = ad("a", "laptop", texts=english, languages=languages)
        export = msgspec.structs.replace(sample(), ads=(entry,))
        opened = Snapshot.open(compile_catalogue(export, tmp_path).path)
        answer = await engine(opened)[0].answer(request("ノートパソコンを買いたい"))
        assert answer.reason is reason


async def test_the_wire_has_the_names_of_the_web_sdk(tmp_path: Path) -> None:
    form = text("form", success_message="Thanks", placeholder="you@example.com")
    entry = ad(
        "a",
        "laptop",
        format=AdFormat.LEAD_GEN,
        texts={"eng": form},
        image_url="https://example.com/i.png",
    )
    opened = Snapshot.open(
        compile_catalogue(msgspec.structs.replace(sample(), ads=(entry,)), tmp_path).path
    )
    body = msgspec.json.decode(await engine(opened)[0].answer_bytes(request("best laptop to buy")))
    assert set(body) == {
        "requestId", "ad", "reason", "language", "intent", "opportunity", "snapshot", "nonce", "expiresMs",
        "receipt",
    }  # fmt: skip
    assert set(body["ad"]) == {
        "id", "advertiserId", "advertiserName", "format", "title", "description", "ctaText", "ctaUrl",
        "label", "payer", "why", "imageUrl", "successMessage", "placeholder",
    }  # fmt: skip


async def test_parallel_requests_of_one_conversation_give_one_ad(snapshot: Snapshot) -> None:
    path, _ = engine(snapshot)
    said = "best trail running shoes to buy?"
    asked = [request(said, n, conversation_id="one", message_id=f"m{n}") for n in range(30)]
    answers = await asyncio.gather(*map(path.answer, asked))
    assert sum(answer.ad is not None for answer in answers) == 1
    assert sum(answer.reason is Reason.COOLDOWN for answer in answers) == 29


async def test_a_repeated_message_gets_identical_bytes(snapshot: Snapshot) -> None:
    path, _ = engine(snapshot)
    first = await path.answer_bytes(request("best laptop to buy"))
    again = await path.answer_bytes(request("best laptop to buy", request_id="req_other"))
    assert first == again


async def test_an_edited_message_is_read_again_by_the_gate(snapshot: Snapshot) -> None:
    path, state = engine(snapshot)
    shown = await path.answer(request("best laptop to buy"))
    assert shown.ad is not None
    edited = await path.answer(request("I want to die", request_id="req_edited"))
    assert (edited.ad, edited.reason) == (None, Reason.SENSITIVE)
    bodies = [msgspec.json.encode(answer) for answer in (shown, edited)]
    for (_, verdict, data), body in zip(state.decisions, bodies, strict=True):
        assert replay(record.decode(data, verdict), snapshot) == body


async def test_a_record_keeps_no_word_that_a_host_puts_beside_the_conversation(
    tmp_path: Path,
) -> None:
    shy = ad("shy", "laptop", blocked_topics=("politics",))
    export = msgspec.structs.replace(sample(), ads=(shy,))
    opened = Snapshot.open(compile_catalogue(export, tmp_path).path)
    path, state = engine(opened)
    for number, topics in enumerate((("Zqx secret",), ("Zqx secret", "Politics"))):
        asked = request(
            "best laptop to buy",
            number,
            conversation_id=f"talk{number}",
            message_id="zqx",
            user_id="zqx",
            device="zqx",
            topics=topics,
            blocked_advertisers=("zqx corp",),
        )
        answer = await path.answer(asked)
        assert answer.reason is (Reason.BLOCKED if "Politics" in topics else Reason.SERVED)
    for _, verdict, data in state.decisions:
        assert b"zqx" not in data.lower()
        replay(record.decode(data, verdict), opened)


async def test_a_shopping_question_after_a_sensitive_turn_gets_no_ad(snapshot: Snapshot) -> None:
    path, _ = engine(snapshot)
    await path.answer(request("I want to die"))
    # The host sends the last turn only: the state remembers.
    answer = await path.answer(request("best laptop to buy", message_id="m2"))
    assert (answer.ad, answer.reason) == (None, Reason.SENSITIVE)


async def test_a_spent_campaign_makes_room_for_the_next_best(tmp_path: Path) -> None:
    rich = ad("rich", "laptop", bid_micros=2_000_000, budget_total_micros=1_000_000)
    export = msgspec.structs.replace(sample(), ads=(rich, ad("next", "laptop")))
    opened = Snapshot.open(compile_catalogue(export, tmp_path).path)
    path, state = engine(opened)
    await state.set_spent("cmp_rich", total_micros=500_000, day="20261118", daily_micros=0)
    answer = await path.answer(request("best laptop to buy"))
    assert answer.ad is not None
    assert answer.ad.id == "next"
    ((_, verdict, data),) = state.decisions
    kept = record.decode(data, verdict)
    assert kept.context.spent_campaigns == ("cmp_rich",)
    assert replay(kept, opened) == msgspec.json.encode(answer)


async def test_budget_is_the_reason_when_nobody_can_pay(tmp_path: Path) -> None:
    only = ad("only", "laptop", budget_total_micros=10)
    opened = Snapshot.open(
        compile_catalogue(msgspec.structs.replace(sample(), ads=(only,)), tmp_path).path
    )
    path, state = engine(opened)
    await state.set_spent("cmp_only", total_micros=0, day="20261118", daily_micros=0)
    assert (await path.answer(request("best laptop to buy"))).reason is Reason.BUDGET


class Down:
    """A state that cannot be reached."""

    async def reserve(self, ask: Ask) -> Ruling:
        raise Unavailable("state_unavailable", "down")


async def test_a_state_that_is_down_means_no_ad(snapshot: Snapshot) -> None:
    path, _ = engine(snapshot, Down())
    assert (await path.answer(request("best laptop to buy"))).reason is Reason.STATE_UNAVAILABLE
    assert (await path.answer(request("I want to die"))).reason is Reason.SENSITIVE


async def test_swapping_changes_the_next_answer_only(snapshot: Snapshot, tmp_path: Path) -> None:
    path, _ = engine(snapshot)
    export = msgspec.structs.replace(sample(), ads=(ad("ad_new", "laptop"),))
    fresh = Snapshot.open(compile_catalogue(export, tmp_path).path)
    under_way = path.answer(request("best laptop to buy", 1))
    first = await under_way
    assert path.swap(fresh) is snapshot
    second = await path.answer(request("best laptop to buy", 2))
    assert (first.snapshot, second.snapshot) == (snapshot.snapshot_id, fresh.snapshot_id)


@pytest.mark.parametrize("field", ["conversation_id", "message_id", "app_id"])
async def test_missing_ids_are_invalid(snapshot: Snapshot, field: str) -> None:
    path, _ = engine(snapshot)
    answer = await path.answer(request("best laptop to buy", **{field: ""}))
    assert (answer.ad, answer.reason) == (None, Reason.INVALID)


async def test_time_and_id_are_filled_in(snapshot: Snapshot) -> None:
    path, _ = engine(snapshot)
    answer = await path.answer(request("best laptop to buy", request_id="", now_ms=0))
    assert answer.request_id.startswith("req_")
    assert answer.expires_ms is not None
    assert answer.expires_ms > NOW


PARTS = [
    "best", "buy", "laptop", "trail running shoes", "running shoes", "coffee", "hotel", "yoga", "c++",
    "cheap", "compare", "repair", "おすすめの", "ランニングシューズを", "買いたい", "自動車保険を比較",
    "hello", "I want to die", "cigars", "wo ist", "ワイン", "wine", "?", "👟", "how much", "thanks",
]  # fmt: skip


async def test_every_record_replays_byte_for_byte(snapshot: Snapshot) -> None:
    chance = random.Random(7)
    path, state = engine(snapshot)
    await state.set_spent("cmp_ad_capped", total_micros=0, day="20261118", daily_micros=0)
    bodies: dict[str, bytes] = {}
    for number in range(400):
        turns = tuple(
            Turn(
                chance.choice(["user", "user", "assistant"]),
                " ".join(chance.choices(PARTS, k=chance.randint(1, 6))),
            )
            for _ in range(chance.randint(1, 4))
        )
        asked = request(
            "", number, turns=turns, conversation_id=f"talk_{number // 3}", message_id=str(number),
            app_id=chance.choice(["app_demo", "app_demo", "app_quiet", "nobody"]),
            geo=chance.choice([None, "US", "JP"]), now_ms=NOW + number * 7_000,
            blocked_advertisers=chance.choice([(), ("org_ad_trail",)]),
        )  # fmt: skip
        bodies[asked.request_id] = await path.answer_bytes(asked)
    assert len(state.decisions) == 400
    outcomes = set()
    for request_id, verdict, data in state.decisions:
        kept = record.decode(data, verdict)
        assert replay(kept, snapshot) == bodies[request_id]
        assert explain(kept, snapshot).outcome == msgspec.json.decode(bodies[request_id])["reason"]
        outcomes.add(msgspec.json.decode(bodies[request_id])["reason"])
    assert {"served", "sensitive", "cooldown", "unknown_app", "no_match", "restricted"} <= outcomes


async def test_a_changed_record_does_not_replay(snapshot: Snapshot, tmp_path: Path) -> None:
    path, state = engine(snapshot)
    await path.answer(request("best laptop to buy, or coffee or running shoes"))
    ((_, verdict, data),) = state.decisions
    kept = record.decode(data, verdict)
    for changed in (
        msgspec.structs.replace(kept, price_micros=kept.price_micros + 1),
        msgspec.structs.replace(kept, nonce_mac=b"x" * 32),
        msgspec.structs.replace(
            kept, context=msgspec.structs.replace(kept.context, now_ms=NOW + 1)
        ),
    ):
        with pytest.raises(Conflict) as caught:
            replay(changed, snapshot)
        assert caught.value.code == "replay_differs"
    other = Snapshot.open(
        compile_catalogue(msgspec.structs.replace(sample(), apps=(app(),)), tmp_path).path
    )
    with pytest.raises(BadInput) as refused:
        replay(kept, other)
    assert refused.value.code == "snapshot_mismatch"


async def test_explain_names_every_candidate(snapshot: Snapshot) -> None:
    path, state = engine(snapshot)
    await path.answer(request("best trail running shoes or a laptop to buy"))
    ((_, verdict, data),) = state.decisions
    why = explain(record.decode(data, verdict), snapshot)
    reasons = {line.ad_id: line.reason for line in why.candidates}
    assert reasons["ad_trail"] is Reason.SERVED
    assert reasons["ad_shoes"] is Reason.OUTRANKED
    assert reasons["ad_euro"] is Reason.CURRENCY
    assert reasons["ad_past"] is Reason.SCHEDULE
    assert reasons["ad_house"] is Reason.HOUSE
    assert all(line.text for line in why.candidates)
    assert "ad_trail" in why.summary


async def test_records_hold_no_word_of_the_chat(snapshot: Snapshot) -> None:
    path, state = engine(snapshot)
    await path.answer(
        request("I am Zebediah, best laptop to buy?", conversation_id="Zebediah-talk")
    )
    ((_, _, data),) = state.decisions
    assert b"Zebediah" not in data


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"\xc1", "record_unreadable"), (msgspec.msgpack.encode({"schema": 1}), "record_unreadable")],
)
async def test_broken_records_are_refused(data: bytes, code: str) -> None:
    with pytest.raises(BadInput) as caught:
        record.decode(data)
    assert caught.value.code == code


async def test_records_of_another_schema_are_refused(snapshot: Snapshot) -> None:
    path, state = engine(snapshot)
    await path.answer(request("hello"))
    fields = msgspec.msgpack.decode(state.decisions[0][2])
    fields["schema"] = 1
    with pytest.raises(BadInput) as caught:
        record.decode(msgspec.msgpack.encode(fields), Verdict.REFUSED)
    assert caught.value.code == "record_schema_unsupported"


RECEIPT = Receipt(
    request_id="r", ad_id="a", label="Ad", payer="P", snapshot_id="s", price_micros=1, currency="USD",
    issued_ms=NOW,
)  # fmt: skip


async def test_receipts_cannot_be_altered() -> None:
    token = receipt.sign(SIGNER, RECEIPT)
    assert receipt.verify(token, SIGNER.public_key) == RECEIPT
    body, signature = token.split(".")
    cheaper = receipt.join(msgspec.structs.replace(RECEIPT, price_micros=0), b"").split(".")[0]
    for forged in (f"{cheaper}.{signature}", receipt.sign(Signer(b"x" * 32), RECEIPT)):
        with pytest.raises(Forbidden) as caught:
            receipt.verify(forged, SIGNER.public_key)
        assert caught.value.code == "receipt_forged"
    for broken in ("", "x", f"{body}.", body, "a.b.c", "é.é", f"{body}.{signature}.x"):
        with pytest.raises((BadInput, Forbidden)):
            receipt.verify(broken, SIGNER.public_key)
    with pytest.raises(BadInput):
        Signer(b"short")


async def test_nonces_expire_and_cannot_be_forged() -> None:
    token = nonce.issue(KEY, "r", "a", NOW + 10)
    assert nonce.check(KEY, token, request_id="r", ad_id="a", now_ms=NOW + 9) == NOW + 10
    with pytest.raises(Gone) as expired:
        nonce.check(KEY, token, request_id="r", ad_id="a", now_ms=NOW + 10)
    assert expired.value.code == "nonce_expired"
    later = nonce.join(NOW + 99, nonce.mac_of(KEY, "r", "a", NOW + 10))
    attempts = [
        (KEY, token, "other", "a"), (KEY, token, "r", "other"), (b"k" * 32, token, "r", "a"),
        (KEY, later, "r", "a"), (KEY, token[:-1], "r", "a"), (KEY, "", "r", "a"), (KEY, "é", "r", "a"),
        (KEY, token + "=", "r", "a"), (KEY, token[:-1] + chr(ord(token[-1]) ^ 1), "r", "a"),
    ]  # fmt: skip
    for key, forged, request_id, ad_id in attempts:
        with pytest.raises(Forbidden) as caught:
            nonce.check(key, forged, request_id=request_id, ad_id=ad_id, now_ms=NOW)
        assert caught.value.code == "nonce_forged"
