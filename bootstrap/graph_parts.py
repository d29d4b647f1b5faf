"""What a graph's nodes work with, put together for one run."""

from __future__ import annotations

from functools import partial

from bootstrap.knowledge import Knowledge
from bootstrap.models import images, model_router
from bootstrap.services import Services
from catalog.tables import Run
from graphs.context import Emit, GraphContext
from llm.offline.copywriter_task import creative_set, phrase_set
from llm.offline.model import offline_model
from tools.product_source import fetch_page
from tools.product_source.fetch import default_client
from tools.provenance import configured
from tools.web import WebReader


def graph_context(
    services: Services, run: Run, emit: Emit, knowledge: Knowledge | None = None
) -> GraphContext:
    """Return the context of a run.

    Args:
        services: The installation's parts.
        run: The run that is to be worked on.
        emit: Publishes progress.
        knowledge: The process's knowledge store; one of its own by default.
    """
    settings = services.settings
    return GraphContext(
        run_id=run.id,
        org_id=run.org_id,
        db=services.db,
        objects=services.objects,
        router=model_router(
            services,
            run_id=run.id,
            org_id=run.org_id,
            emit=emit,
            offline=offline_model([("CreativeSet", creative_set), ("PhraseSet", phrase_set)]),
        ),
        clock=services.clock,
        ids=services.ids,
        fetch=partial(fetch_page, client_factory=default_client, clock=services.clock),
        emit=emit,
        demo_policy=settings.parley_env == "development",
        images=images(services, run_id=run.id, org_id=run.org_id),
        credentials=partial(configured, settings.parley_c2pa_chain, settings.parley_c2pa_key),
        retrieve=partial((knowledge or Knowledge(services)).retrieve, run.org_id),
        web=partial(WebReader, client_factory=default_client, clock=services.clock),
    )
