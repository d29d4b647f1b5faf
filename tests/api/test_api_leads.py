"""Leads over the API: imported with terms, masked, chosen, forgotten; nothing of another tenant."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from bootstrap.services import Services
from tests.api.conftest import Accounts, Door, open_door
from tests.support.linkedin_wire import TOKEN, lead, linkedin

pytestmark = pytest.mark.asyncio

LIST = "Kontakt,Name,Interests\naiko@kaze.example,佐藤 愛子,trail shoes\nno,x,\n".encode()
TERMS: dict[str, Any] = {
    "name": "list.csv", "source": "newsletter", "lawful_basis": "consent", "consent_at": "2026-05-01",
    "consent_text": "Yes, write to me about shoes.", "column": ["email=Kontakt"],
}  # fmt: skip


async def code_of(door: Door, method: str, path: str, key: str, **kwargs: Any) -> tuple[int, str]:
    answer = await door.call(method, path, key, **kwargs)
    return answer.status_code, answer.json()["code"]


async def imported(door: Door, key: str, data: bytes = LIST, **more: Any) -> Any:
    return await door.call(
        "POST", "/api/v1/leads/import", key, params={**TERMS, **more}, content=data
    )


async def test_a_list_is_imported_looked_at_and_forgotten(door: Door, accounts: Accounts) -> None:
    key = accounts.advertiser_key
    answer = await imported(door, key)
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert (told["status"], told["rows"], told["added"], told["rejected"]) == ("done", 2, 1, 1)
    assert [(p["line"], p["code"]) for p in told["problems"]] == [(3, "email"), (3, "no_contact")]
    assert (await imported(door, key)).json()["unchanged"] == 1
    (lead,) = (await door.call("GET", "/api/v1/leads", key)).json()
    assert (lead["email"], lead["given_name"], lead["family_name"]) == (
        "a•••@kaze.example",
        "愛子",
        "佐藤",
    )
    assert "Writes from an address of a company. (+15)" in lead["reasons"]
    (open_,) = (await door.call("GET", "/api/v1/leads", key, params={"contacts": True})).json()
    assert open_["email"] == "aiko@kaze.example"
    assert len((await door.call("GET", "/api/v1/leads/imports", key)).json()) == 2
    stranger = accounts.stranger_key
    assert (await door.call("GET", "/api/v1/leads", stranger)).json() == []
    assert (await door.call("GET", "/api/v1/leads/imports", stranger)).json() == []
    contacts = {"contacts": ["AIKO@kaze.example"]}
    gone = await door.call("POST", "/api/v1/leads/erase", stranger, json=contacts)
    assert gone.json() == {"leads": 0}
    gone = await door.call("POST", "/api/v1/leads/erase", key, json=contacts)
    assert gone.json() == {"leads": 1}
    again = (await imported(door, key)).json()
    assert (again["added"], again["suppressed"]) == (0, 1)


async def test_audiences_are_rules_with_a_size(door: Door, accounts: Accounts) -> None:
    key = accounts.advertiser_key
    await imported(door, key)
    body = {"name": "Runners", "interests": ["trail shoes"], "countries": []}
    made = await door.call("POST", "/api/v1/audiences", key, json=body)
    assert (made.status_code, made.json()["leads"]) == (201, 1)
    assert made.json()["rule"] == {"interests": ["trail shoes"]}
    assert [a["name"] for a in (await door.call("GET", "/api/v1/audiences", key)).json()] == [
        "Runners"
    ]
    assert (await door.call("GET", "/api/v1/audiences", accounts.stranger_key)).json() == []
    for bad, code in (
        (body, (409, "audience_exists")),
        ({"name": "People with diabetes"}, (422, "special_category")),
        ({"name": "x", "countries": ["Japan"]}, (422, "rule_value")),
    ):
        assert await code_of(door, "POST", "/api/v1/audiences", key, json=bad) == code


@pytest.mark.parametrize(
    ("more", "data", "code"),
    [
        ({"source": "scraped profiles"}, LIST, (422, "people_not_scraped")),
        ({"lawful_basis": "contract"}, LIST, (422, "basis_not_stated")),
        ({"consent_at": "3/4/2026"}, LIST, (400, "consent_time")),
        ({"column": ["email"]}, LIST, (400, "mapping_field")),
        ({"column": ["email=Nowhere"]}, LIST, (422, "column_missing")),
        ({}, b"", (422, "file_empty")),
        ({}, b"PK\x03\x04", (422, "file_not_table")),
        ({}, b"a,b\n1,2\n", (422, "column_missing")),
    ],
)
async def test_bad_lists_are_refused_by_name(
    door: Door, accounts: Accounts, more: dict[str, Any], data: bytes, code: tuple[int, str]
) -> None:
    answer = await imported(door, accounts.advertiser_key, data, **more)
    assert (answer.status_code, answer.json()["code"]) == code


async def test_contacts_need_the_writing_scope(door: Door, accounts: Accounts) -> None:
    made = await door.call(
        "POST",
        "/api/v1/keys",
        accounts.stranger_key,
        json={"name": "r", "scopes": ["campaigns:read"]},
    )
    reader = made.json()["secret"]
    assert (await door.call("GET", "/api/v1/leads", reader)).status_code == 200
    assert await code_of(door, "GET", "/api/v1/leads?contacts=true", reader) == (
        403,
        "scope_missing",
    )


async def test_a_hundred_megabytes_are_the_most(door: Door, accounts: Accounts) -> None:
    headers = {"content-length": str(101 << 20)}
    answer = await door.call(
        "POST",
        "/api/v1/leads/import",
        accounts.advertiser_key,
        params=TERMS,
        content=b"x",
        headers=headers,
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_linkedin_forms_are_read_with_a_token_that_is_not_kept(
    accounts: Accounts, services: Services
) -> None:
    key, now = accounts.advertiser_key, services.clock.now_ms()
    body = {"owner": "urn:li:sponsoredAccount:507", "token": TOKEN}
    async with linkedin([lead("l1", now - 5_000, WORK_EMAIL="a@kaze.example")]) as server:
        settings = services.settings.model_copy(update={"linkedin_url": server.url})
        async with open_door(settings) as door:
            done = await door.call("POST", "/api/v1/leads/linkedin", key, json=body)
            assert done.status_code == 200, done.text
            assert (done.json()["read"], done.json()["added"]) == (1, 1)
            other = {**body, "token": "x" * 20}
            refused = await door.call("POST", "/api/v1/leads/linkedin", key, json=other)
            assert (refused.status_code, refused.json()["code"]) == (401, "linkedin_token")
            assert "x" * 20 not in refused.text
    async with services.db.system() as session:
        for table in ("leads", "lead_cursors", "lead_imports"):
            rows = await session.execute(text(f"SELECT row_to_json(t)::text FROM {table} t"))
            assert not any(TOKEN in row for row in rows.scalars())
