"""Runs typed queries on what happened. The session's row-level security decides what can be counted.

`run` is the way numbers are made; `recount` makes them again from SQL that was written by hand and shares
nothing with the first but the question, so that a slip in one of them shows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from domain.errors import Unprocessable
from domain.ids import stable_id
from measurement.query_types import (
    MAX_GROUPS,
    OF_DECISIONS,
    Cell,
    Dimension,
    Group,
    Query,
    Result,
    Side,
    check_query,
)
from measurement.tables import DecisionRow, EventRow

#: Milliseconds after which the database gives up on one statement.
_PATIENCE_MS = 20_000
_CANCELLED = "57014"
_FORMATS = {
    Dimension.DAY: "YYYY-MM-DD",
    Dimension.WEEK: 'IYYY-"W"IW',
    Dimension.MONTH: "YYYY-MM",
    Dimension.HOUR: "HH24",
    Dimension.WEEKDAY: "ID",
}
_COLUMNS = {
    Dimension.CAMPAIGN: "campaign_id",
    Dimension.AD: "ad_id",
    Dimension.APP: "app_id",
}
#: What only the decision of an event knows.
_OF_DECISION = {
    Dimension.LANGUAGE: DecisionRow.language,
    Dimension.INTENT: DecisionRow.intent,
    Dimension.REASON: DecisionRow.reason,
}
_EVENTS = {
    "impression": "impressions",
    "click": "clicks",
    "submit": "submits",
    "dismiss": "dismissals",
}
#: The same dimensions, written by hand for the recount; `{t}` is the table.
_BY_HAND = {
    Dimension.DAY: "({t}.created_at AT TIME ZONE 'UTC')::date::text",
    Dimension.WEEK: "extract(isoyear FROM {t}.created_at AT TIME ZONE 'UTC')::text || '-W' || "
    "lpad(extract(week FROM {t}.created_at AT TIME ZONE 'UTC')::text, 2, '0')",
    Dimension.MONTH: "left(({t}.created_at AT TIME ZONE 'UTC')::date::text, 7)",
    Dimension.HOUR: "lpad(extract(hour FROM {t}.created_at AT TIME ZONE 'UTC')::text, 2, '0')",
    Dimension.WEEKDAY: "extract(isodow FROM {t}.created_at AT TIME ZONE 'UTC')::text",
    Dimension.CAMPAIGN: "coalesce({t}.campaign_id, '')",
    Dimension.AD: "coalesce({t}.ad_id, '')",
    Dimension.APP: "coalesce({t}.app_id, '')",
    Dimension.LANGUAGE: "coalesce(d.language, '')",
    Dimension.INTENT: "coalesce(d.intent, '')",
    Dimension.REASON: "coalesce(d.reason, '')",
}

Table = type[EventRow] | type[DecisionRow]
#: Rows of any width: SQLAlchemy's type of a statement counts its columns.
Statement = Select[*tuple[Any, ...]]


async def run(session: AsyncSession, org_id: str, query: Query) -> Result:
    """Return the numbers of a query.

    Args:
        session: Of the tenant.
        org_id: Whose numbers.
        query: What is asked.

    Raises:
        BadInput: if the query is too large or contradicts itself.
        Unprocessable: `too_many_groups`, or `query_too_slow`.
    """
    check_query(query)
    statements = [
        build(org_id, query)
        for wanted, build in (
            (_needs_events(query), _events),
            (_needs_decisions(query), _decisions),
        )
        if wanted
    ]
    found: dict[tuple[str, ...], dict[str, Cell]] = {}
    rows = 0
    for statement, names in statements:
        for row in await _bounded(session, statement):
            rows += 1
            *key, currency = row[: len(query.by) + 1]
            counts = dict(zip(names, (int(n) for n in row[len(query.by) + 1 :]), strict=True))
            cells = found.setdefault(tuple(key), {})
            cells[currency] = cells.get(currency, Cell()) + Cell(**counts)
    written = "\n".join(_written(statement) for statement, _ in statements)
    sql_hash = hashlib.sha256(written.encode()).hexdigest()
    return Result(
        id=stable_id("qry", org_id, sql_hash),
        query=query,
        sql_hash=sql_hash,
        rows=rows,
        groups=tuple(Group(key, cells) for key, cells in sorted(found.items())),
    )


async def recount(session: AsyncSession, org_id: str, query: Query) -> tuple[Group, ...]:
    """Count once more, by SQL of another shape: one row for each kind of event.

    Raises:
        BadInput: as `run`.
    """
    check_query(query)
    found: dict[tuple[str, ...], dict[str, Cell]] = {}
    for wanted, table in ((_needs_events(query), "e"), (_needs_decisions(query), "d")):
        if not wanted:
            continue
        sql, values = _by_hand(org_id, query, table)
        for row in (await session.execute(text(sql), values)).all():
            *key, currency, kind, number, micros = row
            names = ("requests", "offers") if kind == "offer" else (_EVENTS.get(kind, kind),)
            counts = {name: int(number) for name in names if name in Cell.__struct_fields__}
            cells = found.setdefault(tuple(key), {})
            cell = Cell(**counts, charged_micros=int(micros))
            cells[currency] = cells.get(currency, Cell()) + cell
    return tuple(Group(key, cells) for key, cells in sorted(found.items()))


def _needs_events(query: Query) -> bool:
    return any(metric not in OF_DECISIONS for metric in query.metrics)


def _needs_decisions(query: Query) -> bool:
    return any(metric in OF_DECISIONS for metric in query.metrics)


def _events(org_id: str, query: Query) -> tuple[Statement, tuple[str, ...]]:
    keys = _keys(query, EventRow)
    numbers = [func.count().filter(EventRow.type == kind) for kind in _EVENTS]
    statement = select(
        *keys, EventRow.currency, *numbers, func.coalesce(func.sum(EventRow.charged_micros), 0)
    )
    if _joins(query):
        statement = statement.join(DecisionRow, DecisionRow.id == EventRow.request_id)
    return (
        _restricted(statement, org_id, query, EventRow).group_by(*keys, EventRow.currency),
        (*_EVENTS.values(), "charged_micros"),
    )


def _decisions(org_id: str, query: Query) -> tuple[Statement, tuple[str, ...]]:
    keys = _keys(query, DecisionRow)
    currency = func.coalesce(DecisionRow.currency, "")
    offers = func.count().filter(DecisionRow.ad_id.is_not(None))
    statement = select(*keys, currency, func.count(), offers)
    return (
        _restricted(statement, org_id, query, DecisionRow).group_by(*keys, currency),
        ("requests", "offers"),
    )


def _joins(query: Query) -> bool:
    return any(by in _OF_DECISION for by in (*query.by, *(f.by for f in query.filters)))


def _restricted(statement: Statement, org_id: str, query: Query, table: Table) -> Statement:
    owner = table.advertiser_id if query.side is Side.ADVERTISER else table.publisher_id
    first, end = _moments(query)
    statement = statement.where(owner == org_id, table.created_at >= first, table.created_at < end)
    for one in query.filters:
        statement = statement.where(_key(one.by, table).in_(one.values))
    return statement


def _keys(query: Query, table: Table) -> list[ColumnElement[str]]:
    return [_key(by, table) for by in query.by]


def _key(by: Dimension, table: Table) -> ColumnElement[str]:
    if by in _FORMATS:
        # A literal: the same expression must stand in SELECT and GROUP BY, parameters would make two.
        form = text(f"'{_FORMATS[by]}'")
        return func.to_char(func.timezone(text("'UTC'"), table.created_at), form)
    column = _OF_DECISION[by] if by in _OF_DECISION else getattr(table, _COLUMNS[by])
    return func.coalesce(column, text("''"))


def _moments(query: Query) -> tuple[datetime, datetime]:
    first = datetime.combine(query.period.first, time(), UTC)
    return first, datetime.combine(query.period.last + timedelta(days=1), time(), UTC)


async def _bounded(session: AsyncSession, statement: Statement) -> Sequence[Any]:
    await session.execute(
        text("SELECT set_config('statement_timeout', :ms, true)"), {"ms": str(_PATIENCE_MS)}
    )
    try:
        rows: Sequence[Any] = (await session.execute(statement.limit(MAX_GROUPS + 1))).all()
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == _CANCELLED:
            raise Unprocessable(
                "query_too_slow", "This question takes too long; ask about a shorter time."
            ) from error
        raise
    if len(rows) > MAX_GROUPS:
        raise Unprocessable(
            "too_many_groups",
            f"This question has more than {MAX_GROUPS} groups; split it by less or name what you mean.",
        )
    return rows


def _written(statement: Statement) -> str:
    compiled = statement.compile(
        dialect=postgresql.dialect(),  # type: ignore[no-untyped-call]
        compile_kwargs={"render_postcompile": True},
    )
    return f"{compiled}\n{sorted(compiled.params.items())!r}"


def _by_hand(org_id: str, query: Query, table: str) -> tuple[str, dict[str, Any]]:
    keys = [_BY_HAND[by].format(t=table) for by in query.by]
    first, end = _moments(query)
    values: dict[str, Any] = {"org": org_id, "first": first, "end": end}
    if table == "e":
        source = "ad_events AS e LEFT JOIN decisions AS d ON d.id = e.request_id"
        last = ["e.currency", "e.type", "count(*)", "sum(e.charged_micros)"]
    else:
        source = "decisions AS d"
        kind = "CASE WHEN d.ad_id IS NULL THEN 'requests' ELSE 'offer' END"
        last = ["coalesce(d.currency, '')", kind, "count(*)", "0"]
    where = [f"{table}.{query.side}_id = :org"]
    where.append(f"{table}.created_at BETWEEN :first AND :end AND {table}.created_at <> :end")
    for number, one in enumerate(query.filters):
        values[f"f{number}"] = list(one.values)
        where.append(f"{_BY_HAND[one.by].format(t=table)} = ANY (:f{number})")
    groups = ", ".join(str(n + 1) for n in range(len(keys) + 2))
    # Every piece stands above; nothing of the question but bound values reaches the statement.
    sql = (
        f"SELECT {', '.join([*keys, *last])} FROM {source} "  # noqa: S608
        f"WHERE {' AND '.join(where)} GROUP BY {groups}"
    )
    return sql, values
