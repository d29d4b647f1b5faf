"""Back to an earlier snapshot: served by everybody, kept against the next compile, let go on request."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import BaseModel

from bootstrap.local_snapshots import snapshot_folder
from bootstrap.rollback import list_snapshots, roll_back, unpin
from bootstrap.services import Services
from bootstrap.snapshots import Follower, compile_and_publish
from catalog.lifecycle import CampaignStatus
from domain.errors import NotFound, Unavailable
from tests.support.catalogue import live_campaign, market, move

pytestmark = pytest.mark.asyncio


def at_home(services: Services, home: Path) -> Services:
    """Return the same installation as another machine sees it."""
    settings: BaseModel = services.settings
    return replace(services, settings=settings.model_copy(update={"parley_home": home}))


@pytest.fixture
def here(services: Services, tmp_path: Path) -> Services:
    return at_home(services, tmp_path / "here")


async def two(services: Services) -> tuple[str, str, str]:
    """Return the ids of a full and of an empty snapshot, served in this order, and the campaign."""
    orgs = await market(services)
    campaign = await live_campaign(services, orgs.advertiser)
    first = await compile_and_publish(services)
    await move(services, campaign, CampaignStatus.PAUSED)
    return first, await compile_and_publish(services), campaign


async def test_an_earlier_snapshot_is_served_again_and_stays(
    here: Services, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second, campaign = await two(here)
    follower = Follower(at_home(here, tmp_path / "there"))
    assert await follower.refresh()
    assert follower.snapshot is not None
    assert follower.snapshot.snapshot_id == second

    assert await roll_back(here, first) == first
    assert await follower.refresh()
    assert follower.snapshot.snapshot_id == first
    rows = await list_snapshots(here)
    assert [(row.snapshot_id, row.serving, row.pinned) for row in rows] == [
        (first, True, True),
        (second, False, False),
    ]

    # The next compile does not undo it, and says so.
    with caplog.at_level(logging.WARNING, "parley.snapshots"):
        assert await compile_and_publish(here) == first
    assert "pinned" in caplog.text
    assert not await follower.refresh()

    # Let go, the catalogue is served as it is now.
    assert await unpin(here) == second
    assert await follower.refresh()
    assert follower.snapshot.snapshot_id == second
    assert not any(row.pinned for row in await list_snapshots(here))
    await move(here, campaign, CampaignStatus.LIVE)
    assert await compile_and_publish(here) == first


async def test_without_a_pin_the_next_compile_goes_on(here: Services) -> None:
    first, second, _ = await two(here)
    assert await roll_back(here, first, pin=False) == first
    assert (await list_snapshots(here))[0].snapshot_id == first
    assert await compile_and_publish(here) == second


async def test_only_one_snapshot_is_pinned(here: Services) -> None:
    first, second, _ = await two(here)
    await roll_back(here, first)
    await roll_back(here, second)
    assert [(row.snapshot_id, row.pinned) for row in await list_snapshots(here)] == [
        (second, True),
        (first, False),
    ]
    assert [row.snapshot_id for row in await list_snapshots(here, limit=1)] == [second]


async def test_what_was_never_served_or_is_damaged_is_refused(
    here: Services, tmp_path: Path
) -> None:
    first, second, _ = await two(here)
    with pytest.raises(NotFound) as caught:
        await roll_back(here, "snp_nothing")
    assert caught.value.code == "snapshot_not_found"
    for key in await here.objects.keys(f"snapshots/{first}"):
        await here.objects.put(key, b"damaged")
    elsewhere = at_home(here, tmp_path / "elsewhere")
    with pytest.raises(Unavailable):
        await roll_back(elsewhere, first)
    assert (await list_snapshots(here))[0].snapshot_id == second
    assert not (snapshot_folder(elsewhere.settings.parley_home) / first).exists()
