"""A database that starts, stops or is full is away for a moment; that is no defect."""

from __future__ import annotations

import pytest
from asyncpg.exceptions import (
    AdminShutdownError,
    CannotConnectNowError,
    PostgresError,
    TooManyConnectionsError,
    UndefinedTableError,
)
from sqlalchemy.exc import DBAPIError

from bootstrap.services import Services
from domain.errors import Unavailable


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "refusal", [CannotConnectNowError, AdminShutdownError, TooManyConnectionsError]
)
async def test_a_refusing_server_is_unavailable(
    services: Services, refusal: type[PostgresError]
) -> None:
    with pytest.raises(Unavailable) as caught:
        async with services.db.system():
            raise DBAPIError("SELECT 1", {}, refusal("not now"))
    assert caught.value.code == "database_unavailable"


@pytest.mark.asyncio
async def test_a_defect_stays_a_defect(services: Services) -> None:
    with pytest.raises(DBAPIError):
        async with services.db.system():
            raise DBAPIError("SELECT 1", {}, UndefinedTableError("no such table"))
