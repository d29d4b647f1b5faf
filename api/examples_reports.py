"""Example answers of the routes for questions, reports, alerts and optimisation; see `api.examples`."""

from __future__ import annotations

from typing import Any

_ID = "01JD3ZK5W8Q4V6X7Y9A2B3C4D5"

REPORT_EXAMPLES: dict[str, dict[str, Any]] = {
    "AskOut": {
        "question": "How many clicks did we get last week?",
        "language": "eng",
        "text": "2026-11-09 – 2026-11-15: clicks 30.",
        "figures": [
            {
                "text": "30",
                "metric": "clicks",
                "key": [],
                "currency": "",
                "what": "value",
                "exact": "30",
                "query": f"qry_{_ID}",
            }
        ],
        "queries": [
            {
                "id": f"qry_{_ID}",
                "sql_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                "rows": 1,
                "first": "2026-11-09",
                "last": "2026-11-15",
                "by": [],
            }
        ],
        "chart": None,
        "notes": [],
        "understood": {"kind": "figures", "metrics": ["clicks"], "first": "2026-11-09"},
        "chosen_by": "rules",
        "warnings": [],
    },
}
