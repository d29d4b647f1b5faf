"""One example answer per model, shown in the OpenAPI document and checked by a test. Names are made up."""

from __future__ import annotations

from typing import Any

from api.examples_content import CONTENT_EXAMPLES
from api.examples_ingest import INGEST_EXAMPLES
from api.examples_knowledge import KNOWLEDGE_EXAMPLES
from api.examples_leads import LEAD_EXAMPLES
from api.examples_reports import REPORT_EXAMPLES
from api.examples_runs import RUN_EXAMPLES

_ID = "01JD3ZK5W8Q4V6X7Y9A2B3C4D5"
_AT = "2026-11-21T09:30:00Z"


def _usd(micros: int, text: str) -> dict[str, Any]:
    return {"micros": micros, "currency": "USD", "text": f"{text} USD"}


_CAMPAIGN: dict[str, Any] = {
    "id": f"cmp_{_ID}",
    "name": "Trail-running shop",
    "status": "live",
    "run_id": f"run_{_ID}",
    "bid_model": "cpc",
    "bid": _usd(420_000, "0.42"),
    "budget_total": _usd(3_000_000_000, "3,000.00"),
    "budget_daily": None,
    "spent_total": _usd(1_260_000, "1.26"),
    "spent_today": _usd(420_000, "0.42"),
    "starts_at": _AT,
    "ends_at": "2026-12-25T00:00:00Z",
    "geos": ["JP", "US"],
    "languages": [],
    "created_at": _AT,
}
_KEY: dict[str, Any] = {
    "id": f"key_{_ID}",
    "name": "Reporting job",
    "hint": "x9Qk",
    "scopes": ["reports:read"],
    "app_id": None,
    "created_at": _AT,
    "expires_at": None,
    "revoked_at": None,
    "replaces": None,
}
_REPORT: dict[str, Any] = {
    "campaign_id": f"cmp_{_ID}",
    "name": "Trail-running shop",
    "status": "live",
    "impressions": 60,
    "clicks": 3,
    "submits": 0,
    "dismissals": 1,
    "ctr": 0.05,
    "cpc": _usd(420_000, "0.42"),
    "spend": _usd(1_260_000, "1.26"),
    "spend_today": _usd(420_000, "0.42"),
    "budget_total": _usd(3_000_000_000, "3,000.00"),
    "budget_left": _usd(2_998_740_000, "2,998.74"),
}
_PART = {"ok": True, "latency_ms": 0.8, "detail": None}

