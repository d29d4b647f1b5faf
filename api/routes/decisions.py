"""How an ad request was answered, for the publisher that asked and the advertiser that was shown."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import APIRouter

from api.deps import Api, Reporter, RequestId
from api.models.common import cap
from api.models.reports import DecisionOut
from fastpath import record
from fastpath.engine import FastPath
from fastpath.replay import explain
from fastpath.reservation import Verdict
from measurement.service import decision_of
from measurement.tables import DecisionRow

router = APIRouter(prefix="/api/v1/decisions", tags=["reports"])


@router.get("/{id}")
async def get_decision(item_id: RequestId, caller: Reporter, api: Api) -> DecisionOut:
    """Return how a request was answered. Other bidders are shown to the publisher only."""
    async with api.services.db.tenant(caller.org_id) as session:
        row = await decision_of(session, item_id)
    steps = _explain(row, api.fastpath()) if row.publisher_id == caller.org_id else None
    return DecisionOut(
        request_id=row.id,
        created_at=row.created_at,
        app_id=row.app_id,
        campaign_id=row.campaign_id,
        ad_id=row.ad_id,
        snapshot_id=row.snapshot_id,
        reason=row.reason,
        language=row.language,
        intent=row.intent,
        bid_model=row.bid_model,
        price=cap(row.price_micros, row.currency or "USD"),
        expires_at=row.expires_at,
        explain=steps,
    )


def _explain(row: DecisionRow, fastpath: FastPath | None) -> dict[str, Any] | None:
    """Recompute every step; only the snapshot that decided can do that."""
    if fastpath is None or fastpath.snapshot.snapshot_id != row.snapshot_id:
        return None
    found = explain(record.decode(row.record, _verdict(row)), fastpath.snapshot)
    steps: dict[str, Any] = msgspec.to_builtins(found)
    return steps


def _verdict(row: DecisionRow) -> str:
    """Return what the state said; the record was written before it spoke."""
    if row.ad_id is not None:
        return Verdict.GRANTED
    return row.reason if row.reason in set(Verdict) else Verdict.REFUSED
