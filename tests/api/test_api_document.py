"""The OpenAPI document is true, the pages are self-contained, and a defect never shows its inside."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from api import views
from api.docs_page import example_request, operations
from api.examples import EXAMPLES
from api.models import (
    analyst_reports,
    analytics,
    auctions,
    brand,
    campaigns,
    compliance,
    content,
    events,
    keys,
    knowledge,
    knowledge_sources,
    leads,
    reports,
    run_report,
    runs,
    sources,
    stops,
)
from api.routes import health
from tests.api.conftest import Accounts, Door

pytestmark = pytest.mark.asyncio

#: Bodies that are files.
RAW = (
    "/api/v1/sources",
    "/api/v1/content/pictures",
    "/api/v1/knowledge/sources/upload",
    "/api/v1/leads/import",
)
WEB = Path(__file__).resolve().parents[2] / "web" / "demo"


async def document_of(door: Door) -> dict[str, Any]:
    answer = await door.call("GET", "/openapi.json")
    found: dict[str, Any] = answer.json()
    return found


async def test_every_example_request_is_accepted_by_its_route(
    door: Door, accounts: Accounts
) -> None:
    document = await document_of(door)
    tried = 0
    for path, method, operation in operations(document):
        body = example_request(document, operation)
        if body is None:
            continue
        tried += 1
        address = re.sub(r"\{id\}", _an_id(path), path)
        answer = await door.call(method.upper(), address, accounts.stranger_key, json=body)
        assert answer.status_code not in (400, 405, 422, 500), (path, answer.text)
    assert tried >= 17


def _an_id(path: str) -> str:
    prefix = {
        "apps": "app", "campaigns": "cmp", "runs": "run", "keys": "key", "sources": "src",
        "chunks": "chk", "reports": "rpt", "schedules": "rps", "ads": "ad", "documents": "doc",
        "jobs": "igj", "content": "run",
    }  # fmt: skip
    kind = path.split("/{id}")[0].rsplit("/", 1)[-1]
    return f"{prefix.get(kind, 'req')}_{'0' * 26}"


async def test_every_route_has_an_example_answer_that_fits_its_model(door: Door) -> None:
    document = await document_of(door)
    shapes: dict[str, type[BaseModel]] = {
        name: shape
        for module in (
            analyst_reports,
            analytics,
            auctions,
            brand,
            campaigns,
            compliance,
            content,
            events,
            keys,
            knowledge,
            knowledge_sources,
            leads,
            reports,
            run_report,
            runs,
            sources,
            stops,
            health,
        )
        for name, shape in vars(module).items()
        if isinstance(shape, type) and issubclass(shape, BaseModel)
    }
    for name, value in EXAMPLES.items():
        shape = shapes[name]
        assert shape.model_validate(value)
        aliases = {f.alias or n for n, f in shape.model_fields.items()}
        assert set(value) == aliases, name
    for path, method, operation in operations(document):
        for status, answer in operation["responses"].items():
            body = answer.get("content", {}).get("application/json")
            if status.startswith("2") and body:
                assert "example" in body, (method, path)
        if "requestBody" in operation and path not in RAW:
            assert example_request(document, operation) is not None, (method, path)


async def test_the_document_names_security_and_problems(door: Door) -> None:
    document = await document_of(door)
    assert document["openapi"].startswith("3.1")
    text = json.dumps(document)
    assert "HTTPValidationError" not in text
    for ref in set(re.findall(r'"#/components/schemas/(\w+)"', text)):
        assert ref in document["components"]["schemas"], ref
    for path, method, operation in operations(document):
        assert operation.get("description"), (method, path)
        if path.startswith("/api/v1"):
            assert operation["security"] == [{"bearer": []}, {"header": []}]
            assert "default" in operation["responses"]


class Links(HTMLParser):
    """Collects where a page reaches out to, and inline scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.scripts: list[str] = []
        self.labels: set[str] = set()
        self.fields: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag in ("script", "link", "img"):
            self.loaded.append(found.get("src") or found.get("href") or "")
        if tag == "label" and found.get("for"):
            self.labels.add(str(found["for"]))
        if tag in ("input", "textarea"):
            self.fields.append(found)
        assert not any(name.startswith("on") for name in found), tag


