"""What may be asked of the measurements: typed, bounded, never SQL."""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from domain.errors import BadInput

#: Longest period that one question may look at.
MAX_DAYS: Final = 800
#: Most groups that one question may have.
MAX_GROUPS: Final = 2_000
MAX_FILTER: Final = 100


class Metric(StrEnum):
    """What is counted or divided. Money is that of the events' charges."""

    IMPRESSIONS = "impressions"
    CLICKS = "clicks"
    SUBMITS = "submits"
    DISMISSALS = "dismissals"
    SPEND = "spend"
    CTR = "ctr"
    CPC = "cpc"
    CPM = "cpm"
    CPA = "cpa"
    CONVERSION = "conversion_rate"
    REQUESTS = "requests"
    OFFERS = "offers"
    FILL = "fill_rate"


class Dimension(StrEnum):
    """What numbers are split by. Days, weeks (ISO) and hours are UTC."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    HOUR = "hour"
    WEEKDAY = "weekday"
    CAMPAIGN = "campaign"
    AD = "ad"
    APP = "app"
    LANGUAGE = "language"
    INTENT = "intent"
    REASON = "reason"


class Side(StrEnum):
    """From which side of an ad an organisation looks."""

    ADVERTISER = "advertiser"
    PUBLISHER = "publisher"


MONEY: Final = frozenset({Metric.SPEND, Metric.CPC, Metric.CPM, Metric.CPA})
RATES: Final = frozenset({Metric.CTR, Metric.CONVERSION, Metric.FILL})
#: What is counted over decisions, not over events.
OF_DECISIONS: Final = frozenset({Metric.REQUESTS, Metric.OFFERS, Metric.FILL})
TIMES: Final = (
    Dimension.DAY,
    Dimension.WEEK,
    Dimension.MONTH,
    Dimension.HOUR,
    Dimension.WEEKDAY,
)


class Period(msgspec.Struct, frozen=True):
    """Whole UTC days, both ends included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.last - self.first).days + 1

    def before(self) -> Period:
        """Return the period of the same length just before."""
        return Period(self.first - timedelta(days=self.days), self.first - timedelta(days=1))


class Filter(msgspec.Struct, frozen=True):
    """Only rows whose dimension has one of these values."""

    by: Dimension
    values: tuple[str, ...]


class Query(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One question.

    Attributes:
        side: Whose numbers: what an advertiser's ads did, or what happened in a publisher's apps.
        metrics: What is wanted, 1 to 6.
        period: When.
        by: What it is split by, at most two.
        filters: What it is restricted to.
    """

    side: Side = Side.ADVERTISER
    metrics: tuple[Metric, ...]
    period: Period
    by: tuple[Dimension, ...] = ()
    filters: tuple[Filter, ...] = ()


class Cell(msgspec.Struct, frozen=True):
    """Counts of one group in one currency, the integers that every number is made of."""

    impressions: int = 0
    clicks: int = 0
    submits: int = 0
    dismissals: int = 0
    charged_micros: int = 0
    requests: int = 0
    offers: int = 0

    def __add__(self, other: Cell) -> Cell:
        return Cell(*(getattr(self, n) + getattr(other, n) for n in self.__struct_fields__))


class Group(msgspec.Struct, frozen=True):
    """One group: its key (a value for each dimension), and its counts by currency."""

    key: tuple[str, ...]
    cells: dict[str, Cell]

    @property
    def whole(self) -> Cell:
        """The counts over all currencies; its money must not be used when there are several."""
        return sum(self.cells.values(), Cell())

    @property
    def currencies(self) -> tuple[str, ...]:
        """Currencies in which something happened."""
        return tuple(sorted(code for code in self.cells if code))


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a query.

    Attributes:
        id: Name of this query as asked by this organisation.
        query: What was asked.
        sql_hash: SHA-256 of the SQL and its parameters.
        rows: How many rows the database returned.
        groups: By key.
    """

    id: str
    query: Query
    sql_hash: str
    rows: int
    groups: tuple[Group, ...]

    @property
    def total(self) -> Group:
        """All groups together."""
        cells: dict[str, Cell] = {}
        for group in self.groups:
            for code, cell in group.cells.items():
                cells[code] = cells.get(code, Cell()) + cell
        return Group((), cells)


def check_query(query: Query) -> None:
    """Raise `BadInput` with one sentence for a question that is too large or contradicts itself."""
    _require(1 <= len(query.metrics) <= 6, "bad_metrics", "Ask for one to six figures at once.")
    _require(len(query.by) <= 2, "bad_dimensions", "Split by at most two things at once.")
    _require(len(set(query.by)) == len(query.by), "bad_dimensions", "Split by each thing once.")
    _require(query.period.days >= 1, "bad_period", "The period ends before it begins.")
    _require(
        query.period.days <= MAX_DAYS,
        "period_too_long",
        f"Ask about at most {MAX_DAYS} days at once.",
    )
    for one in query.filters:
        _require(
            1 <= len(one.values) <= MAX_FILTER,
            "bad_filter",
            f"A filter has one to {MAX_FILTER} values.",
        )
        _require(one.by not in TIMES, "bad_filter", "Use the period to restrict the time.")
    used = {*query.by, *(one.by for one in query.filters)}
    of_decisions = set(query.metrics) <= OF_DECISIONS
    _require(
        Dimension.REASON not in used or of_decisions,
        "reason_of_requests",
        "Only requests have a reason; ask for requests or offers by reason.",
    )


def _require(holds: bool, code: str, sentence: str) -> None:
    if not holds:
        raise BadInput(code, sentence)
