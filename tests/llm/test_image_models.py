"""The OpenAI images API on the wire; money set aside before and given back where nothing was painted."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from domain.errors import BadInput, ParleyError
from llm.images import SIZE, OpenAIImages, image_model
from llm.purse import BudgetExceeded, Hold, NoLimit

URL = "https://api.openai.com/v1/images/generations"
PNG = b"\x89PNG\r\n\x1a\n painted"

pytestmark = pytest.mark.asyncio


@dataclass
class Purse:
    """Counts what is set aside and paid."""

    left: int
    paid: list[int] = field(default_factory=list)

    @property
    def limited(self) -> bool:
        return True

    async def reserve(self, micros: int) -> Hold:
        if micros > self.left:
            raise BudgetExceeded("llm_run_budget", "Too little money is left.")
        return Hold(micros)

    async def settle(self, hold: Hold, micros: int) -> None:
        self.paid.append(micros)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "test-key")


async def test_a_picture_is_painted_and_paid(httpx2_mock: Any) -> None:
    route = httpx2_mock.post(URL).respond(
        json={"created": 1, "data": [{"b64_json": base64.b64encode(PNG).decode()}]}
    )
    purse = Purse(left=100)
    painted = await OpenAIImages("gpt-image-2", purse, 40).paint("A calm still life.")
    assert (painted.data, painted.model) == (PNG, "openai:gpt-image-2")
    assert purse.paid == [40]
    sent = json.loads(route.calls[0].request.content)
    assert sent == {
        "model": "gpt-image-2", "prompt": "A calm still life.", "size": SIZE, "n": 1,
        "output_format": "png",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"status_code": 400, "json": {"error": {"message": "moderation_blocked"}}}, "image_model_refused"),
        ({"status_code": 401, "json": {"error": {"message": "bad key"}}}, "image_model_unavailable"),
        ({"json": {"created": 1, "data": []}}, "image_model_unavailable"),
        ({"json": {"created": 1, "data": [{"b64_json": "not base64!"}]}}, "image_model_unavailable"),
    ],
)  # fmt: skip
async def test_what_is_not_painted_is_not_paid(
    httpx2_mock: Any, answer: dict[str, Any], code: str
) -> None:
    httpx2_mock.post(URL).respond(**answer)
    purse = Purse(left=100)
    with pytest.raises(ParleyError) as caught:
        await OpenAIImages("gpt-image-2", purse, 40).paint("x")
    assert caught.value.code == code
    assert purse.paid == [0]


async def test_nothing_is_asked_that_could_cost_more_than_is_left() -> None:
    purse = Purse(left=39)
    with pytest.raises(BudgetExceeded):
        await OpenAIImages("gpt-image-2", purse, 40).paint("x")
    assert purse.paid == []


async def test_it_is_off_unless_configured() -> None:
    assert image_model("", NoLimit(), 1) is None
    assert image_model("offline", NoLimit(), 1) is None
    assert image_model("openai:gpt-image-2", NoLimit(), 1) is not None
    for spec in ("dall-e", "openai:", "paint:x"):
        with pytest.raises(BadInput, match="openai:<model>"):
            image_model(spec, NoLimit(), 1)
