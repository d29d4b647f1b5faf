"""Jobs of one organisation are nobody else's."""

from __future__ import annotations

import pytest

from bootstrap.services import Services
from domain.errors import NotFound
from rag.ingest_jobs import IngestService
from tests.support.ingesting import job_for
from tests.support.knowledge import new_org

pytestmark = pytest.mark.asyncio


async def test_a_tenant_sees_its_own_jobs_only(services: Services) -> None:
    one, two = await new_org(services), await new_org(services, "Two")
    job_id = await job_for(services, one, {"a.md": b"Words."})
    async with services.db.tenant(two) as session:
        with pytest.raises(NotFound):
            await IngestService(session, services.ids, services.clock).retry(job_id)
