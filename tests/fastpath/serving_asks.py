"""Questions for the serving state."""

from __future__ import annotations

from fastpath.reservation import Ask, Verdict
from tests.fastpath.sample_catalogue import NOW

DAY = "20261118"
ANSWERS = {verdict: f"answer-{verdict.value}".encode() for verdict in Verdict}


def ask(message: str = "m1", **fields: object) -> Ask:
    values: dict[str, object] = {
        "app_id": "app",
        "conversation_id": "talk",
        "message_id": message,
        "request_id": f"req-{message}",
        "now_ms": NOW,
        "day": DAY,
        "wants_ad": True,
        "campaign_id": "cmp",
        "hold_micros": 400_000,
        "hold_expires_ms": NOW + 1_000,
        "offer": b"offer",
        "offer_ttl_ms": 60_000,
        "record": b"record",
        "answers": ANSWERS,
    }
    return Ask(**{**values, **fields})  # type: ignore[arg-type]
