"""A compile that reads only the ads that changed writes what one of everything would, whatever changed."""

from __future__ import annotations

import fcntl
import random
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from benchmarks.synthetic import Market
from domain.catalogue import AdEntry, CatalogueExport
from domain.ids import stable_id
from fastpath import _bulk, _entries, compile_kept
from fastpath.compile_kept import NAME, load_kept
from fastpath.compiler import SnapshotInfo, compile_catalogue
from fastpath.expand import Expander
from fastpath.snapshot import Snapshot
from tests.fastpath.sample_catalogue import app
from tests.fastpath.test_compiled_core import plain

PLAIN = Expander(None, {})
ADS = 2_400
Change = Callable[[CatalogueExport], CatalogueExport]


def some(change: Callable[[AdEntry], AdEntry]) -> Change:
    """Return a change of every hundredth ad."""

    def whole(export: CatalogueExport) -> CatalogueExport:
        ads = tuple(change(ad) if i % 100 == 7 else ad for i, ad in enumerate(export.ads))
        return msgspec.structs.replace(export, ads=ads)

    return whole


def to(**values: object) -> Change:
    return some(lambda ad: msgspec.structs.replace(ad, **values))


def ads_of(change: Callable[[tuple[AdEntry, ...]], tuple[AdEntry, ...]]) -> Change:
    return lambda export: msgspec.structs.replace(export, ads=change(export.ads))


def titled(ad: AdEntry) -> AdEntry:
    text = msgspec.structs.replace(ad.texts["eng"], title="Quite another \x01 title")
    return msgspec.structs.replace(ad, texts={"eng": text, "jpn": text})


def moved(ad: AdEntry) -> AdEntry:
    return msgspec.structs.replace(ad, advertiser_id=stable_id("org", f"new {ad.ad_id}"))


def shuffled(ads: tuple[AdEntry, ...]) -> tuple[AdEntry, ...]:
    return tuple(random.Random(5).sample(ads, len(ads)))


CHANGES: dict[str, Change] = {
    "bid": some(lambda ad: msgspec.structs.replace(ad, bid_micros=ad.bid_micros + 1)),
    "text": some(titled),
    "added": ads_of(lambda ads: ads + Market(30, 30, words=500, seed=9).export.ads),
    "removed": ads_of(lambda ads: tuple(ad for i, ad in enumerate(ads) if i % 100 != 7)),
    "first and last gone": ads_of(lambda ads: ads[1:-1]),
    "one twice": ads_of(lambda ads: (*ads, ads[3])),
    "reordered": ads_of(shuffled),
    "new tag": some(lambda ad: msgspec.structs.replace(ad, tags=(*ad.tags, "quite new", "C++"))),
    "tag gone": some(lambda ad: msgspec.structs.replace(ad, tags=ad.tags[1:])),
    "tag that is none": some(lambda ad: msgspec.structs.replace(ad, tags=(*ad.tags, "!!"))),
    "negative tag": some(lambda ad: msgspec.structs.replace(ad, negative_tags=ad.tags[-1:])),
    "new advertiser": some(moved),
    "no ids of ours": some(lambda ad: msgspec.structs.replace(ad, creative_id=f"c-{ad.ad_id}")),
    "topics": to(topics=("2", "nonsense"), blocked_topics=("iab:1", "gossip", "?")),
    "targets": to(geos=("jp", "US"), devices=("tv", "toaster"), weekdays=(1, 9), starts_ms=5),
    "apps": to(apps=("app_other",), blocked_apps=("app",)),
    "money": to(currency="EUR", house=True, quality_ppm=7, pace_ppm=5, budget_daily_micros=9),
    "languages": to(languages=("jpn",)),
    "changed app": lambda export: msgspec.structs.replace(
        export, apps=(msgspec.structs.replace(export.apps[0], reserve_micros=3),)
    ),
    "new app": lambda export: msgspec.structs.replace(
        export, apps=(*export.apps, app("app_other"))
    ),
    "nearly all gone": ads_of(lambda ads: ads[:40]),
    "none": lambda export: export,
}


@pytest.fixture(scope="module")
def export() -> CatalogueExport:
    """A catalogue with everything in it that the changes take away or add."""
    first = Market(ADS, ADS, words=2_000).export
    for i, name in enumerate(("topics", "targets", "apps", "languages", "tag that is none")):
        ads = first.ads[i * 13 :] + first.ads[: i * 13]
        first = CHANGES[name](msgspec.structs.replace(first, ads=ads))
    return first


@pytest.fixture(scope="module")
def info(export: CatalogueExport, tmp_path_factory: pytest.TempPathFactory) -> SnapshotInfo:
    return compile_catalogue(export, tmp_path_factory.mktemp("kept"), expander=PLAIN)


def files(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(path.iterdir())}


