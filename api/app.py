"""The application factory: `uvicorn --factory api.app:create_app --http api.protocol:HTTP`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from api import openapi, problems
from api.auth import Authenticator
from api.front import Front
from api.limits import Limiter
from api.metrics import Metrics
from api.realtime import Hub
from api.rollout import Rollout
from api.routes import (
    analytics,
    apps,
    brand,
    campaigns,
    compliance,
    content,
    decisions,
    events,
    health,
    keys,
    knowledge,
    knowledge_sources,
    leads,
    optimisation,
    pages,
    realtime,
    receipts,
    reports,
    runs,
    sources,
    stops,
)
from api.serving import Serving
from api.state import State
from bootstrap import background
from bootstrap.services import Services, open_services
from bootstrap.settings import Settings, load_settings
from domain.time import Clock
from storage.cache import make_redis

_ROUTERS = (
    campaigns.router,
    content.router,
    compliance.router,
    stops.router,
    runs.router,
    sources.router,
    knowledge.router,
    knowledge_sources.router,
    leads.router,
    analytics.router,
    reports.router,
    optimisation.router,
    optimisation.ads,
    decisions.router,
    keys.router,
    apps.router,
    brand.router,
    events.router,
    receipts.router,
    health.router,
    pages.router,
    realtime.router,
)


def create_app(settings: Settings | None = None, *, clock: Clock | None = None) -> Front:
    """Return the ASGI application; it opens its parts when the server starts it.

    Args:
        settings: Default: read from the environment.
        clock: Default: the machine's.

    Raises:
        Unprocessable: naming the settings that are missing.
    """
    chosen = settings or load_settings()
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_services(chosen, clock=clock, pool_size=10) as services:
            serving = Serving(services)
            reader = make_redis(chosen.redis_url)
            hub = Hub(services.redis, reader)
            app.state.parley = state = _state(services, metrics, serving, hub)
            front.open(state)
            tasks = [background.start(serving.follow()), background.start(hub.run())]
            try:
                yield
            finally:
                await background.end(tasks)
                await reader.aclose()

    app = FastAPI(
        title=openapi.TITLE,
        version=openapi.VERSION,
        lifespan=lifespan,
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    problems.install(app)
    for router in _ROUTERS:
        app.include_router(router)
    app.openapi = lambda: openapi.build(app)  # type: ignore[method-assign]
    front = Front(app, metrics)
    return front


def _state(services: Services, metrics: Metrics, serving: Serving, hub: Hub) -> State:
    settings = services.settings
    return State(
        services=services,
        serving=serving,
        authenticator=Authenticator(services),
        limiter=Limiter(
            services.redis,
            services.clock,
            {"free": settings.free_per_day, "pro": settings.pro_per_day},
            settings.key("address"),
        ),
        rollout=Rollout(settings),
        metrics=metrics,
        hub=hub,
    )
