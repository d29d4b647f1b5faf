"""Compiling many ads: what is taken over from the snapshot before, arrays in few bytes, tags by their hash."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.synthetic import Market
from domain.catalogue import AdEntry, CatalogueExport
from fastpath import compile_tags, layout
from fastpath._core import hash_text
from fastpath.compile_strings import Strings, hashes, same, words
from fastpath.compiler import SnapshotInfo, compile_catalogue
from fastpath.expand import Expander
from fastpath.match import find_tags
from fastpath.snapshot import Snapshot
from fastpath.verify import verify_snapshot
from tests.fastpath.sample_catalogue import ad, app

PLAIN = Expander(None, {})
ADS = 3_000


@pytest.fixture(scope="module")
def export() -> CatalogueExport:
    return Market(ADS, ADS, words=2_000).export


@pytest.fixture(scope="module")
def info(export: CatalogueExport, tmp_path_factory: pytest.TempPathFactory) -> SnapshotInfo:
    return compile_catalogue(export, tmp_path_factory.mktemp("large"), expander=PLAIN)


def files(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(path.iterdir())}


def changed(export: CatalogueExport, kind: str) -> CatalogueExport:
    """Return the catalogue after a change of 1 % of its ads."""

    def other(entry: AdEntry) -> AdEntry:
        if kind == "bid":
            return msgspec.structs.replace(entry, bid_micros=entry.bid_micros + 1)
        if kind == "tags":
            return msgspec.structs.replace(entry, tags=(*entry.tags, "quite new", "Crème+"))
        text = msgspec.structs.replace(entry.texts["eng"], title="Quite another title")
        return msgspec.structs.replace(entry, texts={"eng": text})

    ads = [other(one) if i % 100 == 7 else one for i, one in enumerate(export.ads)]
    if kind == "gone":
        ads = [one for i, one in enumerate(export.ads) if i % 100 != 7]
    if kind == "new":
        ads += Market(30, 30, words=500, seed=9).export.ads
    return msgspec.structs.replace(export, ads=tuple(ads))


@pytest.mark.parametrize("kind", ["bid", "tags", "text", "gone", "new"])
def test_a_change_reuses_most_blocks_and_equals_a_full_build(
    export: CatalogueExport, info: SnapshotInfo, tmp_path: Path, kind: str
) -> None:
    other = changed(export, kind)
    step = compile_catalogue(other, tmp_path / "a", previous=info.path, expander=PLAIN)
    full = compile_catalogue(other, tmp_path / "b", expander=PLAIN)
    assert files(step.path) == files(full.path)
    assert full.reused == 0
    blocks = len(Snapshot.open(full.path).block_ads)
    # One of the few ads the dictionary is cut from may be among those that changed: then none is reused.
    same_dictionary = np.array_equal(
        Snapshot.open(full.path).block_dictionary, Snapshot.open(info.path).block_dictionary
    )
    assert same_dictionary or kind != "bid"
    assert step.reused > blocks // 3 if same_dictionary else step.reused == 0


def test_a_damaged_snapshot_leaves_nothing_to_the_next(
    export: CatalogueExport, info: SnapshotInfo, tmp_path: Path
) -> None:
    old = compile_catalogue(export, tmp_path / "old", expander=PLAIN)
    texts = bytearray((old.path / layout.TEXTS).read_bytes())
    texts[len(texts) // 2] ^= 1
    (old.path / layout.TEXTS).write_bytes(texts)
    other = changed(export, "bid")
    step = compile_catalogue(other, tmp_path / "a", previous=old.path, expander=PLAIN)
    assert step.reused == 0


def test_every_ad_comes_back_and_arrays_agree_with_the_reference(
    export: CatalogueExport, info: SnapshotInfo
) -> None:
    snapshot = Snapshot.open(info.path)
    entries = {entry.ad_id: entry for entry in export.ads}
    for number in range(0, ADS, 7):
        entry = entries[snapshot.ad_id(number)]
        assert snapshot.ad(number) == msgspec.structs.replace(entry, tags=tuple(sorted(entry.tags)))
    texts = [
        f"which {entry.tags[0]} should I buy, {entry.tags[-1]}?" for entry in export.ads[::300]
    ]
    assert verify_snapshot(snapshot, export, texts) == ()


def test_arrays_that_say_little_take_little_room(info: SnapshotInfo) -> None:
    snapshot = Snapshot.open(info.path)
    ways = {name: way for name, (_, _, way) in snapshot.manifest.arrays.items()}
    assert ways["tag_form"] is layout.Way.COUNT
    assert ways["form_tags"] is layout.Way.COUNT
    assert ways["ad_house"] is layout.Way.SAME
    assert ways["tag_weight"] is layout.Way.CODED
    for name in ("tag_form", "ad_house", "tag_weight"):
        assert getattr(snapshot, name).dtype == np.dtype(layout.ARRAYS[name])
        with pytest.raises(ValueError, match="read-only"):
            getattr(snapshot, name)[0] = 1


@pytest.mark.parametrize("way", layout.Way)
@given(st.lists(st.integers(-3, 300), min_size=1, max_size=4), st.integers(0, 3_000))
def test_an_array_reads_as_it_was_whatever_way_it_is_written(
    way: layout.Way, values: list[int], more: int
) -> None:
    whole = np.arange(more) if way is layout.Way.COUNT else np.resize(values, len(values) + more)
    data, places = layout.pack({"tag_weight": whole}, {"tag_weight": "<i4"})
    assert layout.view(data, "tag_weight", "<i4", places["tag_weight"]).tolist() == whole.tolist()


def test_a_written_array_that_ends_too_soon_is_refused() -> None:
    data, places = layout.pack({"tag_weight": np.resize([5, 7], 2_000)}, {"tag_weight": "<i4"})
    assert places["tag_weight"][2] is layout.Way.CODED
    with pytest.raises(ValueError, match="buffer"):
        layout.view(data[:-1], "tag_weight", "<i4", places["tag_weight"])
    for way in (layout.Way.COUNT, layout.Way.SAME, layout.Way.CODED):
        with pytest.raises(ValueError, match="outside"):
            layout.view(data, "tag_weight", "<i4", (0, 1 << 40, way))


def test_tags_are_found_by_name_whatever_they_are_made_of(tmp_path: Path) -> None:
    names = ("c++", ".net", "wi-fi", "東京 ホテル", "東京", "café au lait", "tea", "nike's", "x")
    one = ad("ad_1", *names, topics=("2",), blocked_topics=("iab:1", "gossip"))
    export = CatalogueExport(ads=(one,), apps=(app(),))
    snapshot = Snapshot.open(compile_catalogue(export, tmp_path, expander=PLAIN).path)
    listed = snapshot.tags()
    assert {*names, "gossip", "iab:1", "iab:2"} <= set(listed)
    assert [snapshot.tag_number(name) for name in listed] == list(range(len(listed)))
    for name in ("", "unknown", "iab:none", "net", "nike", "東京ホテル", "\ud800"):
        assert snapshot.tag_number(name) == -1, name
    for text, tag in (("東京ホテルの予約", "東京 ホテル"), ("東京の予約", "東京")):
        assert tag in {snapshot.tag(found) for found in find_tags(snapshot, text)}


def test_two_tags_of_one_hash_get_another_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds = []

    def weak(seed: int, strings: Strings) -> object:
        seeds.append(seed)
        return hashes(seed, strings) & np.uint64(0 if len(seeds) == 1 else 2**64 - 1)

    monkeypatch.setattr(compile_tags, "hashes", weak)
    export = CatalogueExport(ads=(ad("ad_1", "tea", "cake"),), apps=(app(),))
    snapshot = Snapshot.open(compile_catalogue(export, tmp_path, expander=PLAIN).path)
    assert len(seeds) == 2
    assert snapshot.seed == seeds[1] != seeds[0]
    assert len(find_tags(snapshot, "tea and cake")) == 2


@given(st.lists(st.text("ab 9é茶-", max_size=9), max_size=9), st.integers(0, 2**64 - 1))
def test_strings_as_bytes_say_what_strings_say(texts: list[str], seed: int) -> None:
    strings = Strings.of(texts)
    assert strings.texts() == texts
    offsets, blob = strings.gathered()
    assert bytes(blob) == "".join(texts).encode()
    assert np.diff(offsets).tolist() == [len(text.encode()) for text in texts]
    found = hashes(seed, strings).tolist()
    ascii_only = [i for i, text in enumerate(texts) if text.isascii()]
    assert [found[i] for i in ascii_only] == [hash_text(seed, texts[i]) for i in ascii_only]
    plain, blanks = words(strings)
    for i, text in enumerate(texts):
        parts = text.split(" ")
        assert plain[i] == all(part.isascii() and part.isalnum() for part in parts)
        assert blanks[i] == text.count(" ")
    turned = np.arange(len(texts))[::-1]
    assert same(strings, strings)
    assert same(strings.take(turned), strings) == (texts == texts[::-1])
