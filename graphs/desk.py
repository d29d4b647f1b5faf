"""Where the bulk of a run lies: objects keyed by the run, so that a step that runs twice overwrites its own."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from storage.objects import ObjectStore

T = TypeVar("T")


class RunObjects:
    """Reads and writes a run's objects.

    Args:
        objects: The store.
        run_id: Whose they are.
        folder: Below the run's own; empty = directly in it.
    """

    def __init__(self, objects: ObjectStore, run_id: str, folder: str = "") -> None:
        self._objects = objects
        self._run_id = run_id
        self._prefix = f"runs/{run_id}/{folder}".rstrip("/")

    async def _put(self, name: str, data: bytes) -> None:
        await self._objects.put(f"{self._prefix}/{name}", data)

    async def _get(self, name: str) -> bytes:
        """Return an object. Raises `NotFound` if there is none, `Unavailable` without the store."""
        return await self._objects.get(f"{self._prefix}/{name}")

    async def _keep(self, name: str, value: object) -> None:
        await self._put(name, msgspec.json.encode(value))

    async def _kept(self, name: str, kind: type[T]) -> T:
        return msgspec.json.decode(await self._get(name), type=kind)
