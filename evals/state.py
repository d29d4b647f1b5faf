"""The data as it stands, read from the tables themselves: nothing that the product says of itself.

campaigns   status, currency, budget_total_micros, budget_daily_micros, bid_micros, bid_model, geos,
languages, starts, ends (days), for each campaign by id; `campaign` is the only one, `named` are all by name
creatives   total, approved, by_format, languages;   ads: total, active, resting
audit       [state, who] in order;   operations: {channel: [kind, state]}
edits       [campaign's name, who]: what changed a campaign and not its state
rests       [campaign's name, state, who]: what became of ads
outbox      rows by topic;   checks, leads, stops: how many
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.rows import dict_row

from evals.observed import Money

Connection = psycopg.AsyncConnection[Any]

_CAMPAIGNS = """
    SELECT id, status, name, currency, bid_model, bid_micros, budget_total_micros, budget_daily_micros,
           geos, languages, devices, pacing, (starts_at AT TIME ZONE 'UTC')::date::text AS starts,
           (ends_at AT TIME ZONE 'UTC')::date::text AS ends
    FROM campaigns WHERE org_id = %(org)s ORDER BY id"""
_CREATIVES = "SELECT format, status, texts, landing_url, tags FROM creatives WHERE org_id = %(org)s ORDER BY id"
_AUDIT = """
    SELECT to_state, who FROM audit_log
    WHERE org_id = %(org)s AND subject_kind = 'campaign' ORDER BY created_at, id"""
_EDITS = """
    SELECT c.name, a.who FROM audit_log a JOIN campaigns c ON c.id = a.subject_id
    WHERE a.org_id = %(org)s AND a.from_state = a.to_state ORDER BY c.name, a.created_at, a.id"""
_RESTS = """
    SELECT c.name, a.to_state, a.who FROM audit_log a JOIN ads d ON d.id = a.subject_id
    JOIN campaigns c ON c.id = d.campaign_id
    WHERE a.org_id = %(org)s AND a.subject_kind = 'ad' ORDER BY c.name, a.created_at, a.id"""
_OPERATIONS = """
    SELECT channel, kind, state FROM channel_operations WHERE org_id = %(org)s
    ORDER BY channel, created_at, id"""
_ONE_ROW = """
    SELECT (SELECT count(*) FROM ads WHERE org_id = %(org)s) AS ads,
           (SELECT count(*) FROM ads WHERE org_id = %(org)s AND status = 'active') AS active_ads,
           (SELECT count(*) FROM ads WHERE org_id = %(org)s AND status = 'resting') AS resting_ads,
           (SELECT count(*) FROM campaign_checks WHERE org_id = %(org)s) AS checks,
           (SELECT count(*) FROM ledger_entries e JOIN campaigns c ON c.id = e.campaign_id
            WHERE c.org_id = %(org)s) AS ledger_entries"""
_OUTBOX = "SELECT topic, count(*) AS n FROM outbox WHERE org_id = %(org)s GROUP BY 1"

_CROOKED = (
    "SELECT entry_id FROM ledger_lines GROUP BY entry_id, currency HAVING sum(amount_micros) <> 0"
)
_SPENT = """
    SELECT e.campaign_id AS id, sum(l.amount_micros) AS micros FROM ledger_entries e
    JOIN ledger_lines l ON l.entry_id = e.id WHERE l.amount_micros > 0 GROUP BY 1"""
_KEPT = (
    "SELECT campaign_id AS id, spent_micros AS micros FROM campaign_spend WHERE day = '1970-01-01'"
)
_CAPS = "SELECT id, budget_total_micros AS micros FROM campaigns"
_EVENTS = "SELECT campaign_id AS id, sum(charged_micros) AS micros FROM ad_events GROUP BY 1"


async def state_of(admin: Connection, org_id: str) -> dict[str, Any]:
    """Return an organisation's data; see above."""
    campaigns = await _rows(admin, _CAMPAIGNS, org_id)
    creatives = await _rows(admin, _CREATIVES, org_id)
    (one,) = await _rows(admin, _ONE_ROW, org_id)
    operations: dict[str, list[list[str]]] = {}
    for row in await _rows(admin, _OPERATIONS, org_id):
        operations.setdefault(row["channel"], []).append([row["kind"], row["state"]])
    for campaign in campaigns:
        campaign["geos"], campaign["languages"] = (
            sorted(campaign["geos"]), sorted(campaign["languages"]),
        )  # fmt: skip
    formats = [row["format"] for row in creatives]
    return {
        "campaigns": campaigns,
        "campaign": campaigns[0] if len(campaigns) == 1 else None,
        "named": {row["name"]: row for row in campaigns},
        "creatives": {
            "total": len(creatives),
            "approved": sum(row["status"] == "approved" for row in creatives),
            "by_format": {name: formats.count(name) for name in sorted(set(formats))},
            "languages": sorted({language for row in creatives for language in row["texts"]}),
            "hosts": sorted({row["landing_url"].split("/")[2] for row in creatives}),
        },
        "ads": {"total": one["ads"], "active": one["active_ads"], "resting": one["resting_ads"]},
        "audit": [[row["to_state"], row["who"]] for row in await _rows(admin, _AUDIT, org_id)],
        "edits": [[row["name"], row["who"]] for row in await _rows(admin, _EDITS, org_id)],
        "rests": [[r["name"], r["to_state"], r["who"]] for r in await _rows(admin, _RESTS, org_id)],
        "operations": operations,
        "outbox": {row["topic"]: row["n"] for row in await _rows(admin, _OUTBOX, org_id)},
        "checks": one["checks"],
        "ledger_entries": one["ledger_entries"],
    }


async def texts_of(admin: Connection, org_id: str) -> list[str]:
    """Return every text that the organisation's ads show, one each."""
    rows = await _rows(admin, _CREATIVES, org_id)
    return [
        text
        for row in rows
        for fields in row["texts"].values()
        for text in fields.values()
        if isinstance(text, str)
    ]


async def money_of(admin: Connection) -> Money:
    """Return what the ledger holds."""
    return Money(
        crooked=tuple(row["entry_id"] for row in await _rows(admin, _CROOKED)),
        spent=await _micros(admin, _SPENT),
        kept=await _micros(admin, _KEPT),
        caps={row["id"]: row["micros"] for row in await _rows(admin, _CAPS)},
        events=await _micros(admin, _EVENTS),
    )


async def _micros(admin: Connection, query: str) -> dict[str, int]:
    return {row["id"]: int(row["micros"]) for row in await _rows(admin, query)}


async def _rows(admin: Connection, query: str, org_id: str = "") -> list[dict[str, Any]]:
    async with admin.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, {"org": org_id} if org_id else None)
        return await cursor.fetchall()
