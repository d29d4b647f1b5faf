"""Sources of knowledge over the API: uploaded, read, looked at, retried, removed; large and bad ones refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from api.bodies import UPLOAD_LIMIT
from bootstrap.knowledge import Knowledge
from bootstrap.services import Services
from tests.api.conftest import Accounts, Door
from tests.support.ingesting import ingestion
from tests.support.knowledge import WordEmbedder
from tests.support.made_files import encrypted_pdf
from workers.ingest import ingestion as of_a_worker

pytestmark = [pytest.mark.asyncio, pytest.mark.usefixtures("small_model")]

BASE = "/api/v1/knowledge"


@pytest.fixture
def small_model(door: Door) -> None:
    """A door whose knowledge has vectors of a small model, so that no large one is loaded."""
    state = door.front.app.state
    state.knowledge = Knowledge(state.parley.services, WordEmbedder())


async def upload(door: Door, key: str, name: str, data: bytes, **more: Any) -> Any:
    return await door.call(
        "POST", f"{BASE}/sources/upload", key, params={"name": name, **more}, content=data
    )


async def test_a_file_goes_in_is_read_and_goes_out_again(
    door: Door, accounts: Accounts, services: Services
) -> None:
    key = accounts.advertiser_key
    answer = await upload(door, key, "a.md", b"# Kettle\n\nIt boils a litre in three minutes.")
    assert answer.status_code == 202, answer.text
    job = answer.json()
    assert (job["status"], job["counts"]) == ("queued", {"waiting": 1})
    assert await ingestion(services).execute(job["id"]) == "succeeded"
    told = (await door.call("GET", f"{BASE}/jobs/{job['id']}", key)).json()
    assert told["files"][0]["status"] == "done"
    assert told["files"][0]["chunks_added"] == 1
    jobs = (await door.call("GET", f"{BASE}/jobs", key, params={"source": job["source_id"]})).json()
    assert [one["id"] for one in jobs] == [job["id"]]
    (source,) = (await door.call("GET", f"{BASE}/sources", key)).json()
    assert (source["id"], source["kind"], source["trust"]) == (
        job["source_id"],
        "upload",
        "untrusted",
    )
    again = await door.call("POST", f"{BASE}/jobs/{job['id']}/retry", key)
    assert (again.status_code, again.json()["code"]) == (409, "nothing_failed")
    stranger = await door.call("GET", f"{BASE}/jobs/{job['id']}", accounts.stranger_key)
    assert stranger.status_code in (403, 404)
    gone = await door.call("DELETE", f"{BASE}/sources/{source['id']}", key)
    assert gone.json() == {"documents": 1}
    # The same file again is taken in anew.
    job = (
        await upload(door, key, "a.md", b"# Kettle\n\nIt boils a litre in three minutes.")
    ).json()
    assert await ingestion(services).execute(job["id"]) == "succeeded"
    told = (await door.call("GET", f"{BASE}/jobs/{job['id']}", key)).json()
    assert told["files"][0]["status"] == "done"


async def test_the_label_of_a_source_stays_what_it_is(door: Door, accounts: Accounts) -> None:
    key = accounts.advertiser_key
    first = await upload(door, key, "a.md", b"# A\n\nOne.", source="brand", trust="owned")
    assert first.status_code == 202
    for trust, status in (({}, 202), ({"trust": "owned"}, 202), ({"trust": "untrusted"}, 409)):
        answer = await upload(door, key, "b.md", b"# B\n\nTwo.", source="brand", **trust)
        assert answer.status_code == status, answer.text
    assert answer.json()["code"] == "source_of_another_trust"
    page = {"kind": "url", "uri": "https://shop.example/a"}
    for trust, status in (({}, 202), ({"trust": "partner"}, 409)):
        answer = await door.call("POST", f"{BASE}/sources", key, json={**page, **trust})
        assert answer.status_code == status, answer.text
    labels = {
        s["name"]: s["trust"] for s in (await door.call("GET", f"{BASE}/sources", key)).json()
    }
    assert labels == {"brand": "owned", "https://shop.example/a": "untrusted"}


async def test_a_broken_file_says_why_and_can_be_retried(
    door: Door, accounts: Accounts, services: Services
) -> None:
    key = accounts.advertiser_key
    job = (await upload(door, key, "x.pdf", encrypted_pdf())).json()
    assert await ingestion(services).execute(job["id"]) == "failed"
    told = (await door.call("GET", f"{BASE}/jobs/{job['id']}", key)).json()
    assert told["files"][0]["error"]["code"] == "file_encrypted"
    again = await door.call("POST", f"{BASE}/jobs/{job['id']}/retry", key)
    assert (again.status_code, again.json()["status"]) == (202, "queued")


async def test_what_is_too_large_is_refused_while_it_arrives(
    door: Door, accounts: Accounts
) -> None:
    key = accounts.advertiser_key
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        piece = b"x" * 4_000_000
        while sent < 2 * UPLOAD_LIMIT:
            sent += len(piece)
            yield piece

    answer = await door.call(
        "POST", f"{BASE}/sources/upload", key, params={"name": "big.csv"}, content=endless()
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    announced = await door.call(
        "POST",
        f"{BASE}/sources/upload",
        key,
        params={"name": "big.csv"},
        content=b"x",
        headers={"content-length": "200000000"},
    )
    assert (announced.status_code, announced.json()["code"]) == (413, "body_too_large")
    assert (await upload(door, key, "a.md", b"")).json()["code"] == "file_empty"
    assert (await upload(door, key, "a#b.md", b"x")).json()["code"] == "bad_file_name"


@pytest.mark.parametrize(
    "uri",
    ["http://127.0.0.1/", "http://localhost:80/", "http://169.254.169.254/latest", "http://[::1]/",
     "http://10.0.0.8/x", "http://2130706433/"],
)  # fmt: skip
async def test_private_addresses_are_never_connected_to(
    door: Door, accounts: Accounts, services: Services, uri: str
) -> None:
    key = accounts.advertiser_key
    answer = await door.call("POST", f"{BASE}/sources", key, json={"kind": "url", "uri": uri})
    if answer.status_code != 202:
        assert answer.json()["code"] == "bad_site_url"
        return
    job = answer.json()

    async def emit(_: object) -> None:
        return None

    # The worker's own fetcher: the test suite would notice a connection, and so would the refusal's reason.
    worker = replace(await of_a_worker(services, emit, "tests"), embedder=WordEmbedder())
    assert await worker.execute(job["id"]) == "failed"
    told = (await door.call("GET", f"{BASE}/jobs/{job['id']}", key)).json()
    assert told["files"][0]["error"]["code"] == "site_private_address"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"uri": "ftp://x.example/a"}, "bad_site_url"),
        ({"uri": "https://x.example/a#b"}, "bad_site_url"),
        ({"kind": "prefix", "uri": "../other/"}, "bad_prefix"),
        ({"kind": "prefix", "uri": "/etc/"}, "bad_prefix"),
    ],
)
async def test_bad_sources_are_refused(
    door: Door, accounts: Accounts, body: dict[str, str], code: str
) -> None:
    answer = await door.call("POST", f"{BASE}/sources", accounts.advertiser_key, json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_a_folder_is_read_from_the_organisations_own_area(
    door: Door, accounts: Accounts, services: Services
) -> None:
    await services.objects.put(
        f"orgs/{accounts.advertiser}/files/brand/a.md", b"Our towels are soft."
    )
    await services.objects.put("orgs/other/files/brand/b.md", b"Not ours.")
    answer = await door.call(
        "POST", f"{BASE}/sources", accounts.advertiser_key, json={"kind": "prefix", "uri": "brand/"}
    )
    assert answer.status_code == 202, answer.text
    job = answer.json()
    assert await ingestion(services).execute(job["id"]) == "succeeded"
    told = (await door.call("GET", f"{BASE}/jobs/{job['id']}", accounts.advertiser_key)).json()
    assert [file["name"] for file in told["files"]] == ["brand/a.md"]
