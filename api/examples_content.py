"""Example answers of the routes for content; see `api.examples`."""

from __future__ import annotations

from typing import Any

_ID = "01JD3ZK5W8Q4V6X7Y9A2B3C4D5"
_SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

_FINDING: dict[str, Any] = {
    "check": "limits",
    "rule": "meta.feed.headline",
    "severity": "warn",
    "message": "Beyond 27 characters it may be cut off; it has 30.",
    "field": "headline",
    "excerpt": "Kaze Ridge Trail Running Shoes",
}
_ASSET: dict[str, Any] = {
    "id": f"ast_{_ID}",
    "kind": "text",
    "channel": "meta",
    "language": "eng",
    "arm": "price_first",
    "product_key": "KT-S01",
    "variant": "KT-S01:meta:eng:price_first",
    "slot": "",
    "hypothesis": "Naming the price first brings more clicks than naming a benefit first.",
    "differs": ["headline"],
    "segment": "",
    "media_type": "application/json",
    "size_bytes": 1480,
    "sha256": _SHA,
    "width": 0,
    "height": 0,
    "texts": {
        "primary_text": ["4 mm rubber lugs grip muddy paths."],
        "headline": ["Kaze Ridge: $138"],
    },
    "cta": "Shop now",
    "claims": [
        {
            "sentence": "4 mm rubber lugs grip muddy paths.",
            "where": "products.csv#L2:description.1",
            "fact": "fact:6f1d3c0a9b2e4d57",
            "support": "4 mm rubber lugs grip muddy paths.",
        }
    ],
    "findings": [_FINDING],
    "provenance": {
        "run": f"run_{_ID}",
        "made_by": "rule-based",
        "rule_based": True,
        "inputs": ["fact:6f1d3c0a9b2e4d57"],
        "prompt_hash": "",
        "made_at": "2026-11-21T09:30:00+00:00",
    },
    "download": f"/api/v1/content/run_{_ID}/download?asset=ast_{_ID}",
}

CONTENT_EXAMPLES: dict[str, dict[str, Any]] = {
    "AssetFindingOut": _FINDING,
    "AssetOut": _ASSET,
    "ContentOut": {
        "run_id": f"run_{_ID}",
        "status": "succeeded",
        "assets": [_ASSET],
        "left": {"KT-S01:meta:jpn:social_proof": "The facts do not allow it."},
    },
    "PictureOut": {"id": f"pic_{_ID}", "width": 1200, "height": 1200, "size_bytes": 48211},
}
