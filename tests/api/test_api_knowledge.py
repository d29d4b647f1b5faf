"""Knowledge over the door: search, answer, why, look at pieces, edit one; always one's own only."""

from __future__ import annotations

import pytest
import pytest_asyncio

from bootstrap.cli.rag_sources import reindexed
from bootstrap.knowledge import Knowledge
from bootstrap.services import Services
from domain.errors import Conflict, NotFound
from tests.api.conftest import Accounts, Door
from tests.support.ingesting import ingested
from tests.support.knowledge import WordEmbedder, draft, filled, knowledge

API = "/api/v1/knowledge"
TEXTS = {
    "warranty": "Every kettle has a warranty of two years. Keep the receipt.",
    "towel": "A towel of organic cotton, washed at sixty degrees.",
}
EDITED = "Every kettle has a warranty of three years."


@pytest.fixture
def small_model(door: Door, services: Services) -> None:
    """A door whose knowledge has vectors of a small model, so that no large one is loaded."""
    state = door.front.app.state
    state.knowledge = Knowledge(state.parley.services, WordEmbedder())


@pytest_asyncio.fixture
async def document(services: Services, accounts: Accounts) -> str:
    """Two documents of the advertiser; returns the id of the one on warranty."""
    async with knowledge(services, accounts.advertiser) as service:
        await filled(service, accounts.advertiser, TEXTS)
        newest = await service.documents.newest()
        return next(row.id for row in newest if row.key == "warranty")


pytestmark = [pytest.mark.asyncio, pytest.mark.usefixtures("small_model")]


async def test_passages_answers_and_reasons_carry_their_sources(
    door: Door, accounts: Accounts, document: str
) -> None:
    key = accounts.advertiser_key
    found = await door.call("POST", f"{API}/search", key, json={"query": "kettle warranty"})
    assert found.status_code == 200, found.text
    passage = found.json()["passages"][0]
    assert passage["citation"]["document_id"] == document
    assert passage["trust"] == "untrusted"
    assert found.json()["version"] == 1
    body = {"question": "How many years of warranty does the kettle have?"}
    said = (await door.call("POST", f"{API}/answer", key, json=body)).json()
    assert said["statements"][0]["text"] == "Every kettle has a warranty of two years."
    assert said["statements"][0]["citations"][0]["document_id"] == document
    assert said["unanswered"] is None
    told = (await door.call("GET", f"{API}/why", key, params={"query": "kettle warranty"})).json()
    assert told["candidates"][0]["kept"] == 1
    assert told["legs"]["lexical"] == 1
    none = {"question": "What do shipyards earn?"}
    unknown = (await door.call("POST", f"{API}/answer", key, json=none)).json()
    assert (unknown["unanswered"], unknown["statements"]) == ("nothing_found", [])


async def test_a_filter_narrows_what_is_found(
    door: Door, accounts: Accounts, document: str
) -> None:
    for filter_, count in (({"languages": ["jpn"]}, 0), ({"document_ids": [document]}, 1), ({}, 1)):
        body = {"query": "kettle warranty", "filter": filter_}
        answer = await door.call("POST", f"{API}/search", accounts.advertiser_key, json=body)
        assert len(answer.json()["passages"]) == count, filter_


async def test_an_edit_is_found_and_survives_re_indexing(
    door: Door, services: Services, accounts: Accounts, document: str
) -> None:
    key = accounts.advertiser_key
    pieces = (await door.call("GET", f"{API}/documents/{document}/chunks", key)).json()
    assert [piece["text"] for piece in pieces] == [TEXTS["warranty"]]
    address = f"{API}/chunks/{pieces[0]['id']}"
    edited = await door.call("PATCH", address, key, json={"text": EDITED})
    assert edited.status_code == 200, edited.text
    assert edited.json()["edited"] is True
    again = await door.call("PATCH", address, key, json={"text": EDITED})
    assert (again.status_code, again.json()["code"]) == (409, "chunk_replaced")
    async with knowledge(services, accounts.advertiser) as service:
        index = await service.open(accounts.advertiser)
        source = await service.add_source(index, kind="note", uri="note:tests")
        same = draft(source.id, "warranty", TEXTS["warranty"], "A second page.")
        await service.put(index, [same], cause="again")
    question = {"question": "How many years of warranty does the kettle have?"}
    said = (await door.call("POST", f"{API}/answer", key, json=question)).json()
    assert [one["text"] for one in said["statements"]] == [EDITED]
    old = {**question, "filter": {"as_of": 1}}
    then = (await door.call("POST", f"{API}/answer", key, json=old)).json()
    assert [one["text"] for one in then["statements"]] == [TEXTS["warranty"].split(" Keep")[0]]


