"""Sources named in a request must be the caller's and of the right kind."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from catalog.repository import Sources
from domain.errors import Unprocessable
from domain.ids import check_id


async def check_sources(session: AsyncSession, page_id: str | None, feed_id: str | None) -> None:
    """Check sources in a transaction of the tenant, which sees its own only.

    Raises:
        BadInput: if an id is not that of a source.
        NotFound: if there is no such source, or it is somebody else's.
        Unprocessable: if a feed was given as a page, or the other way round.
    """
    for kind, source_id in (("page", page_id), ("feed", feed_id)):
        if source_id is None:
            continue
        source = await Sources(session).get(check_id(source_id, "src"))
        if source.kind != kind:
            raise Unprocessable(
                "source_kind",
                f"{source_id} is a {source.kind}; give it as {source.kind}_source_id.",
            )
