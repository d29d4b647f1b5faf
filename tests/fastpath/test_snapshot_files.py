"""Compiling is reproducible and incremental; damaged files are refused; arrays agree with the reference."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.catalogue import CatalogueExport
from domain.errors import Unprocessable
from fastpath import core_info, layout
from fastpath._core import find, hash_text
from fastpath.compiler import MAX_POSTINGS, SnapshotInfo, compile_catalogue
from fastpath.expand import Expander, read_table
from fastpath.match import find_tags
from fastpath.snapshot import Snapshot
from fastpath.verify import require_equal, verify_snapshot
from tests.fastpath.sample_catalogue import NOW, ad, app, sample


@pytest.fixture(scope="module")
def info(tmp_path_factory: pytest.TempPathFactory) -> SnapshotInfo:
    return compile_catalogue(sample(), tmp_path_factory.mktemp("snapshots"))


def files(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(path.iterdir())}


def test_the_same_catalogue_gives_the_same_bytes(info: SnapshotInfo, tmp_path: Path) -> None:
    export = sample()
    shuffled = CatalogueExport(ads=tuple(reversed(export.ads)), apps=tuple(reversed(export.apps)))
    again = compile_catalogue(shuffled, tmp_path)
    assert again.snapshot_id == info.snapshot_id
    assert files(again.path) == files(info.path)


def test_another_catalogue_gives_another_id_and_secret(info: SnapshotInfo, tmp_path: Path) -> None:
    export = sample()
    other = compile_catalogue(msgspec.structs.replace(export, ads=export.ads[1:]), tmp_path)
    assert other.snapshot_id != info.snapshot_id
    assert Snapshot.open(other.path).seed != Snapshot.open(info.path).seed


def test_expansions_are_reused_from_the_previous_snapshot(
    info: SnapshotInfo, tmp_path: Path
) -> None:
    export = sample()
    more = msgspec.structs.replace(export, ads=(*export.ads, ad("ad_new", "zebra stripes")))
    step = compile_catalogue(more, tmp_path / "a", previous=info.path)
    fresh = compile_catalogue(more, tmp_path / "b")
    assert step.expanded == 1
    assert fresh.expanded == step.tags
    assert files(step.path) == files(fresh.path)
    assert (
        compile_catalogue(export, tmp_path / "c", previous=tmp_path / "none").expanded == info.tags
    )


def test_a_different_dictionary_voids_the_cache(info: SnapshotInfo, tmp_path: Path) -> None:
    other = Expander(None, read_table())
    assert (
        compile_catalogue(sample(), tmp_path, previous=info.path, expander=other).expanded
        == info.tags
    )


def test_compiling_twice_into_one_folder_leaves_one_snapshot(tmp_path: Path) -> None:
    first = compile_catalogue(sample(), tmp_path)
    (first.path / layout.TEXTS).write_bytes(b"damaged")
    (first.path / layout.MANIFEST).write_bytes(b"{}")
    assert compile_catalogue(sample(), tmp_path).path == first.path
    Snapshot.open(first.path)
    assert [path.name for path in tmp_path.iterdir()] == [first.snapshot_id]


def test_tags_that_cannot_be_matched_are_left_out_with_a_warning(tmp_path: Path) -> None:
    export = CatalogueExport(
        ads=(ad("ad_x", "one two three four five", "💍", "", "tea"),), apps=(app(),)
    )
    result = compile_catalogue(export, tmp_path)
    assert result.tags == 1
    assert len(result.warnings) == 3
    assert all("1 to 4 words" in warning for warning in result.warnings)


def test_postings_are_capped_and_the_cut_is_said(tmp_path: Path) -> None:
    ads = tuple(ad(f"ad_{i:05}", "tea", bid_micros=i) for i in range(MAX_POSTINGS + 3))
    result = compile_catalogue(CatalogueExport(ads=ads), tmp_path)
    assert result.postings == MAX_POSTINGS
    assert "2051 ads" in result.warnings[0]


def test_an_empty_catalogue_compiles_and_opens(tmp_path: Path) -> None:
    snapshot = Snapshot.open(compile_catalogue(CatalogueExport(), tmp_path).path)
    assert find_tags(snapshot, "best laptop おすすめ") == {}
    assert snapshot.pre_touch() > 0


def test_opening_reads_what_was_written(info: SnapshotInfo) -> None:
    snapshot = Snapshot.open(info.path)
    entries = {entry.ad_id: entry for entry in sample().ads}
    assert [snapshot.ad(i) for i in range(info.ads)] == [entries[k] for k in sorted(entries)]
    assert snapshot.app("app_demo") == app()
    assert snapshot.app("nobody") is None
    with pytest.raises(ValueError, match="read-only"):
        snapshot.ad_bid[0] = 1


@pytest.mark.parametrize(
    "name", [f"{array}.npy" for array in layout.ARRAYS] + [layout.TEXTS, layout.NAMES]
)
def test_a_flipped_bit_is_refused(info: SnapshotInfo, tmp_path: Path, name: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(info.path, copy)
    data = bytearray((copy / name).read_bytes())
    data[-1] ^= 1
    (copy / name).write_bytes(data)
    with pytest.raises(Unprocessable) as caught:
        Snapshot.open(copy)
    assert caught.value.code == "snapshot_corrupt"


@pytest.mark.parametrize("damage", ["truncate", "remove", "manifest", "fields", "empty"])
def test_other_damage_is_refused(info: SnapshotInfo, tmp_path: Path, damage: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(info.path, copy)
    if damage == "truncate":
        (copy / "slots.npy").write_bytes((copy / "slots.npy").read_bytes()[:40])
    elif damage == "remove":
        (copy / "post_ads.npy").unlink()
    elif damage == "manifest":
        (copy / layout.MANIFEST).write_bytes(b"{not json")
    elif damage == "fields":
        (copy / layout.MANIFEST).write_bytes(b'{"version": %d}' % layout.VERSION)
    else:
        shutil.rmtree(copy)
    for verify in (True, False):
        with pytest.raises(Unprocessable) as caught:
            Snapshot.open(copy, verify=verify)
        assert caught.value.code == "snapshot_corrupt"


def test_a_future_version_is_refused_by_name(info: SnapshotInfo, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(info.path, copy)
    manifest = json.loads((copy / layout.MANIFEST).read_text())
    (copy / layout.MANIFEST).write_text(json.dumps({**manifest, "version": 99}))
    with pytest.raises(Unprocessable) as caught:
        Snapshot.open(copy)
    assert caught.value.code == "snapshot_version_unsupported"


SAMPLES = [
    "best trail running shoes for wide feet?",
    "I want to learn C++ or c#, maybe .NET",
    "トレイルランニングシューズのおすすめを教えて",
    "自動車保険と生命保険を比較したい",
    "laptop repair near me",
    "buy coffee beans, wine or a hotel",
    "ノートパソコンを買いたい",
    "wi-fi router deals",
    "nothing at all",
    "",
    "\ud800",
]


def test_the_arrays_agree_with_the_slow_reference(info: SnapshotInfo) -> None:
    snapshot = Snapshot.open(info.path)
    require_equal(verify_snapshot(snapshot, sample(), SAMPLES, now_ms=NOW))


def test_a_snapshot_of_another_catalogue_does_not_pass(info: SnapshotInfo) -> None:
    snapshot = Snapshot.open(info.path)
    other = CatalogueExport(ads=(ad("ad_trail", "feet"),), apps=(app(),))
    with pytest.raises(Unprocessable) as caught:
        require_equal(verify_snapshot(snapshot, other, SAMPLES, now_ms=NOW))
    assert caught.value.code == "snapshot_differs"


VOCABULARY = [
    "red",
    "trail",
    "running",
    "shoes",
    "c++",
    ".net",
    "wi-fi",
    "3d",
    "nike's",
    "靴",
    "コーヒー",
    "保険",
    "o'neil",
]
PHRASE = st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=4).map(" ".join)
GLUE = st.sampled_from([" ", "-", "/", ". ", ", ", "", "\n", " 👟 ", "'s ", "の", "を"])


@given(
    st.lists(st.lists(PHRASE, min_size=1, max_size=3), min_size=1, max_size=5),
    st.lists(st.tuples(st.sampled_from(VOCABULARY), GLUE), max_size=12),
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_catalogue_and_text_agree_with_the_reference(
    tmp_path: Path, tags: list[list[str]], pieces: list[tuple[str, str]]
) -> None:
    export = CatalogueExport(
        ads=tuple(ad(f"ad_{i}", *row) for i, row in enumerate(tags)), apps=(app(),)
    )
    snapshot = Snapshot.open(compile_catalogue(export, tmp_path, expander=Expander(None, {})).path)
    text = "".join(word + glue for word, glue in pieces)
    assert verify_snapshot(snapshot, export, [text], now_ms=NOW) == ()


def test_keys_are_verified_against_the_string(info: SnapshotInfo) -> None:
    snapshot = Snapshot.open(info.path)
    wanted = hash_text(snapshot.seed, "laptop")
    tables = (snapshot.slots, snapshot.slot_keys, snapshot.key_offsets, snapshot.key_blob)
    assert find(*tables, wanted, "laptop") >= 0
    # A colliding hash with another string is not believed.
    assert find(*tables, wanted, "crafted") == -1


def test_the_core_says_whether_it_is_compiled() -> None:
    about = core_info()
    assert isinstance(about["compiled"], bool)
    assert about["note"]
