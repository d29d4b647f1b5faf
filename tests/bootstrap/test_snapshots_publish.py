"""Snapshots from the catalogue to the processes that serve: verified, whole, newest, and never a step back."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import BaseModel
from redis.asyncio import Redis
from sqlalchemy import func, select

from bootstrap import local_snapshots, snapshots
from bootstrap.local_snapshots import current_local, drop_old, snapshot_folder
from bootstrap.services import Services
from bootstrap.snapshots import Follower, compile_and_publish
from catalog.lifecycle import CampaignStatus
from catalog.repository import Snapshots
from catalog.tables import SnapshotRow
from domain.errors import NotFound, Unavailable, Unprocessable
from domain.time import FixedClock
from fastpath.reservation import Keys
from fastpath.snapshot import Snapshot
from tests.support.catalogue import live_campaign, market, move

pytestmark = pytest.mark.asyncio


def at_home(services: Services, home: Path) -> Services:
    """Return the same installation as another machine sees it."""
    settings: BaseModel = services.settings
    return replace(services, settings=settings.model_copy(update={"parley_home": home}))


@pytest.fixture
def compiler(services: Services, tmp_path: Path) -> Services:
    """The machine that compiles."""
    return at_home(services, tmp_path / "compiler")


@pytest.fixture
def server(services: Services, tmp_path: Path) -> Services:
    """The machine that serves; what it knows of snapshots comes out of the object store."""
    return at_home(services, tmp_path / "server")


async def newest(services: Services) -> SnapshotRow:
    async with services.db.system() as session:
        row = await Snapshots(session).current()
    assert row is not None
    return row


async def published(services: Services) -> int:
    async with services.db.system() as session:
        return int(await session.scalar(select(func.count()).select_from(SnapshotRow)) or 0)


async def test_what_is_live_is_served_and_everybody_follows(
    compiler: Services, server: Services
) -> None:
    orgs = await market(compiler)
    campaign = await live_campaign(compiler, orgs.advertiser)
    follower = Follower(server)
    assert await follower.refresh() is False
    first = await compile_and_publish(compiler)
    assert await follower.refresh() is True
    assert await follower.refresh() is False
    assert follower.snapshot is not None
    assert follower.snapshot.snapshot_id == first
    assert (follower.snapshot.manifest.ads, list(follower.snapshot.apps)) == (1, [orgs.app])
    assert current_local(server.settings.parley_home).name == first
    row = await newest(compiler)
    assert (row.id, row.ads, row.apps) == (first, 1, 1)
    # An ad whose counter is missing is not served: the counter comes before the snapshot.
    redis: Redis = compiler.redis
    assert await redis.hget(Keys().spent(campaign), "total") == b"0"

    await move(compiler, campaign, CampaignStatus.PAUSED)
    second = await compile_and_publish(compiler)
    assert await follower.refresh() is True
    assert follower.snapshot.snapshot_id == second != first
    assert follower.snapshot.manifest.ads == 0


async def test_compiling_without_a_change_publishes_nothing(compiler: Services) -> None:
    orgs = await market(compiler)
    await live_campaign(compiler, orgs.advertiser)
    first = await compile_and_publish(compiler)
    before = (await newest(compiler)).created_at
    assert await compile_and_publish(compiler) == first
    assert (await published(compiler), (await newest(compiler)).created_at) == (1, before)


async def test_a_catalogue_that_comes_back_is_the_newest_again(
    compiler: Services, server: Services
) -> None:
    orgs = await market(compiler)
    campaign = await live_campaign(compiler, orgs.advertiser)
    follower, seen = Follower(server), []
    for state in (CampaignStatus.LIVE, CampaignStatus.PAUSED, CampaignStatus.LIVE):
        await move(compiler, campaign, state)
        seen.append(await compile_and_publish(compiler))
        assert await follower.refresh() is True
        assert follower.snapshot is not None
        assert follower.snapshot.snapshot_id == seen[-1] == (await newest(compiler)).id
    assert seen[0] == seen[2] != seen[1]
    assert await published(compiler) == 2


async def test_a_clock_that_goes_backwards_hides_no_snapshot(compiler: Services) -> None:
    orgs = await market(compiler)
    await compile_and_publish(compiler)
    await live_campaign(compiler, orgs.advertiser)
    earlier = replace(compiler, clock=FixedClock(compiler.clock.now_ms() - 3_600_000))
    assert await compile_and_publish(earlier) == (await newest(compiler)).id
    assert (await newest(compiler)).ads == 1


async def test_two_compilers_at_once_publish_one_snapshot(
    compiler: Services, server: Services
) -> None:
    orgs = await market(compiler)
    await live_campaign(compiler, orgs.advertiser)
    ids = await asyncio.gather(*(compile_and_publish(s) for s in (compiler, compiler, server)))
    assert len(set(ids)) == 1
    assert await published(compiler) == 1
    assert names(snapshot_folder(compiler.settings.parley_home)) == [ids[0]]


async def test_a_damaged_object_is_not_served_and_the_old_snapshot_stays(
    compiler: Services, server: Services
) -> None:
    orgs = await market(compiler)
    first, follower = await compile_and_publish(compiler), Follower(server)
    assert await follower.refresh()
    await live_campaign(compiler, orgs.advertiser)
    second = await compile_and_publish(compiler)
    row = await newest(compiler)
    key = (await compiler.objects.keys(row.object_prefix))[0]
    good = await compiler.objects.get(key)
    await compiler.objects.put(key, good + b"!")
    with pytest.raises(Unavailable) as caught:
        await follower.refresh()
    assert caught.value.code == "snapshot_damaged"
    assert follower.snapshot is not None
    assert follower.snapshot.snapshot_id == first
    assert not (snapshot_folder(server.settings.parley_home) / second).exists()
    assert current_local(server.settings.parley_home).name == first

    # It keeps looking, says so, and swaps as soon as the object is whole again.
    complained, swapped = asyncio.Event(), asyncio.Event()
    heard = logging.Handler()
    heard.emit = lambda record: complained.set()  # type: ignore[method-assign]
    snapshots.log.addHandler(heard)
    following = asyncio.create_task(follower.run(lambda new: swapped.set()))
    await asyncio.wait_for(complained.wait(), 4)
    await compiler.objects.put(key, good)
    await asyncio.wait_for(swapped.wait(), 4)
    snapshots.log.removeHandler(heard)
    following.cancel()
    assert follower.snapshot.snapshot_id == second


async def test_a_missing_object_leaves_the_old_snapshot(
    compiler: Services, server: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    orgs = await market(compiler)
    await compile_and_publish(compiler)
    follower = Follower(server)
    await follower.refresh()
    await live_campaign(compiler, orgs.advertiser)
    await compile_and_publish(compiler)
    monkeypatch.setattr(server.objects, "bucket", "no-such-bucket-here")
    with pytest.raises((NotFound, Unavailable)):
        await follower.refresh()
    assert follower.snapshot is not None
    assert follower.snapshot.manifest.ads == 0


async def test_a_snapshot_damaged_on_disk_is_fetched_again(
    compiler: Services, server: Services
) -> None:
    orgs = await market(compiler)
    await live_campaign(compiler, orgs.advertiser)
    name = await compile_and_publish(compiler)
    await Follower(server).refresh()
    broken = snapshot_folder(server.settings.parley_home) / name / "arrays.bin"
    broken.write_bytes(b"")
    restarted = Follower(server)
    assert await restarted.refresh() is True
    assert broken.stat().st_size > 0

    # The compiler's own copy is made again as well, instead of being taken for done.
    (snapshot_folder(compiler.settings.parley_home) / name / "arrays.bin").write_bytes(b"")
    assert await compile_and_publish(compiler) == name
    Snapshot.open(snapshot_folder(compiler.settings.parley_home) / name)


async def test_a_snapshot_that_disagrees_with_the_reference_is_not_published(
    compiler: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    orgs = await market(compiler)
    first = await compile_and_publish(compiler)
    await live_campaign(compiler, orgs.advertiser)

    def differs(*_: object, **__: object) -> None:
        raise Unprocessable("snapshot_wrong", "The snapshot disagrees with the reference.")

    monkeypatch.setattr(local_snapshots, "require_equal", differs)
    with pytest.raises(Unprocessable):
        await compile_and_publish(compiler)
    assert (await newest(compiler)).id == first


async def test_a_crash_before_the_row_leaves_the_snapshot_before_it(
    compiler: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    orgs = await market(compiler)
    first = await compile_and_publish(compiler)
    await live_campaign(compiler, orgs.advertiser)

    async def dies(*_: object) -> dict[str, str]:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(snapshots, "_upload", dies)
        with pytest.raises(KeyboardInterrupt):
            await compile_and_publish(compiler)
    assert (await newest(compiler)).id == first
    assert await compile_and_publish(compiler) == (await newest(compiler)).id != first


@pytest.fixture
def folders(tmp_path: Path) -> Iterator[Path]:
    for number in range(5):
        folder = tmp_path / f"snp_{number}"
        folder.mkdir()
        (folder / "manifest.json").write_bytes(b"{}")
        os.utime(folder, (number, number))
    (tmp_path / "holiday pictures").mkdir()
    os.utime(tmp_path / "holiday pictures", (0, 0))
    yield tmp_path
    shutil.rmtree(tmp_path)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_only_old_snapshots_are_dropped_and_never_the_one_in_use(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_snapshots, "_KEEP", 2)
    drop_old(folders, "snp_0")
    assert names(folders) == ["holiday pictures", "snp_0", "snp_3", "snp_4"]


async def test_without_a_snapshot_the_sentence_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="make demo"):
        current_local(tmp_path)
    (tmp_path / "snapshots").mkdir()
    (tmp_path / "snapshots" / "current").write_bytes(b"\xff\xfe")
    with pytest.raises(NotFound):
        current_local(tmp_path)
