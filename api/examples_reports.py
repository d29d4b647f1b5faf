"""Example answers of the routes for questions, reports, alerts and optimisation; see `api.examples`."""

from __future__ import annotations

from typing import Any

_ID = "01JD3ZK5W8Q4V6X7Y9A2B3C4D5"
_AT = "2026-11-21T09:30:00Z"

REPORT_EXAMPLES: dict[str, dict[str, Any]] = {
    "ReportRowOut": {
        "id": f"rpt_{_ID}",
        "name": "Weekly report",
        "language": "eng",
        "status": "done",
        "first": "2026-11-09",
        "last": "2026-11-15",
        "schedule_id": f"rps_{_ID}",
        "created_at": _AT,
        "made_at": _AT,
        "error": None,
    },
    "ScheduleOut": {
        "id": f"rps_{_ID}",
        "name": "Weekly report",
        "every": "week",
        "hour": 6,
        "language": "eng",
        "next_at": "2026-11-23T06:00:00Z",
        "created_at": _AT,
    },
    "AlertOut": {
        "id": f"alr_{_ID}",
        "day": "2026-11-20",
        "metric": "clicks",
        "campaign_id": "",
        "currency": "",
        "direction": "low",
        "value": 30,
        "expected": 121,
        "score": -9.84,
        "why": "Clicks on 2026-11-20: 30 instead of about 121 on a usual Friday.",
    },
    "AuctionProposalOut": {
        "kind": "reserve",
        "subject": f"app_{_ID}",
        "status": "proposed",
        "before": "0.05 USD",
        "after": "0.10 USD",
        "currency": "USD",
        "unit": "micros per auction",
        "why": "It earns more with the same bids, with the values they reveal, and after bidders answer.",
        "same_bid": {"mean": 212.0, "low": 140.0, "high": 286.0},
        "recovered": {"mean": 212.0, "low": 140.0, "high": 286.0},
        "responded": {"mean": 205.0, "low": 131.0, "high": 280.0},
        "auctions": 1_800,
        "advertisers": 7,
        "ess": 1_742.5,
        "support": 1.0,
    },
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
