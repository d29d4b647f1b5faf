"""How long questions take on many events, and what proposals and alerts are worth in simulations.

    python -m benchmarks.analytics            simulations only, no service
    python -m benchmarks.analytics --events 1000000 --database postgresql://…   with questions

The database must be an empty one of Parley's (`parley db upgrade`); rows are written into it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import text

from domain.ids import stable_id
from measurement.anomalies import Series, unusual
from measurement.proposals import Arm, propose
from measurement.queries import recount, run
from measurement.query_types import Dimension, Metric, Period, Query
from storage.database import Database

_USD = 1_000_000
_ORG = stable_id("org", "bench")


def markets(count: int = 1_000) -> dict[str, float]:
    """Return how much true value proposals add in simulated markets of five campaigns."""
    rng, gains = np.random.default_rng(11), []
    for number in range(count):
        budgets = rng.integers(20, 200, 5)
        rates = rng.lognormal(-0.5, 0.7, 5)
        demand = budgets * rng.choice([0.3, 1.0, 2.5, 4.0], 5)
        spent = np.minimum(budgets, demand)
        clicks = rng.poisson(rates * budgets * (spent / budgets) ** 0.75 * 28)
        seen = spent * np.maximum(1, demand / budgets * rng.lognormal(0, 0.1, 5))
        arms = [
            Arm(
                campaign_id=f"c{k}", name=f"c{k}", currency="USD", amount="budget_daily_micros",
                budget_micros=int(budgets[k]) * _USD, floor_micros=_USD, submits=0, days=28,
                demand_micros=int(seen[k] * _USD), spent_micros=int(spent[k] * 28 * _USD),
                clicks=int(clicks[k]),
            )
            for k in range(5)
        ]  # fmt: skip
        moved = {
            m.campaign_id: m.after_micros / _USD for m in propose(arms, (), f"m{number}").moves
        }
        if moved:
            after = np.array([moved.get(f"c{k}", float(budgets[k])) for k in range(5)])
            before, now = (
                float(np.sum(rates * budgets * (np.minimum(x, demand) / budgets) ** 0.75))
                for x in (budgets, after)
            )
            gains.append(now / before - 1)
    found = np.array(gains)
    return {
        "markets": count,
        "with_moves": len(found),
        "mean_gain": round(float(found.mean()), 4),
        "median_gain": round(float(np.median(found)), 4),
        "worse_share": round(float(np.mean(found < -0.001)), 4),
        "worst": round(float(found.min()), 4),
    }


def alerts(count: int = 5_000) -> dict[str, float]:
    """Return how often chance alone is an alert, and how often a day at two fifths is."""
    rng = np.random.default_rng(5)
    season = np.array([1.0, 1.0, 1.1, 1.0, 1.2, 0.6, 0.5])
    false = hits = 0
    for _ in range(count):
        rates = rng.uniform(40, 400) * season[np.arange(60) % 7]
        values = [int(v) for v in rng.poisson(rates)]
        for factor in (1.0, 0.4):
            values[-1] = int(rng.poisson(rates[-1] * factor))
            series = Series(
                metric="clicks", campaign_id="c", currency="", last=date(2026, 11, 20),
                values=tuple(values),
            )  # fmt: skip
            found = unusual(series) is not None
            false, hits = (false + found, hits) if factor == 1.0 else (false, hits + found)
    return {"days": count, "false_alerts": false / count, "found_at_40_percent": hits / count}


async def questions(url: str, events: int) -> dict[str, Any]:
    """Return seconds of the usual questions over 90 days of events of one advertiser."""
    db = Database(url)
    end = datetime(2026, 11, 21, tzinfo=UTC)
    try:
        async with db.system() as session:
            await session.execute(
                text(
                    "INSERT INTO ad_events (id, created_at, request_id, type, app_id, publisher_id, "
                    "advertiser_id, campaign_id, ad_id, charged_micros, currency, verdict, extra) "
                    "SELECT 'evt_' || n, CAST(:end AS timestamptz) "
                    "- (n::bigint * 7776000 / :n) * interval '1 second', 'req_' || n, "
                    "CASE WHEN n % 25 = 0 THEN 'click' ELSE 'impression' END, 'app_' || n % 5, 'org_p', "
                    ":org, 'cmp_' || n % 20, 'ad_' || n % 100, CASE WHEN n % 25 = 0 THEN 250000 ELSE 0 END, "
                    "'USD', 'recorded', '{}' FROM generate_series(1, :n) AS n ON CONFLICT DO NOTHING"
                ),
                {"end": end, "org": _ORG, "n": events},
            )
        async with db.engine.connect() as connection:
            plain = await connection.execution_options(isolation_level="AUTOCOMMIT")
            await plain.execute(text("ANALYZE ad_events"))
        return {"events": events, **{n: await _timed(db, q) for n, q in _asked(end.date()).items()}}
    finally:
        await db.close()


def _asked(today: date) -> dict[str, Query]:
    whole = Period(today - timedelta(days=89), today)
    metrics = (Metric.IMPRESSIONS, Metric.CLICKS, Metric.CTR, Metric.SPEND)
    return {
        "whole_90_days": Query(metrics=metrics, period=whole),
        "campaigns_90_days": Query(metrics=metrics, period=whole, by=(Dimension.CAMPAIGN,)),
        "days_90": Query(metrics=metrics, period=whole, by=(Dimension.DAY,)),
        "last_week": Query(metrics=metrics, period=Period(today - timedelta(days=6), today)),
    }


async def _timed(db: Database, query: Query) -> dict[str, float]:
    """Return the least of three, of the count and of the second count."""
    best = {"count_s": 1e9, "recount_s": 1e9}
    for _ in range(3):
        for name, what in (("count_s", run), ("recount_s", recount)):
            async with db.tenant(_ORG) as session:
                began = time.perf_counter()
                await what(session, _ORG, query)
                best[name] = min(best[name], round(time.perf_counter() - began, 4))
    return best


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--database")
    given = parser.parse_args()
    found: dict[str, Any] = {"markets": markets(), "alerts": alerts()}
    if given.database:
        found["questions"] = asyncio.run(questions(given.database, given.events))
    sys.stdout.write(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