async def test_pages_are_self_contained(door: Door) -> None:
    for path in ("/demo", "/docs"):
        page = await door.call("GET", path)
        assert page.status_code == 200
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'unsafe" not in policy
        links = Links()
        links.feed(page.text)
        for address in links.loaded:
            assert address.startswith("/demo/")
            assert (await door.call("GET", address)).status_code == 200
    root = await door.call("GET", "/")
    assert (root.status_code, root.headers["location"]) == (307, "/demo")
    for missing in ("/demo/../app.py", "/demo/%2e%2e%2fapp.py", "/demo/x.js", "/docs/", "/nothing"):
        answer = await door.call("GET", missing)
        assert (answer.status_code, answer.json()["code"]) == (404, "route_not_found"), missing


async def test_the_demo_page_treats_ads_as_untrusted_text() -> None:
    scripts = [(WEB / name).read_text("utf-8") for name in ("demo.js", "cards.js")]
    for script in scripts:
        for dangerous in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
        ):
            assert dangerous not in script
    assert 'link.rel = "sponsored noopener"' in scripts[1]
    page = Links()
    page.feed((WEB / "index.html").read_text("utf-8"))
    for field in page.fields:
        if field.get("type") != "checkbox":
            assert field["id"] in page.labels


async def test_a_defect_never_shows_its_inside(
    door: Door, accounts: Accounts, campaign: str, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    def broken(*_: object) -> None:
        raise RuntimeError("secret inside")

    monkeypatch.setattr(views, "campaign", broken)
    answer = await door.call("GET", "/api/v1/campaigns", accounts.advertiser_key)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (500, "internal_error")
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert "secret inside" not in answer.text
    assert "Traceback" not in answer.text
    assert problem["request_id"] in caplog.text
    assert "secret inside" in caplog.text
    monkeypatch.setattr("api.hot.parse", broken)
    hot = await door.call("POST", "/api/requests", json={})
    assert (hot.status_code, hot.json()["code"]) == (500, "internal_error")
    assert "secret inside" not in hot.text


async def test_failures_of_routing_are_problems_too(door: Door, accounts: Accounts) -> None:
    cases = [
        ("GET", "/nothing", 404, "route_not_found"),
        ("DELETE", "/healthz", 405, "method_not_allowed"),
        ("PUT", "/api/v1/campaigns", 405, "method_not_allowed"),
        ("GET", "/api/v1/nothing", 404, "route_not_found"),
        ("GET", "/api/v1/runs?limit=0", 422, "invalid_request"),
        ("GET", "/api/v1/runs?limit=x", 422, "invalid_request"),
        ("POST", "/api/v1/keys", 422, "invalid_request"),
    ]
    for method, path, status, code in cases:
        answer = await door.call(method, path, accounts.advertiser_key)
        assert answer.headers["content-type"] == "application/problem+json"
        assert (answer.status_code, answer.json()["code"]) == (status, code), path
        assert answer.json()["detail"].endswith(".")


async def test_metrics_count_by_reason_and_template(
    door: Door, accounts: Accounts, campaign: str
) -> None:
    answer = await door.ask(accounts.web_app)
    event = {
        "type": "click", "requestId": answer["requestId"], "adId": answer["ad"]["id"],
        "appId": accounts.web_app,
    }  # fmt: skip
    await door.call("POST", "/api/events", json=event)
    await door.call("POST", "/api/events", json=event)
    await door.call("GET", f"/api/v1/campaigns/{campaign}", accounts.advertiser_key)
    text = (await door.call("GET", "/metrics")).text
    assert 'parley_answers_total{reason="served"} 1.0' in text
    assert 'parley_events_total{type="click",verdict="charged"} 1.0' in text
    assert 'parley_events_total{type="click",verdict="duplicate"} 1.0' in text
    assert 'route="/api/v1/campaigns/{id}",status="200"' in text
    assert campaign not in text
