"""The base of all tables and repositories."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import ARRAY, BigInteger, DateTime, MetaData, Text, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from domain.errors import NotFound
from domain.ids import PREFIXES


class Base(DeclarativeBase):
    """Declarative base with stable constraint names, so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it as a class attribute
        int: BigInteger,
        str: Text,
        datetime: DateTime(timezone=True),
        list[str]: ARRAY(Text),
        dict[str, Any]: JSONB,
        list[dict[str, Any]]: JSONB,
    }


class Row(Base):
    """A table with a text primary key and the time of its creation."""

    __abstract__ = True

    id: Mapped[str] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(default=lambda: datetime.now(UTC))


class TenantRow(Row):
    """A row that belongs to one organisation; row-level security hides it from all others."""

    __abstract__ = True

    org_id: Mapped[str] = mapped_column(index=True)


R = TypeVar("R", bound=Row)


class Repository(Generic[R]):
    """Queries over one table. Every query lives in a repository; none commits.

    Args:
        session: The open unit of work.
    """

    row: type[R]
    prefix: str

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def get(self, row_id: str, *, lock: bool = False) -> R:
        """Return a row, locked `FOR UPDATE` if asked.

        Raises:
            NotFound: if it does not exist or belongs to another organisation.
        """
        query = select(self.row).where(self.row.id == row_id)
        found = await self.session.scalar(query.with_for_update() if lock else query)
        if found is None:
            kind = PREFIXES.get(self.prefix, self.prefix)
            raise NotFound(
                "not_found", f"There is no {kind} {row_id[:40]!r} that this key can see."
            )
        return found

    async def find(self, row_id: str) -> R | None:
        """Return a row or None."""
        return await self.session.get(self.row, row_id)

    async def add(self, row: R) -> R:
        """Insert a row now, so that its constraints speak now."""
        self.session.add(row)
        await self.session.flush()
        return row

    async def newest(self, limit: int = 50) -> Sequence[R]:
        """Return the latest rows, newest first."""
        query = select(self.row).order_by(self.row.created_at.desc(), self.row.id).limit(limit)
        return (await self.session.scalars(query)).all()
