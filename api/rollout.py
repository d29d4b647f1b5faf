"""Which apps are served: `V2_ENABLED`, `V2_APP_IDS`, `V2_PERCENTAGE`."""

from __future__ import annotations

from bootstrap.settings import Settings
from domain.randomness import draw


class Rollout:
    """The roll-out flags.

    Listed apps are always served; of the others that share which `V2_PERCENTAGE` says, always the same
    ones. `V2_ENABLED=false` serves nobody.

    Args:
        settings: Where the flags are set.
    """

    def __init__(self, settings: Settings) -> None:
        self._enabled = settings.v2_enabled
        self._listed = frozenset(filter(None, (a.strip() for a in settings.v2_app_ids.split(","))))
        self._share = settings.v2_percentage / 100

    def serves(self, app_id: str) -> bool:
        """Tell whether an app is served."""
        if not self._enabled:
            return False
        return app_id in self._listed or draw(app_id, "rollout") < self._share
