"""Answers are spliced from pieces; the bytes are those of the encoder, whatever stands in the texts."""

from __future__ import annotations

import base64
import random
from types import SimpleNamespace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.catalogue import AdText
from domain.formats import AdFormat, Intent
from domain.ids import CountingIds
from domain.time import FixedClock
from fastpath import _answer, _context, engine, nonce, record, render
from fastpath._answer import Book
from fastpath.compiler import compile_catalogue
from fastpath.engine import FastPath, Offer
from fastpath.engines import Engine
from fastpath.local import LocalReservation
from fastpath.receipt import Receipt, Signer, payload
from fastpath.reservation import Ask, Ruling, Verdict
from fastpath.snapshot import Snapshot
from fastpath.types import AdRequest, Answer, Features, Reason, Turn
from tests.fastpath.sample_catalogue import NOW, ad, sample
from tests.fastpath.test_compiled_core import plain

KEY = b"n" * 32
TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30)
NASTY = '",\\"why\\":\\"\\",{"why":""},"nonce":"x"'


@given(TEXT, st.sampled_from(list(Reason)), st.sampled_from(list(Intent)), st.integers(0, 1000))
def test_a_refusal_has_the_bytes_of_the_encoder(
    request_id: str, reason: Reason, intent: Intent, milli: int
) -> None:
    features = Features(
        refusal=None, language="eng", language_why="words", intent=intent, opportunity_milli=milli
    )
    book = Book(SimpleNamespace(snapshot_id="snp"))  # type: ignore[arg-type]
    before, after = book.around(features, request_id)
    body = before + reason.value.encode() + after
    assert body == book.refused(features, request_id, reason.value)
    expected = Answer(
        request_id=request_id, ad=None, reason=reason, language="eng", intent=intent,
        opportunity=milli / 1000, snapshot="snp",
    )  # fmt: skip
    assert body == render.encode(expected)


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """A snapshot whose one ad quotes the pieces that answers are spliced from."""
    title = AdText(title=NASTY, description="日本\u2028\u0000</script>", cta_text='"why":""')
    entry = ad(
        "odd", "laptop", texts={"eng": title}, payer=NASTY, format=AdFormat.ACTION_CARD,
        image_url="https://example.com/i.png",
    )  # fmt: skip
    export = msgspec.structs.replace(sample(), ads=(entry,))
    return Snapshot.open(compile_catalogue(export, tmp_path_factory.mktemp("odd")).path)


def path_of(snapshot: Snapshot, state: object) -> FastPath:
    return FastPath(
        snapshot, state, Signer(b"s" * 32), KEY, FixedClock(NOW), CountingIds()  # type: ignore[arg-type]
    )  # fmt: skip


def asked(number: int, **fields: object) -> AdRequest:
    values: dict[str, object] = {
        "request_id": f"req_{number}", "app_id": "app_demo", "conversation_id": f"talk_{number}",
        "message_id": f"m{number}", "turns": (Turn("user", "best laptop to buy"),), "now_ms": NOW,
    }  # fmt: skip
    return AdRequest(**{**values, **fields})  # type: ignore[arg-type]


@pytest.mark.asyncio
async def test_an_offer_has_the_bytes_of_the_encoder(odd: Snapshot) -> None:
    body = await path_of(odd, LocalReservation()).answer_bytes(asked(1))
    answer = msgspec.json.decode(body, type=Answer)
    assert answer.ad is not None
    assert answer.ad.title == answer.ad.payer == NASTY
    assert answer.ad.why == "Shown because you asked about laptop"
    assert render.encode(answer) == body
    assert answer.nonce is not None
    assert nonce.check(KEY, answer.nonce, request_id="req_1", ad_id="odd", now_ms=NOW)


@given(st.text(max_size=20), st.text(max_size=20))
@settings(max_examples=60)
def test_any_form_is_explained_and_any_id_hashed(first: str, second: str) -> None:
    assert render.why_shown("eng", first).endswith(first or "about")
    mac = nonce.mac_of(KEY, first, second, 5)
    assert mac != nonce.mac_of(KEY, first + "x", second, 5)


class Counting:
    """A state that grants what it is asked for and keeps the questions."""

    def __init__(self) -> None:
        self.asked: list[Ask] = []

    async def reserve(self, ask: Ask) -> Ruling:
        self.asked.append(ask)
        verdict = Verdict.GRANTED if ask.wants_ad else Verdict.REFUSED
        return Ruling(verdict, ask.answers[verdict], repeated=False)


