"""The hot route's wire: what is understood, what is refused, and in which words."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import wire
from api.hot import parse
from domain.errors import BadInput, ParleyError, Unprocessable
from domain.formats import AdFormat, Intent
from fastpath import render
from fastpath.types import AdPayload, AdRequest, Answer, Reason, Turn

MINIMUM = {"appId": "app_1", "conversationId": "c", "messageId": "m", "contextText": "hi"}


def body(**changes: Any) -> bytes:
    merged = {**MINIMUM, **changes}
    return json.dumps({k: v for k, v in merged.items() if v is not None}).encode()


def test_context_text_is_one_user_turn() -> None:
    request = wire.to_request(parse(body()), "req_1", 5, None)
    assert request.turns == (Turn("user", "hi"),)
    assert (request.request_id, request.app_id, request.now_ms) == ("req_1", "app_1", 5)


def test_everything_reaches_the_fast_path() -> None:
    sent = body(
        contextText=None,
        turns=[{"role": "user", "text": "a"}, {"role": "assistant", "text": "b"}],
        formats=["static"],
        geo="jp",
        userId="u",
        device="phone",
        mutedAdvertisers=["org_1"],
        blockedAdvertisers=["org_2"],
        blockedTopics=["gambling"],
        test=True,
        topics=["travel"],
        consent={"ads": False, "personalisation": True},
        sdkVersion="9",
        unknownField={"nested": [1]},
    )
    request = wire.to_request(parse(sent), "req_1", 5, None)
    said = [(turn.role, turn.text) for turn in request.turns]
    assert said == [("user", "a"), ("assistant", "b")]
    assert all(isinstance(turn, Turn) for turn in request.turns)
    assert request.formats == (AdFormat.STATIC,)
    assert (request.geo, request.user_id, request.device) == ("JP", "u", "phone")
    assert (request.blocked_advertisers, request.topics) == (
        ("org_1", "org_2"),
        ("travel",),
    )
    assert (request.blocked_topics, request.test) == (("gambling",), True)
    assert (request.consent.ads, request.consent.personalisation) == (False, True)


@pytest.mark.parametrize(
    ("sent", "error", "code", "word"),
    [
        (b"", BadInput, "bad_json", "valid JSON"),
        (b"{", BadInput, "bad_json", "valid JSON"),
        (b"\xff\xfe", BadInput, "bad_encoding", "UTF-8"),
        (body(contextText="\udc80x"), BadInput, "bad_json", "valid JSON"),
        (b'{"x":' * 100_000, BadInput, "bad_json", "nested"),
        (b"[]", Unprocessable, "invalid_request", "body: expected `object`"),
        (body(appId=None), Unprocessable, "invalid_request", "appId is missing."),
        (body(appId=7), Unprocessable, "invalid_request", "appId: expected `str`"),
        (body(appId=""), Unprocessable, "invalid_request", "appId"),
        (body(geo="Japan"), Unprocessable, "invalid_request", "geo"),
        (body(formats=["popup"]), Unprocessable, "invalid_request", "formats"),
        (body(turns=[{"role": "user"}]), Unprocessable, "invalid_request", "turns[0].text is missing."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(
    sent: bytes, error: type[ParleyError], code: str, word: str
) -> None:
    with pytest.raises(error) as caught:
        parse(sent)
    assert caught.value.code == code
    assert word in caught.value.detail


@pytest.mark.parametrize("changes", [{"contextText": None}, {"turns": []}])
def test_either_text_or_turns(changes: dict[str, Any]) -> None:
    with pytest.raises(Unprocessable) as caught:
        wire.to_request(parse(body(**changes)), "req_1", 5, None)
    assert caught.value.code == "context_missing"


def test_the_request_id_carries_the_nonce_for_sdks_that_send_none() -> None:
    assert wire.split_id("req_1~abc", None) == ("req_1", "abc")
    assert wire.split_id("req_1", "abc") == ("req_1", "abc")
    assert wire.split_id("req_1", None) == ("req_1", None)


def test_an_answer_keeps_every_word_of_the_ad() -> None:
    ad = AdPayload(
        id="ad_1", advertiser_id="org_1", advertiser_name="Kaze", format=AdFormat.FOLLOWUP, title="T",
        description="D", cta_text="Go", cta_url="https://kaze.example", label="広告", payer="Kaze KK",
        why="Because.", question="Q?",
    )  # fmt: skip
    answer = Answer(
        request_id="req_1", ad=ad, reason=Reason.SERVED, language="jpn", intent=Intent.HIGH_COMMERCIAL,
        opportunity=0.8, snapshot="snp_1", nonce="n", expires_ms=9, receipt="r.s",
    )  # fmt: skip
    out = json.loads(wire.on_wire(render.encode(answer))[0])
    assert out["ok"] is True
    assert (out["requestId"], out["nonce"], out["expiresMs"]) == ("req_1~n", "n", 9)
    assert out["ad"] == {
        "id": "ad_1", "advertiserId": "org_1", "advertiserName": "Kaze", "format": "followup",
        "title": "T", "description": "D", "ctaText": "Go", "ctaUrl": "https://kaze.example",
        "label": "広告", "payer": "Kaze KK", "why": "Because.", "question": "Q?",
    }  # fmt: skip
    assert json.loads(wire.no_ad("req_2", Reason.COOLDOWN))["ad"] is None


def test_each_field_lands_in_its_place() -> None:
    """The request is built by position: a field put elsewhere in the type must be seen here."""
    same = set(wire.AdRequestBody.__struct_fields__) & set(AdRequest.__struct_fields__)
    marks: dict[str, Any] = {name: f"<{name}>" for name in same}
    marks |= {"blocked_advertisers": ("<b>",), "muted_advertisers": ("<m>",), "turns": ("<t>",)}
    request = wire.to_request(wire.AdRequestBody(**{**marks, "geo": "<GEO>"}), "<id>", 5, None)
    expected = {**marks, "geo": "<GEO>", "blocked_advertisers": ("<m>", "<b>")}
    del expected["muted_advertisers"]
    assert msgspec.structs.asdict(request) == {**expected, "request_id": "<id>", "now_ms": 5}


def test_the_apps_country_stands_in_for_a_missing_one() -> None:
    assert wire.to_request(parse(body()), "req_1", 5, "JP").geo == "JP"
    assert wire.to_request(parse(body(geo="us")), "req_1", 5, "JP").geo == "US"


WORD = st.text(st.characters(codec="utf-8"), max_size=40)


@given(WORD, WORD, st.sampled_from([None, "bm9uY2U", "x-_9"]), st.sampled_from(list(Reason)))
def test_the_wire_says_what_the_answer_says(
    title: str, payer: str, nonce: str | None, reason: Reason
) -> None:
    """Splicing finds its places whatever an advertiser wrote, names of fields included."""
    odd = f'{title}","nonce":"{payer}","reason":"'
    ad = AdPayload(
        id="ad_1", advertiser_id="o", advertiser_name=odd, format=AdFormat.STATIC, title=odd,
        description=title, cta_text="Go", cta_url="https://x.example", label="Ad", payer=payer, why=odd,
    )  # fmt: skip
    answer = Answer(
        request_id="req_1", ad=ad if nonce else None, reason=reason, language="eng",
        intent=Intent.LOW_INTENT, opportunity=0.5, snapshot="s", nonce=nonce,
        expires_ms=5 if nonce else None, receipt="cg.cw" if nonce else None,
    )  # fmt: skip
    sent, code = wire.on_wire(render.encode(answer))
    body = msgspec.json.decode(sent, type=wire.AnswerBody)
    assert (body.ok, body.ad, body.nonce, body.reason, code) == (
        True,
        answer.ad,
        nonce,
        reason,
        reason,
    )
    assert wire.split_id(body.request_id, None) == ("req_1", nonce)
    expected = msgspec.json.decode(render.encode(answer))
    assert {**msgspec.json.decode(sent), "requestId": "req_1"} == {**expected, "ok": True}