#: By the name of the model.
EXAMPLES: dict[str, dict[str, Any]] = {
    "Started": {
        "run_id": f"run_{_ID}",
        "status": "queued",
        "links": {
            "self": f"/api/v1/runs/run_{_ID}",
            "events": f"/api/v1/runs/run_{_ID}/events",
            "approve": f"/api/v1/runs/run_{_ID}/approve",
            "answer": f"/api/v1/runs/run_{_ID}/answer",
        },
    },
    "CampaignOut": _CAMPAIGN,
    "CampaignDetail": {
        **_CAMPAIGN,
        "brief": {"goal": "Get 200 sign-ups for our trail-running shop", "currency": "USD"},
        "plan": {"channels": ["in_chat"]},
        "blocked_topics": [],
        "devices": ["mobile"],
        "weekdays": [],
        "apps": [],
        "blocked_apps": [],
        "topics": [],
        "caps": [{"scope": "user", "limit": 3, "window_ms": 86_400_000}],
        "pacing": "even",
        "creatives": {"approved": 8},
        "served": True,
        "audit": [
            {
                "at": _AT,
                "from_state": "approved",
                "to_state": "live",
                "who": f"key:key_{_ID}",
                "why": "approved",
            }
        ],
    },
    "CreativeOut": {
        "id": f"crt_{_ID}",
        "format": "action_card",
        "status": "approved",
        "texts": {
            "eng": {"title": "Trail shoes", "description": "Sticky rubber.", "cta_text": "See them"}
        },
        "tags": ["trail running shoes"],
        "negative_tags": [],
        "landing_url": "https://shop.example/trail",
        "image_url": None,
        "claims": [{"text": "Sticky rubber.", "where": "page.html#L12:p"}],
        "findings": [],
    },
    "Changed": {"id": f"cmp_{_ID}", "changed": True},
    "Moved": {"id": f"cmp_{_ID}", "status": "paused", "changed": True},
    "CampaignReportOut": _REPORT,
    "RunOut": {
        "id": f"run_{_ID}",
        "status": "awaiting_approval",
        "graph": "campaign",
        "step": "submit",
        "goal": "Get 200 sign-ups for our trail-running shop",
        "campaign_id": f"cmp_{_ID}",
        "question": {"waits_for": "awaiting_approval", "campaign_id": f"cmp_{_ID}"},
        "result": None,
        "error": None,
        "attempts": 1,
        "created_at": _AT,
        "updated_at": _AT,
    },
    "RunEvents": {
        "events": [
            {
                "id": "1795257000000-0",
                "type": "step",
                "step": "write",
                "message": "Wrote 8 creatives.",
                "at": _AT,
                "data": {"creatives": 8},
            }
        ],
        "next_after": "1795257000000-0",
        "finished": False,
    },
    "SourceOut": {
        "id": f"src_{_ID}",
        "kind": "feed",
        "name": "products.csv",
        "products": 23,
        "problems": [{"line": 7, "reason": "The row has no product name; fill in its title."}],
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "size_bytes": 4_096,
        "created_at": _AT,
    },
    "Dashboard": {
        "campaigns": [_REPORT],
        "totals": [
            {
                "currency": "USD",
                "campaigns": 1,
                "impressions": 60,
                "clicks": 3,
                "spend": _usd(1_260_000, "1.26"),
            }
        ],
        "apps": [],
        "earnings": [],
    },
    "DecisionOut": {
        "request_id": f"req_{_ID}",
        "created_at": _AT,
        "app_id": f"app_{_ID}",
        "campaign_id": None,
        "ad_id": None,
        "snapshot_id": f"snp_{_ID}",
        "reason": "low_opportunity",
        "language": "eng",
        "intent": "chitchat",
        "bid_model": None,
        "price": None,
        "expires_at": None,
        "explain": None,
    },
    "KeyOut": _KEY,
    "NewKey": {**_KEY, "secret": "parley_sk_shown-once"},
    "BrandKitOut": {
        "name": "Kaze Trail",
        "payer": "Kaze Trail K.K.",
        "tone": "friendly",
        "colours": ["#1f5f5b"],
        "banned_words": ["cheap"],
        "tone_words": ["trail"],
        "formality": "polite",
    },
    "AppOut": {
        "id": f"app_{_ID}",
        "name": "Travel helper",
        "status": "active",
        "formats": ["action_card", "followup"],
        "currency": "USD",
        "reserve_micros": 50_000,
        "default_geo": "US",
        "web": True,
        "relevance_floor_ppm": 300_000,
        "allowed_advertisers": [],
        "blocked_advertisers": [],
        "blocked_topics": ["gambling"],
        "passes_user_ids": True,
        "created_at": _AT,
    },
    "EventOut": {"success": True, "eventId": "click-1", "duplicate": False, "charged": True},
    "ReceiptKeyOut": {
        "algorithm": "Ed25519",
        "public_key": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    },
    **KNOWLEDGE_EXAMPLES,
    **INGEST_EXAMPLES,
    **LEAD_EXAMPLES,
    **REPORT_EXAMPLES,
    **RUN_EXAMPLES,
    **CONTENT_EXAMPLES,
    "Alive": {"status": "ok"},
    "Ready": {
        "ready": True,
        "parts": {name: _PART for name in ("database", "redis", "objects", "snapshot")},
    },
}