@pytest.mark.asyncio
async def test_a_conversation_known_to_rest_costs_no_signature(
    odd: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, signed = Counting(), 0
    real = Signer.sign_bytes

    def counted(self: Signer, data: bytes) -> bytes:
        nonlocal signed
        signed += 1
        return real(self, data)

    monkeypatch.setattr(Signer, "sign_bytes", counted)
    path = path_of(odd, state)
    reasons = []
    for number, at in enumerate((0, 1_000, 59_999, -5_000, 60_000)):
        body = await path.answer_bytes(asked(number, conversation_id="one", now_ms=NOW + at))
        reasons.append(msgspec.json.decode(body, type=Answer).reason)
    assert reasons == ["served", "cooldown", "cooldown", "cooldown", "served"]
    assert [ask.wants_ad for ask in state.asked] == [True, False, False, False, True]
    assert signed == 2


SAID = (
    "best laptop to buy", "hello", "I want to die", "ノートパソコンを買いたい", "trail running shoes or coffee?",
    "", "cigars", "compare car insurance \ud800 with a hotel",
)  # fmt: skip


def questions() -> list[tuple[AdRequest, Engine]]:
    chance = random.Random(3)
    found = []
    for number in range(120):
        request = asked(
            number, request_id=chance.choice([f"req_{number}", f'odd "{number}" é日'[: number % 12]]) + "x",
            turns=(Turn("user", chance.choice(SAID)),), conversation_id=f"talk é{number // 3}",
            now_ms=NOW + number * 20_000, app_id=chance.choice(["app_demo", "app_quiet", "nobody"]),
            geo=chance.choice([None, "us", "JP"]), device=chance.choice([None, "", "Mobile", "toaster"]),
            topics=chance.choice([(), ("laptop", "2")]), user_id="u", test=chance.random() < 0.1,
            blocked_advertisers=chance.choice([(), ("org_ad_laptop",)]),
        )  # fmt: skip
        found.append((request, chance.choice(list(Engine))))
    return found


class Wavering(Counting):
    """A state that finds some ads without budget, and tells what was shown."""

    async def reserve(self, ask: Ask) -> Ruling:
        ruling = await super().reserve(ask)
        if ask.wants_ad and not ask.final and len(self.asked) % 5 == 0:
            return Ruling(Verdict.BUDGET, b"", repeated=False)
        shown = ((ask.campaign_id, 2),) if ask.wants_ad else ()
        return msgspec.structs.replace(ruling, shown=shown)


async def asks_of(snapshot: Snapshot) -> list[Ask]:
    state = Wavering()
    path = path_of(snapshot, state)
    for request, rule in questions():
        await path.answer_bytes(request, engine=rule)
    return state.asked


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return Snapshot.open(compile_catalogue(sample(), tmp_path_factory.mktemp("usual")).path)


@pytest.mark.asyncio
async def test_all_that_is_joined_has_the_bytes_of_the_encoder(
    odd: Snapshot, usual: Snapshot
) -> None:
    for snapshot in (odd, usual):
        asks = await asks_of(snapshot)
        assert {ask.wants_ad for ask in asks} == {True, False}
        for ask in asks:
            kept = record.decode(ask.record)
            assert record.encode(kept) == ask.record
            for verdict in Verdict:
                said = ask.said(verdict)
                if not said or (ask.wants_ad and verdict is Verdict.REFUSED):
                    continue
                answer = msgspec.json.decode(said, type=Answer)
                assert render.encode(answer) == said
                assert answer.request_id == ask.request_id
            if not ask.wants_ad:
                continue
            offer = msgspec.msgpack.decode(ask.offer, type=Offer)
            assert msgspec.msgpack.encode(offer) == ask.offer
            assert (offer.request_id, offer.conversation) == (ask.request_id, kept.conversation)
            assert (offer.price_micros, offer.ad_id) == (kept.price_micros, kept.winner.ad_id)  # type: ignore[union-attr]
            granted = msgspec.json.decode(ask.said(Verdict.GRANTED), type=Answer)
            signed = base64.urlsafe_b64decode(str(granted.receipt).split(".")[0] + "==")
            assert payload(msgspec.json.decode(signed, type=Receipt)) == signed


@pytest.mark.asyncio
async def test_plain_python_writes_the_same(
    usual: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = await asks_of(usual)
    answer, context, tokens = plain("_answer"), plain("_context"), plain("_tokens")
    monkeypatch.setattr(answer, "base64url", tokens.base64url)
    for name, module in (
        ("Book", answer), ("Seals", answer), ("question", answer), ("Macs", tokens), ("names_of", context),
        ("context_at", context),
    ):  # fmt: skip
        monkeypatch.setattr(engine, name, getattr(module, name))
    assert await asks_of(usual) == ours
    assert str(answer.__file__).endswith(".py")
    assert context.names_of(asked(1)) == _context.names_of(asked(1))
    assert answer.answers_hash(b"a", b"b") == _answer.answers_hash(b"a", b"b")
