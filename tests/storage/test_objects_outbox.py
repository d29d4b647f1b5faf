"""Objects and the outbox on real parts."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bootstrap.services import Services
from catalog.access import AccessService
from domain.errors import NotFound, Unavailable
from storage import outbox
from storage.objects import ObjectStore

pytestmark = pytest.mark.asyncio


async def test_objects_come_back_as_they_went(services: Services, tmp_path: Path) -> None:
    await services.objects.put("folder/a.bin", b"\x00\xff" * 1000)
    assert await services.objects.get("folder/a.bin") == b"\x00\xff" * 1000
    file = tmp_path / "b.bin"
    file.write_bytes(b"b")
    await services.objects.put_file("folder/b.bin", file)
    await services.objects.get_file("folder/b.bin", tmp_path / "c.bin")
    assert (tmp_path / "c.bin").read_bytes() == b"b"
    assert await services.objects.keys("folder/") == ["folder/a.bin", "folder/b.bin"]
    with pytest.raises(NotFound):
        await services.objects.get("folder/none")


async def test_a_store_that_is_away_is_said_to_be_away() -> None:
    away = ObjectStore("http://127.0.0.1:9", "accesskey1", "secretkey12345", "parley")
    with pytest.raises(Unavailable, match="object store"):
        await away.put("a", b"")


async def test_two_relays_do_not_take_the_same_message(services: Services) -> None:
    async with services.db.system() as session:
        access = AccessService(session, services.ids, services.clock, services.new_secret)
        org = await access.create_organisation("advertiser", "Org")
        for _ in range(10):
            await outbox.put(session, services.ids.new("obx"), org.id, "t", {})

    async def relay() -> list[str]:
        async with services.db.system() as session:
            rows = [row.id for row in await outbox.waiting(session, "t", limit=6)]
            await asyncio.sleep(0.02)
            await outbox.mark_sent(session, rows)
            return rows

    first, second = await asyncio.gather(relay(), relay())
    assert not set(first) & set(second)
    assert len(first) + len(second) == 10
