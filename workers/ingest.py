"""Ingestion as a worker runs it: the parts of the installation behind the ports of `rag.ingest`."""

from __future__ import annotations

from functools import partial

from bootstrap.services import Services
from bootstrap.suppliers import open_suppliers
from rag.analyse import default_analyser
from rag.ingest import Emit, Ingestion
from rag.local_embedder import LocalEmbedder
from tools.product_source.fetch import default_client, fetch_document


async def ingestion(services: Services, emit: Emit, owner: str) -> Ingestion:
    """Return what works on ingest jobs; model and dictionary are loaded by the first job, not here.

    Args:
        services: The installation's parts.
        emit: Publishes progress.
        owner: Name of this worker process, unique among all.
    """
    by = await services.opened.enter_async_context(open_suppliers(services.settings))
    return Ingestion(
        db=services.db,
        objects=services.objects,
        ids=services.ids,
        clock=services.clock,
        analyser=default_analyser(),
        embedder=by.embedder or LocalEmbedder(),
        store_of=by.store_of,
        fetch=partial(fetch_document, client_factory=default_client, clock=services.clock),
        emit=emit,
        owner=owner,
        lease_s=services.settings.parley_lease_s,
    )
