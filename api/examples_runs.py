"""Example answers about runs, rules and kill switches; see `api.examples`."""

from __future__ import annotations

from typing import Any

_ID = "01JD3ZK5W8Q4V6X7Y9A2B3C4D5"
_AT = "2026-11-21T09:30:00Z"
_CITATION: dict[str, Any] = {
    "title": "Size guide",
    "quote": "The sole grips on wet rock.",
    "document_id": f"doc_{_ID}",
    "chunk_id": f"chk_{_ID}",
    "start": 120,
    "end": 147,
    "url": "https://shop.example/guide",
}
_SOURCE: dict[str, Any] = {
    "where": "Size guide",
    "quote": "The sole grips on wet rock.",
    "citation": _CITATION,
}
_INSIGHT: dict[str, Any] = {
    "kind": "opportunity",
    "statement": "Grip on wet rock is what the guide names first.",
    "confidence": 0.7,
    "sources": [_SOURCE],
}
_SEGMENT: dict[str, Any] = {
    "name": "People asking about trail shoes",
    "interests": ["trail shoes"],
    "geos": ["JP", "US"],
    "languages": ["eng", "jpn"],
    "reason": "The brief names the product.",
}
_BACKING: dict[str, Any] = {
    "sentence": "Grips on wet rock",
    "language": "eng",
    "where": "Size guide",
    "support": "The sole grips on wet rock.",
    "citation": _CITATION,
}
_WRITTEN: dict[str, Any] = {
    "key": "ridge-2:static",
    "format": "static",
    "outcome": "pass",
    "texts": {"eng": {"title": "Ridge 2 trail shoe", "cta_text": "See it"}},
    "backing": [_BACKING],
}
_FINDING: dict[str, Any] = {
    "draft_key": "ridge-2:static",
    "rule": "superlative",
    "severity": "revise",
    "language": "eng",
    "field": "title",
    "excerpt": "the best",
    "message": "Say what it does instead of calling it the best.",
}
_CHECKED: dict[str, Any] = {
    "passed": 1,
    "to_revise": 0,
    "blocked": 0,
    "rounds": 1,
    "rules_hash": "9d5c",
    "findings": [_FINDING],
}
_SENT: dict[str, Any] = {
    "id": f"cop_{_ID}",
    "channel": "in_chat",
    "kind": "launch",
    "state": "confirmed",
    "who": f"key:key_{_ID}",
    "why": "Checked with legal",
}
_USAGE: dict[str, Any] = {
    "calls": 4,
    "failed": 0,
    "input_tokens": 5_200,
    "output_tokens": 900,
    "cost_micros": 21_500,
    "estimated": 0,
    "unpriced": 0,
}
_CHANGE: dict[str, Any] = {
    "rule": "dsa_payer",
    "platform": "all",
    "what": "comes_into_force",
    "on": "2026-11-21",
    "before": [],
    "after": [],
    "source": "Regulation (EU) 2022/2065 Art. 26(1)(b)",
    "message": "Name who pays for the ad.",
}
_TOUCHED: dict[str, Any] = {
    "creative_id": f"cre_{_ID}",
    "campaign_id": f"cmp_{_ID}",
    "rule": "dsa_payer",
    "field": "payer",
    "excerpt": "",
    "severity": "block",
}

RUN_EXAMPLES: dict[str, Any] = {
    "PlaceOut": _CITATION,
    "QuotedOut": _SOURCE,
    "InsightOut": _INSIGHT,
    "SegmentOut": _SEGMENT,
    "BackingOut": _BACKING,
    "WrittenOut": _WRITTEN,
    "FindingOut": _FINDING,
    "CheckedOut": _CHECKED,
    "SentOut": _SENT,
    "UsageOut": _USAGE,
    "RunReportOut": {
        "run_id": f"run_{_ID}",
        "status": "succeeded",
        "goal": "200 sign-ups for our trail-running shop, 3,000 dollars",
        "insights": [_INSIGHT],
        "audience": [_SEGMENT],
        "written": [_WRITTEN],
        "creatives": 1,
        "compliance": _CHECKED,
        "operations": [_SENT],
        "models": _USAGE,
        "rule_based": False,
        "warnings": [],
    },
    "RuleChangeOut": _CHANGE,
    "TouchedOut": _TOUCHED,
    "RuleUpdates": {"rules_hash": "9d5c", "changes": [_CHANGE], "touched": [_TOUCHED]},
    "StopOut": {
        "id": f"stp_{_ID}",
        "channel": "*",
        "who": f"key:key_{_ID}",
        "why": "Wrong prices in the feed",
        "created_at": _AT,
        "lifted_at": None,
    },
}
