"""The real application with its serving state in plain memory: the hot route and the decision by themselves.

Not a way to serve: nothing is kept, and no other process knows of a hold.
"""

from __future__ import annotations

from api import serving
from api.app import create_app as real_app
from api.front import Front
from bootstrap.services import Services
from fastpath.local import LocalReservation
from fastpath.reservation import EvalClient, Reservation


class MemoryState:
    """Implements `bootstrap.serving_state.ServingState` over a `LocalReservation`."""

    def __init__(self) -> None:
        self._reservation = LocalReservation(unmetered=True, keep=False)

    @property
    def reservation(self) -> Reservation:
        """What the fast path asks."""
        return self._reservation

    async def kept(self, request_id: str) -> None:
        """Nothing is kept."""

    async def run(self) -> None:
        """Nothing to do meanwhile."""


def create_app() -> Front:
    """Return the application."""

    def in_memory(services: Services, client: EvalClient | None = None) -> MemoryState:
        return MemoryState()

    serving.open_state = in_memory
    return real_app()