@pytest.mark.parametrize("name", CHANGES)
def test_whatever_changed_the_files_are_those_of_a_full_compile(
    name: str, export: CatalogueExport, info: SnapshotInfo, tmp_path: Path
) -> None:
    other = CHANGES[name](export)
    step = compile_catalogue(other, tmp_path / "a", previous=info.path, expander=PLAIN)
    full = compile_catalogue(other, tmp_path / "b", expander=PLAIN)
    assert files(step.path) == files(full.path)
    assert step.warnings == full.warnings
    assert full.read == len(other.ads)
    # Those with something left out are read each time, so that it is said again.
    assert step.read <= 150 or name == "no ids of ours"
    if name not in ("none", "reordered"):
        # The hashes of the tags have another secret.
        assert Snapshot.open(step.path).seed != Snapshot.open(info.path).seed


def test_change_after_change_is_kept(
    export: CatalogueExport, info: SnapshotInfo, tmp_path: Path
) -> None:
    state, last = export, info.path
    for name in ("new tag", "removed", "targets", "reordered", "added", "tag gone", "topics"):
        state = CHANGES[name](state)
        step = compile_catalogue(state, tmp_path / "a", previous=last, expander=PLAIN)
        assert step.read <= 150
        last = step.path
    full = compile_catalogue(state, tmp_path / "b", expander=PLAIN)
    assert files(last) == files(full.path)
    assert sorted(path.name for path in (tmp_path / "a").glob(".*")) == [NAME]


@pytest.mark.parametrize("damage", ["cut", "bit", "empty", "other code", "folder", "gone"])
def test_a_file_that_is_damaged_or_of_other_code_is_as_good_as_none(
    damage: str, export: CatalogueExport, info: SnapshotInfo, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    old = tmp_path / "old"
    shutil.copytree(info.path.parent, old)
    whole = (old / NAME).read_bytes()
    (old / NAME).unlink()
    if damage == "folder":
        (old / NAME).mkdir()
    elif damage != "gone":
        half = len(whole) // 2
        broken = {"cut": whole[:half], "empty": b""}
        broken["bit"] = whole[:half] + bytes([whole[half] ^ 4]) + whole[half + 1 :]
        (old / NAME).write_bytes(broken.get(damage, whole))
    if damage == "other code":
        monkeypatch.setattr(compile_kept, "_source", lambda: "another")
    other = CHANGES["bid"](export)
    step = compile_catalogue(other, old, previous=old / info.path.name, expander=PLAIN)
    assert step.read == ADS
    monkeypatch.undo()
    full = compile_catalogue(other, tmp_path / "full", expander=PLAIN)
    assert files(step.path) == files(full.path)
    assert (load_kept(old) is None) == (damage in ("folder", "other code"))


def test_what_a_killed_compile_left_goes_and_what_another_writes_stays(
    export: CatalogueExport, tmp_path: Path
) -> None:
    dead, alive = tmp_path / f"{NAME}.dead", tmp_path / f"{NAME}.alive"
    dead.write_bytes(b"half")
    with alive.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        compile_catalogue(export, tmp_path, expander=PLAIN)
    assert not dead.exists()
    assert alive.exists()
    assert load_kept(tmp_path) is not None


def test_two_compiles_at_once_keep_one_of_both(
    export: CatalogueExport, info: SnapshotInfo, tmp_path: Path
) -> None:
    states = [CHANGES[name](export) for name in ("bid", "bid", "new tag", "removed")]
    with ThreadPoolExecutor(len(states)) as pool:
        made = list(
            pool.map(
                lambda state: compile_catalogue(
                    state, tmp_path, previous=info.path, expander=PLAIN
                ),
                states,
            )
        )
    assert load_kept(tmp_path) is not None
    for state, one in zip(states, made, strict=True):
        full = compile_catalogue(state, tmp_path / "full", expander=PLAIN)
        assert files(one.path) == files(full.path)
    again = compile_catalogue(
        CHANGES["text"](export), tmp_path, previous=made[0].path, expander=PLAIN
    )
    assert again.read < ADS // 10


def test_a_small_catalogue_keeps_nothing(tmp_path: Path) -> None:
    compile_catalogue(Market(50, 50, words=500).export, tmp_path, expander=PLAIN)
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_plain_python_compiles_the_same_files(
    export: CatalogueExport, info: SnapshotInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (_bulk, _entries):
        slow = plain(module.__name__.removeprefix("fastpath."))
        for name in ("hash_rows", "copy_rows", "take_rows", "group", "read", "digests"):
            if hasattr(slow, name):
                monkeypatch.setattr(module, name, getattr(slow, name))
        for name in ("Entries", "Codes"):
            if hasattr(slow, name):
                monkeypatch.setattr(module, name, getattr(slow, name))
    assert files(compile_catalogue(export, tmp_path, expander=PLAIN).path) == files(info.path)
