"""Japanese forms that a model gives, on a provider's wire: checked, kept, compiled in; nothing is asked twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import replace
from typing import Any

import httpx
import httpx2
import msgspec
import pytest
import pytest_asyncio

from bootstrap.local_snapshots import snapshot_folder
from bootstrap.services import Services
from bootstrap.snapshots import compile_and_publish
from bootstrap.tag_forms import OBJECT, learn_forms, learnt_forms
from fastpath.expand import Expander, Expansion
from fastpath.match import find_tags
from fastpath.snapshot import Snapshot
from storage import outbox
from tests.support.catalogue import live_campaign, market
from tests.support.model_wires import OPENAI, SPECS, answer

pytestmark = pytest.mark.asyncio
TAGS = ("zorblaxer", "quibblor", "coffee")


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "test-key")
    monkeypatch.setenv("LANGSMITH_TRACING", "false")


class Provider:
    """Answers with the forms of the tag in the prompt, and keeps what it was sent."""

    def __init__(self, forms: Mapping[str, list[str]]) -> None:
        self.forms = forms
        self.asked: list[str] = []

    def __call__(self, request: httpx2.Request) -> httpx.Response:
        said = json.dumps(json.loads(request.content)["messages"], ensure_ascii=False)
        (tag,) = (tag for tag in TAGS if f"{tag}" in said)
        self.asked.append(tag)
        return httpx.Response(
            200, json=answer(OPENAI, "JapaneseForms", {"forms": self.forms.get(tag, [])})
        )


async def compiled(services: Services) -> tuple[str, Snapshot]:
    snapshot_id = await compile_and_publish(services)
    folder = snapshot_folder(services.settings.parley_home) / snapshot_id
    return snapshot_id, await asyncio.to_thread(Snapshot.open, folder)


async def waiting(services: Services) -> int:
    async with services.db.system() as session:
        return len(await outbox.waiting_ids(session, outbox.CATALOGUE_CHANGED))


@pytest_asyncio.fixture(autouse=True)
async def nothing_learnt(services: Services) -> AsyncIterator[None]:
    """The bucket is that of all tests of a worker."""
    await services.objects.put(OBJECT, b"{}")
    yield
    await services.objects.put(OBJECT, b"{}")


@pytest.fixture
def live(services: Services) -> Services:
    settings = services.settings.model_copy(update={"parley_llm": SPECS[OPENAI]})
    return replace(services, settings=settings)


async def test_a_form_that_a_model_gives_is_checked_kept_and_compiled_in(
    live: Services, httpx2_mock: Any
) -> None:
    provider = Provider(
        {
            "zorblaxer": [
                "ゾーブ・ラクサー", "bags", "自殺", "あ", "ゾーブラクサー", "今日。買う",
            ]
        }
    )  # fmt: skip
    httpx2_mock.post(OPENAI).mock(side_effect=provider)
    sides = await market(live)
    await live_campaign(live, sides.advertiser, *TAGS)
    first, before = await compiled(live)
    assert find_tags(before, "ゾーブラクサーのおすすめは？") == {}
    assert await waiting(live) == 0
    assert await learn_forms(live, first) == 1
    # Coffee is in the dictionary: nobody is asked.
    assert sorted(provider.asked) == ["quibblor", "zorblaxer"]
    assert await learnt_forms(live) == {
        "zorblaxer": ("ゾーブラクサー",),
        "quibblor": (),
    }
    assert await waiting(live) == 1
    second, after = await compiled(live)
    assert second != first
    found = find_tags(after, "ゾーブラクサーのおすすめは？")
    assert [after.tag(tag) for tag in found] == ["zorblaxer"]
    assert await learn_forms(live, second) == 0
    assert len(provider.asked) == 2
    # What was learnt outlives the caches of snapshots.
    assert (await compiled(live))[0] == second


async def test_without_a_model_nobody_is_asked_and_a_model_that_is_down_is_asked_again(
    services: Services, live: Services, httpx2_mock: Any
) -> None:
    sides = await market(services)
    await live_campaign(services, sides.advertiser, "quibblor")
    snapshot_id, _ = await compiled(services)
    assert await learn_forms(services, snapshot_id) == 0
    httpx2_mock.post(OPENAI).mock(side_effect=lambda _: httpx.Response(401, json={}))
    assert await learn_forms(live, snapshot_id) == 0
    assert await learnt_forms(live) == {}
    assert await waiting(live) == 0


async def test_a_damaged_list_is_as_good_as_none(services: Services) -> None:
    await services.objects.put(OBJECT, b"{]")
    assert await learnt_forms(services) == {}


async def test_a_tag_that_has_no_form_is_looked_up_once() -> None:
    learnt = {"quibblor": (), "zorblaxer": ("ゾーブラクサー",)}
    before = Expander(None, {"tea": ("お茶",)})
    first = before.expand(TAGS)
    known = replace_known(first, TAGS)
    after = Expander(None, {"tea": ("お茶",)}, learnt)
    second = after.expand(TAGS, known)
    assert (second.fresh, second.forms["zorblaxer"]) == (1, ("ゾーブラクサー",))
    assert after.expand(TAGS, replace_known(second, TAGS)).fresh == 0


def replace_known(expansion: Expansion, tags: Iterable[str]) -> Expansion:
    """Return what a snapshot keeps of an expansion: all its tags were looked up."""
    return msgspec.structs.replace(expansion, known=frozenset(tags))
