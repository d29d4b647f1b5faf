"""The fast path inside this process: it follows the newest snapshot and swaps it under load."""

from __future__ import annotations

import gc
from functools import cache

from bootstrap.background import together
from bootstrap.pacing import PaceFollower
from bootstrap.services import Services
from bootstrap.serving_state import open_state
from bootstrap.snapshots import Follower
from fastpath.engine import FastPath
from fastpath.receipt import Signer
from fastpath.snapshot import Snapshot
from storage.pipe import Pipe

#: Objects made and not yet freed between two looks for cycles. What a request makes is freed by counting; the few
#: thousand objects that remain of each second are remembered readings and conversations, not cycles.
_YOUNG = 20_000
_MIDDLE, _OLD = 20, 50


@cache
def settle() -> None:
    """Take everything that is there now out of the collector's sight, once per process.

    A full collection walks all modules, routes and tables of the application: a tenth of a second in which no
    chat is answered.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)


class Serving:
    """The fast path, the snapshot it serves from, and its state.

    Args:
        services: The installation's parts.

    Attributes:
        state: Where cooldowns, caps and budget holds are.

    Raises:
        Conflict: `serving_state_workers` or `journal_in_use`, if the state can only be one process's.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._follower = Follower(services)
        self._engine: FastPath | None = None
        self._pipe = Pipe(services.settings.redis_url)
        self._paces = PaceFollower(services)
        self.state = open_state(services, self._pipe)

    async def follow(self) -> None:
        """Keep the newest snapshot mapped and the shares of paced campaigns known, until cancelled."""
        try:
            await together(self.state.run(), self._paces.run(), self._follower.run(self._swap))
        finally:
            self._pipe.close()

    def fastpath(self) -> FastPath | None:
        """Return the fast path, or None while there is no snapshot."""
        return self._engine

    def _swap(self, snapshot: Snapshot) -> None:
        if self._engine is not None:
            self._engine.swap(snapshot)
            return
        parts = self._services
        self._engine = FastPath(
            snapshot,
            self.state.reservation,
            Signer(parts.settings.key("receipt")),
            parts.settings.key("nonce"),
            parts.clock,
            parts.ids,
            rule=parts.settings.charge_rule,
            caps_key=parts.settings.key("caps"),
            paces=self._paces.current,
        )
        settle()
