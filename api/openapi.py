"""The OpenAPI document: FastAPI's own, plus the hot route by hand, security and the shape of failures."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api import hot, wire
from api.docs_page import operations
from api.examples import EXAMPLES
from api.models.common import ProblemOut

TITLE = "Parley API"
VERSION = "1"
DESCRIPTION = (
    "Goals in, disclosed ads in chats out. Send an API key as `Authorization: Bearer parley_sk_…`. "
    "Every failure is problem+json with a stable code and one sentence to act on."
)
REQUEST_EXAMPLE: dict[str, Any] = {
    "appId": "app_01JD3ZK5W8Q4V6X7Y9A2B3C4D5",
    "conversationId": "conversation-17",
    "messageId": "message-3",
    "contextText": "Which trail running shoes are good for wet rock?",
    "language": "en",
    "formats": ["action_card", "followup"],
    "geo": "US",
    "mutedAdvertisers": [],
    "consent": {"ads": True, "personalisation": False, "measurement": False},
    "sdkVersion": "1.0.0",
}
ANSWER_EXAMPLE: dict[str, Any] = {
    "ok": True,
    "ad": {
        "id": "ad_01JD3ZK5W8Q4V6X7Y9A2B3C4D5",
        "advertiserId": "org_01JD3ZK5W8Q4V6X7Y9A2B3C4D5",
        "advertiserName": "Ridgeline Trail",
        "format": "action_card",
        "title": "Trail shoes for wet rock",
        "description": "Sticky rubber, 250 g, in 14 sizes.",
        "ctaText": "See the shoes",
        "ctaUrl": "https://shop.example/trail",
        "label": "Ad",
        "payer": "Ridgeline Trail Ltd",
        "why": "Shown because the conversation is about trail running shoes.",
    },
    "requestId": "req_01JD3ZK5W8Q4V6X7Y9A2B3C4D5~bm9uY2U",
    "nonce": "bm9uY2U",
    "expiresMs": 1_795_000_000_000,
    "receipt": "eyJhZCI6…",
    "reason": "served",
    "language": "eng",
    "intent": "high_commercial",
    "opportunity": 0.82,
    "snapshot": "snp_01JD3ZK5W8Q4V6X7Y9A2B3C4D5",
}
#: Routes that need no key.
_OPEN = ("/healthz", "/readyz", "/metrics", "/api/receipts/key")
#: Routes that a web app may call without a key.
_WEB = ("/api/requests", "/api/events")


def build(app: FastAPI) -> dict[str, Any]:
    """Return the document; made once and kept on the application."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=TITLE, version=VERSION, description=DESCRIPTION, routes=app.routes
        )
        _add_hot_route(document)
        _add_security(document)
        _add_problems(document)
        _add_examples(document)
        app.openapi_schema = document
    return app.openapi_schema


def _add_hot_route(document: dict[str, Any]) -> None:
    (request, answer), parts = msgspec.json.schema_components(
        [wire.AdRequestBody, wire.AnswerBody], ref_template="#/components/schemas/{name}"
    )
    document["components"]["schemas"].update(parts)
    document["paths"][hot.PATH] = {
        "post": {
            "tags": ["ads"],
            "summary": "Ask for an ad",
            "description": "Ask which ad, if any, fits a chat turn. Send contextText or turns; the text "
            "is read and not kept. Without an ad, `reason` says why.",
            "operationId": "ask_for_an_ad",
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": request, "example": REQUEST_EXAMPLE}},
            },
            "responses": {
                "200": {
                    "description": "An ad, or none and why.",
                    "content": {"application/json": {"schema": answer, "example": ANSWER_EXAMPLE}},
                }
            },
        }
    }


def _add_security(document: dict[str, Any]) -> None:
    document["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "parley_sk_…"},
        "header": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
    }
    keyed: list[dict[str, list[str]]] = [{"bearer": []}, {"header": []}]
    for path, _, operation in operations(document):
        if path not in _OPEN:
            operation["security"] = [*keyed, {}] if path in _WEB else keyed


def _add_problems(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    schemas["Problem"] = ProblemOut.model_json_schema(ref_template="#/components/schemas/{model}")
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    problem = {
        "description": "What went wrong, and what to do.",
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        },
    }
    for path, _, operation in operations(document):
        operation["responses"].pop("422", None)
        if path not in _OPEN:
            operation["responses"]["default"] = problem


def _add_examples(document: dict[str, Any]) -> None:
    for _, _, operation in operations(document):
        for status, answer in operation["responses"].items():
            content = answer.get("content", {}).get("application/json")
            if status.startswith("2") and content is not None and "example" not in content:
                _add_example(content)


def _add_example(content: dict[str, Any]) -> None:
    schema = content["schema"]
    listed = schema.get("type") == "array"
    name = (schema["items"] if listed else schema).get("$ref", "").rsplit("/", 1)[-1]
    if name in EXAMPLES:
        content["example"] = [EXAMPLES[name]] if listed else EXAMPLES[name]
