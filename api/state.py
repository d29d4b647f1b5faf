"""What the routes work with while the application is up."""

from __future__ import annotations

from dataclasses import dataclass

from api.auth import Authenticator, address_of
from api.exchange import Scope, exchange_of
from api.limits import Limiter
from api.metrics import Metrics
from api.realtime import Hub
from api.rollout import Rollout
from api.serving import Serving
from bootstrap.services import Services
from bootstrap.settings import Settings
from catalog.access import Principal
from fastpath.engine import FastPath


@dataclass(frozen=True)
class State:
    """The parts of a running application.

    Attributes:
        services: Database, Redis, objects, clock, ids.
        serving: The fast path and its snapshot.
        authenticator, limiter, rollout, metrics: The door's own parts.
        hub: Live events for sockets.
    """

    services: Services
    serving: Serving
    authenticator: Authenticator
    limiter: Limiter
    rollout: Rollout
    metrics: Metrics
    hub: Hub

    @property
    def settings(self) -> Settings:
        """The installation's settings."""
        return self.services.settings

    def fastpath(self) -> FastPath | None:
        """Return the fast path, or None while there is no snapshot."""
        return self.serving.fastpath()

    async def count(self, principal: Principal, scope: Scope, *, ahead: bool = False) -> None:
        """Count a call against its tier. Raises as `Limiter.count` does."""
        await self.limiter.count(principal, address_of(scope), exchange_of(scope), ahead=ahead)
