"""Tables of the ledger."""

from __future__ import annotations

from datetime import date

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage.base import Row, TenantRow


class LedgerEntry(Row):
    """One balanced movement of money. `event_id` is unique: the same event never posts twice.

    A deferred trigger refuses the commit unless the entry's lines sum to zero in its currency.
    """

    __tablename__ = "ledger_entries"
    __table_args__ = (UniqueConstraint("event_id"),)

    event_id: Mapped[str]
    kind: Mapped[str]
    currency: Mapped[str]
    campaign_id: Mapped[str] = mapped_column(index=True)


class LedgerLine(TenantRow):
    """One side of an entry: debit positive, credit negative, integer micros."""

    __tablename__ = "ledger_lines"
    __table_args__ = (Index("ix_ledger_lines_account", "account", "currency"),)

    entry_id: Mapped[str] = mapped_column(ForeignKey("ledger_entries.id"), index=True)
    account: Mapped[str]
    currency: Mapped[str]
    amount_micros: Mapped[int]


class CampaignSpend(TenantRow):
    """What a campaign has spent in all (`day` is the epoch) or on one UTC day; `id` is `campaign:day`."""

    __tablename__ = "campaign_spend"
    __table_args__ = (UniqueConstraint("campaign_id", "day"),)

    campaign_id: Mapped[str]
    day: Mapped[date]
    spent_micros: Mapped[int] = mapped_column(default=0)