async def test_the_version_of_a_moment_is_searched(
    door: Door, accounts: Accounts, document: str
) -> None:
    key = accounts.advertiser_key
    body = {"query": "kettle warranty", "filter": {"at": "2020-01-01T00:00:00Z"}}
    before = (await door.call("POST", f"{API}/search", key, json=body)).json()
    assert (before["passages"], before["version"]) == ([], 0)
    body["filter"] = {"at": "2100-01-01T00:00:00Z"}
    after = (await door.call("POST", f"{API}/search", key, json=body)).json()
    assert (len(after["passages"]), after["version"]) == (1, 1)
    body["filter"] = {"at": "2100-01-01T00:00:00Z", "as_of": 1}
    both = await door.call("POST", f"{API}/search", key, json=body)
    assert both.status_code == 422


async def test_documents_are_listed_in_pages(door: Door, accounts: Accounts, document: str) -> None:
    key, seen, after = accounts.advertiser_key, [], ""
    while page := (
        await door.call("GET", f"{API}/documents", key, params={"limit": 1, "after": after})
    ).json():
        assert len(page) == 1
        seen.append(page[0]["key"])
        after = page[0]["id"]
    assert sorted(seen) == sorted(TEXTS)
    nobody = await door.call("GET", f"{API}/documents", accounts.stranger_key)
    assert (nobody.status_code, nobody.json()) == (200, [])


async def test_a_passage_names_all_its_sources(
    door: Door, services: Services, accounts: Accounts
) -> None:
    text = (
        "Our kettles carry a warranty of two years, and every repair within that time is free of charge, "
        "parts and postage included, provided that the receipt is shown."
    )
    files = {"faq.md": f"# FAQ\n\n{text}".encode(), "terms.md": f"# Terms\n\n{text}".encode()}
    await ingested(services, accounts.advertiser, files)
    body = {"query": "warranty of kettles"}
    found = (await door.call("POST", f"{API}/search", accounts.advertiser_key, json=body)).json()
    assert len(found["passages"]) == 1
    copies = found["passages"][0]["copies"]
    named = {found["passages"][0]["citation"]["title"], *(copy["title"] for copy in copies)}
    assert named == {"FAQ", "Terms"}
    assert {copy["trust"] for copy in copies} == {"untrusted"}


async def test_another_model_is_refused_until_the_index_is_made_anew(
    services: Services, accounts: Accounts, document: str
) -> None:
    other = Knowledge(services, WordEmbedder("words-2"))
    with pytest.raises(Conflict, match="parley rag reindex --namespace default"):
        await (await other.reader(accounts.advertiser)).search("kettle warranty")
    written = await reindexed(
        services.settings, accounts.advertiser, "default", WordEmbedder("words-2")
    )
    assert written.added == 2
    found = await (await other.reader(accounts.advertiser)).search("kettle warranty")
    assert [p.chunk.key for p in found.passages] == ["warranty"]
    with pytest.raises(NotFound, match="no knowledge"):
        await reindexed(services.settings, accounts.advertiser, "none", WordEmbedder())


async def test_strangers_find_nothing_of_it(door: Door, accounts: Accounts, document: str) -> None:
    key = accounts.stranger_key
    found = await door.call("POST", f"{API}/search", key, json={"query": "kettle warranty"})
    assert (found.status_code, found.json()["code"]) == (404, "index_unknown")
    pieces = await door.call("GET", f"{API}/documents/{document}/chunks", key)
    assert pieces.status_code == 404
    mine = await door.call("GET", f"{API}/documents/{document}/chunks", accounts.advertiser_key)
    address = f"{API}/chunks/{mine.json()[0]['id']}"
    assert (await door.call("PATCH", address, key, json={"text": "x"})).status_code == 404
    publisher = await door.call(
        "POST", f"{API}/search", accounts.publisher_key, json={"query": "x"}
    )
    assert publisher.status_code == 403


@pytest.mark.parametrize(
    "body",
    [{}, {"query": ""}, {"query": "x", "k": 0}, {"query": "x", "k": 51},
     {"query": "x" * 1_001}, {"query": "x", "filter": {"trust": ["god"]}}, {"query": "x", "more": 1},
     {"query": "x", "namespace": "../x"}, {"query": "x", "filter": {"as_of": -1}}],
)  # fmt: skip
async def test_a_search_that_does_not_fit_is_refused(
    door: Door, accounts: Accounts, body: dict[str, object]
) -> None:
    answer = await door.call("POST", f"{API}/search", accounts.advertiser_key, json=body)
    assert answer.status_code == 422
    assert answer.json()["code"]
