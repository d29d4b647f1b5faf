"""Which engine decides for an app: `V2_ENABLED`, `V2_APP_IDS`, `V2_PERCENTAGE`."""

from __future__ import annotations

from bootstrap.settings import Settings
from domain.randomness import draw
from fastpath.engines import Engine


class Rollout:
    """The roll-out flags.

    Listed apps always get the second engine; of the others that share which `V2_PERCENTAGE` says, always
    the same ones. The rest, and everybody with `V2_ENABLED=false`, get the first: counted keywords.

    Args:
        settings: Where the flags are set.
    """

    def __init__(self, settings: Settings) -> None:
        self._enabled = settings.v2_enabled
        self._listed = frozenset(filter(None, (a.strip() for a in settings.v2_app_ids.split(","))))
        self._share = settings.v2_percentage / 100
        #: The engine of all apps, if it is the same.
        self._every: Engine | None = None
        if not self._enabled:
            self._every = Engine.V1
        elif self._share >= 1:
            self._every = Engine.V2

    def engine(self, app_id: str) -> Engine:
        """Return the engine that decides for an app."""
        return self._every or (Engine.V2 if self._chosen(app_id) else Engine.V1)

    def _chosen(self, app_id: str) -> bool:
        return app_id in self._listed or draw(app_id, "rollout") < self._share
