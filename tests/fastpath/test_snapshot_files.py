"""Compiling is reproducible and incremental; damaged files are refused; arrays agree with the reference."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.catalogue import AdEntry, CatalogueExport
from domain.errors import Unprocessable
from fastpath import core_info, layout
from fastpath._core import Matcher, hash_text
from fastpath.compiler import MAX_POSTINGS, SnapshotInfo, compile_catalogue
from fastpath.expand import Expander, read_table
from fastpath.match import find_tags
from fastpath.snapshot import Snapshot
from fastpath.verify import require_equal, verify_snapshot
from tests.fastpath.sample_catalogue import NOW, ad, app, sample


@pytest.fixture(scope="module")
def info(tmp_path_factory: pytest.TempPathFactory) -> SnapshotInfo:
    return compile_catalogue(sample(), tmp_path_factory.mktemp("snapshots"))


def canonical(entry: AdEntry) -> AdEntry:
    """Return an entry as a snapshot gives it back: with its tags in order."""
    return msgspec.structs.replace(
        entry, tags=tuple(sorted(entry.tags)), negative_tags=tuple(sorted(entry.negative_tags))
    )


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
    assert {snapshot.ad_id(i): snapshot.ad(i) for i in range(info.ads)} == {
        name: canonical(entry) for name, entry in entries.items()
    }
    assert snapshot.app("app_demo") == app()
    assert snapshot.app("nobody") is None
    with pytest.raises(ValueError, match="read-only"):
        snapshot.ad_bid[0] = 1


FILES = [
    layout.ARRAYS_FILE,
    layout.TEXTS,
    layout.NAMES,
    layout.EXPANSION,
    layout.GATE_MODEL,
]


def refused(folder: Path, *, verify: bool = True) -> None:
    with pytest.raises(Unprocessable) as caught:
        Snapshot.open(folder, verify=verify)
    assert caught.value.code == "snapshot_corrupt"


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "damage", ["truncate", "flip first", "flip last", "remove", "empty", "longer"]
)
def test_a_damaged_file_is_refused(
    info: SnapshotInfo, tmp_path: Path, name: str, damage: str
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(info.path, copy)
    data = bytearray((copy / name).read_bytes())
    if damage == "remove":
        (copy / name).unlink()
    else:
        changed = {"truncate": data[:-1], "empty": b"", "longer": data + b"!"}
        data[0 if damage == "flip first" else -1] ^= 1
        (copy / name).write_bytes(changed.get(damage, data))
    refused(copy)
    if not damage.startswith("flip"):  # only a reading of the whole file finds a flipped bit
        refused(copy, verify=False)


@pytest.mark.parametrize("damage", ["remove", "longer"])
def test_a_file_without_vectors_is_held_to_that(
    info: SnapshotInfo, tmp_path: Path, damage: str
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(info.path, copy)
    (copy / layout.VECTORS_FILE).unlink()
    if damage == "longer":
        (copy / layout.VECTORS_FILE).write_bytes(b"!")
    for verify in (True, False):
        refused(copy, verify=verify)


def test_a_flipped_bit_anywhere_in_any_array_is_refused(info: SnapshotInfo, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(info.path, copy)
    whole = (copy / layout.ARRAYS_FILE).read_bytes()
    places = Snapshot.open(info.path).manifest.arrays
    for name in layout.ARRAYS:
        start, count, _ = places[name]
        if count == 0:
            continue
        data = bytearray(whole)
        data[start] ^= 0x80
        (copy / layout.ARRAYS_FILE).write_bytes(data)
        try:
            refused(copy)
        except BaseException as error:
            raise AssertionError(name) from error


def test_columns_that_lie_side_by_side_read_as_any_other(info: SnapshotInfo) -> None:
    snapshot = Snapshot.open(info.path)
    start = snapshot.manifest.arrays[layout.ROW[0]][0]
    whole = (info.path / layout.ARRAYS_FILE).read_bytes()
    for name in layout.ROW:
        column = getattr(snapshot, name)
        width = column.itemsize
        assert column.strides == (layout.ROW_BYTES,) == (32,)
        assert not column.flags.writeable
        for number in range(len(column)):
            raw = whole[start + 32 * number :][:width]
            assert int(column[number]) == int.from_bytes(
                raw, "little", signed=column.dtype.kind == "i"
            )
        start += width
    for place in ((-1, 1), (0, -1), (len(whole) - 1, 1), (len(whole) - 32, 3)):
        with pytest.raises(ValueError, match="ad_bid lies outside"):
            layout.view(whole, "ad_bid", "<i8", (*place, layout.Way.PLAIN))


@pytest.mark.parametrize(
    "manifest", [b"{not json", b"", b"[]", b'{"version": %d}' % layout.VERSION, None]
)
def test_a_damaged_manifest_is_refused(
    info: SnapshotInfo, tmp_path: Path, manifest: bytes | None
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(info.path, copy)
    if manifest is None:
        (copy / layout.MANIFEST).unlink()
    else:
        (copy / layout.MANIFEST).write_bytes(manifest)
    for verify in (True, False):
        refused(copy, verify=verify)


def test_a_manifest_that_points_outside_the_file_is_refused(
    info: SnapshotInfo, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(info.path, copy)
    manifest = json.loads((copy / layout.MANIFEST).read_text())
    for place in ([1 << 40, 1, "plain"], [0, 1 << 40, "coded"], [-8, 1, "same"], [0, 1, "odd"]):
        manifest["arrays"]["ad_bid"] = place
        (copy / layout.MANIFEST).write_text(json.dumps(manifest))
        refused(copy)


@pytest.mark.parametrize(
    ("version", "remedy"), [(99, "newer build"), (1, "compile"), ("x", "compile")]
)
def test_another_version_is_refused_by_name(
    info: SnapshotInfo, tmp_path: Path, version: object, remedy: str
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(info.path, copy)
    manifest = json.loads((copy / layout.MANIFEST).read_text())
    (copy / layout.MANIFEST).write_text(json.dumps({**manifest, "version": version}))
    with pytest.raises(Unprocessable, match=remedy) as caught:
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


SETS = st.lists(st.sampled_from(["mobile", "tv", "toaster"]), max_size=2, unique=True).map(tuple)
DAYS = st.lists(st.integers(1, 7), max_size=5, unique=True).map(tuple)
APPS = st.lists(st.sampled_from(["app_demo", "app_b", "app_x"]), max_size=2, unique=True).map(tuple)
IAB = st.lists(st.sampled_from(["1", "2", "6", "422", "424", "653"]), max_size=2, unique=True)
AWAY = st.lists(st.sampled_from(["iab:2", "iab:422", "iab:668", "red", "gossip"]), max_size=2)
ENTRY = st.fixed_dictionaries(
    {
        "devices": SETS,
        "weekdays": DAYS,
        "apps": APPS,
        "blocked_apps": APPS,
        "topics": IAB.map(tuple),
        "blocked_topics": AWAY.map(tuple),
        "geos": st.sampled_from([(), ("US",), ("de", "JP")]),
        "starts_ms": st.sampled_from([None, NOW - 1, NOW + 86_400_000]),
        "pace_ppm": st.sampled_from([0, 500_000, 1_000_000]),
        "advertiser_id": st.sampled_from(["org_a", "org_b"]),
    }
)
HOST = st.fixed_dictionaries(
    {
        "allowed_advertisers": st.sampled_from([(), ("org_a",)]),
        "blocked_topics": st.sampled_from([(), ("1",), ("red", "iab:424")]),
        "relevance_floor_ppm": st.sampled_from([0, 900_000]),
    }
)


@given(st.lists(ENTRY, min_size=1, max_size=6), HOST, HOST)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_targeting_agrees_with_the_reference(
    tmp_path: Path, entries: list[dict[str, Any]], first: dict[str, Any], second: dict[str, Any]
) -> None:
    export = CatalogueExport(
        ads=tuple(ad(f"ad_{i}", "red shoes", **fields) for i, fields in enumerate(entries)),
        apps=(app(**first), app("app_b", **second)),
    )
    snapshot = Snapshot.open(compile_catalogue(export, tmp_path, expander=Expander(None, {})).path)
    texts = [
        "which red shoes should I buy?",
        "buy red shoes for my cat",
        "which suv or hotel should I buy?",
        "red shoes and a used car, best price please",
        "recommend cat food, I want to order today",
        "compare suv prices",
    ]
    assert verify_snapshot(snapshot, export, texts, now_ms=NOW) == ()


def test_forms_are_verified_against_the_string(info: SnapshotInfo) -> None:
    snapshot = Snapshot.open(info.path)
    tables = SimpleNamespace(**{name: getattr(snapshot, name) for name in layout.ARRAYS})
    # Every form in one bucket, and all of them with the print of the word: nothing is believed.
    tables.buckets = np.asarray([0, len(snapshot.prints), 0], dtype=np.int32)
    tables.prints = np.zeros_like(snapshot.prints)
    tables.seed, tables.bucket_bits = snapshot.seed, 1
    hashes = ((word, hash_text(snapshot.seed, word)) for word in map(str, range(1 << 22)))
    word = next(word for word, one in hashes if one % (1 << 16) == 0 and one < 1 << 63)
    found, unsure = Matcher(tables, 4, frozenset()).words(word)
    assert found == set()
    assert unsure  # those with symbols are compared by their words
    assert "laptop" in {snapshot.tag(tag) for tag in find_tags(snapshot, "laptop")}


def test_the_core_says_whether_it_is_compiled() -> None:
    about = core_info()
    assert isinstance(about["compiled"], bool)
    assert about["note"]
