"""What a snapshot holds beside tags: the gate's model, targeting, IAB topics, weights, packed ids and texts."""

from __future__ import annotations

import shutil
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.catalogue import AdEntry, AdText, Cap, CapScope, CatalogueExport, Pacing
from domain.ids import encode, stable_id
from fastpath import gate, idlist, layout, model
from fastpath.blocks import END, Blocks, Writer, read_entry
from fastpath.compiler import compile_catalogue
from fastpath.expand import Expander
from fastpath.idlist import IdList, pack
from fastpath.match import find_tags
from fastpath.memory import Memory
from fastpath.reading import read_turns
from fastpath.snapshot import Snapshot
from fastpath.text import canonical_tag
from fastpath.topics import shipped, tag_of
from fastpath.types import AdRequest, Turn
from fastpath.weight import log2_units, tag_weights
from tests.fastpath.sample_catalogue import NOW, ad, app, sample

PLAIN = Expander(None, {})


def compiled(folder: Path, *ads: AdEntry, warnings: int = 0) -> Snapshot:
    export = CatalogueExport(ads=ads, apps=(app(), app("app_other")))
    info = compile_catalogue(export, folder, expander=PLAIN)
    assert len(info.warnings) == warnings, info.warnings
    return Snapshot.open(info.path)


def number(snapshot: Snapshot, ad_id: str) -> int:
    return [snapshot.ad_id(i) for i in range(snapshot.manifest.ads)].index(ad_id)


def asks(text: str) -> AdRequest:
    return AdRequest(
        request_id="req_1", app_id="app_demo", conversation_id="c", message_id="m",
        turns=(Turn("user", text),), now_ms=NOW,
    )  # fmt: skip


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that takes everything for sensitive."""
    path = tmp_path_factory.mktemp("gate") / "strict.bin"
    head = model.load().head
    always = model.Head(head.features, head.bits, {"eng": -(1 << 40), "jpn": -(1 << 40)}, {})
    path.write_bytes(model.dump(always, np.zeros(1 << head.bits, np.int8)))
    return path


def test_the_model_in_the_snapshot_decides(strict: Path, tmp_path: Path) -> None:
    here = Snapshot.open(compile_catalogue(sample(), tmp_path).path)
    info = compile_catalogue(sample(), tmp_path, gate_model=strict)
    other = Snapshot.open(info.path)
    assert other.snapshot_id != here.snapshot_id
    assert other.gate_model.digest == other.manifest.gate == model.load(strict).digest
    assert here.gate_model.digest == gate.ready()
    memory: Memory = Memory(b"secret")
    for _ in range(2):  # what was remembered under one model is not believed under another
        assert read_turns(here, asks("which laptop?"), memory=memory).categories == ()
        found = read_turns(other, asks("which laptop?"), memory=memory)
        assert found.categories == (gate.INDIRECT,)


def test_a_snapshot_whose_model_is_another_or_gone_closes_the_gate(
    strict: Path, tmp_path: Path
) -> None:
    info = compile_catalogue(sample(), tmp_path)
    size = info.path / layout.GATE_MODEL
    padded = strict.read_bytes()
    snapshot = Snapshot.open(info.path, verify=False)
    size.write_bytes(padded)
    with pytest.raises(model.GateModelError):
        _ = snapshot.gate_model
    asked = asks("which laptop?")
    assert read_turns(snapshot, asked, memory=Memory(b"a")).categories == ("gate_error",)
    size.unlink()
    assert read_turns(snapshot, asked, memory=Memory(b"a")).categories == ("gate_error",)


def test_a_catalogue_is_not_compiled_with_a_damaged_model(tmp_path: Path) -> None:
    with pytest.raises(model.GateModelError):
        compile_catalogue(sample(), tmp_path, gate_model=tmp_path / "none.bin")


def test_targeting_is_columns(tmp_path: Path) -> None:
    snapshot = compiled(
        tmp_path,
        ad("ad_free", "tea"),
        ad(
            "ad_bound", "tea", devices=("mobile", "tv"), weekdays=(1, 7), apps=("app_other", "app_x"),
            blocked_apps=("app_demo", "app_y"), pace_ppm=250_000,
        ),
        ad("ad_odd", "tea", devices=("toaster",), weekdays=(9,), pace_ppm=7_000_000),
        warnings=2,
    )  # fmt: skip
    free, bound, odd = (number(snapshot, f"ad_{name}") for name in ("free", "bound", "odd"))
    rules = snapshot.ad_rule[[free, bound, odd]]
    assert rules[0] == 0
    assert snapshot.rule_devices[rules].tolist() == [127, 0b1010, 0]
    assert snapshot.rule_weekdays[rules].tolist() == [127, 0b1000001, 0]
    assert snapshot.row(snapshot.rule_app_offsets, snapshot.rule_apps, 0) == []
    assert snapshot.row(snapshot.rule_app_offsets, snapshot.rule_apps, rules[1]) == [
        layout.NO_APP,
        snapshot.names.app_ids.index("app_other"),
    ]
    assert snapshot.row(snapshot.rule_app_block_offsets, snapshot.rule_app_blocks, rules[1]) == [
        snapshot.names.app_ids.index("app_demo")
    ]
    assert snapshot.ad_pace[[free, bound, odd]].tolist() == [1_000_000, 250_000, 1_000_000]


def test_an_entry_comes_back_whole(tmp_path: Path) -> None:
    entry = ad(
        "ad_full", "coffee", "tea", negative_tags=("beer",), geos=("DE", "US"), starts_ms=1, ends_ms=2,
        languages=("eng",), blocked_topics=("politics", "iab:386"), budget_total_micros=5,
        budget_daily_micros=4, devices=("tv",), weekdays=(3,), apps=("app_demo",), topics=("2",),
        blocked_apps=("app_other",), caps=(Cap(CapScope.USER, 3, 86_400_000),), pacing=Pacing.EVEN,
        pace_ppm=400_000, image_url="https://example.com/a.png", quality_ppm=900_000, currency="EUR",
    )  # fmt: skip
    snapshot = compiled(tmp_path, entry)
    assert snapshot.ad(0) == entry
    assert snapshot.ad(0) is snapshot.ad(0)


def test_an_ad_bought_on_a_topic_stands_for_all_below_it(tmp_path: Path) -> None:
    snapshot = compiled(
        tmp_path,
        ad("ad_auto", topics=("1",), bid_micros=5),
        ad("ad_suv", topics=("IAB:6",), bid_micros=9),
        ad("ad_cat", topics=("424",), bid_micros=7),
        ad("ad_gone", "tea", topics=("no such topic",)),
        warnings=1,
    )
    suv, auto = snapshot.topic_number("6"), snapshot.topic_number("iab:1")
    shown = snapshot.row(snapshot.topic_post_offsets, snapshot.topic_posts, suv)
    assert [snapshot.ad_id(one) for one in shown] == ["ad_suv", "ad_auto"]
    shown = snapshot.row(snapshot.topic_post_offsets, snapshot.topic_posts, auto)
    assert [snapshot.ad_id(one) for one in shown] == ["ad_auto"]
    contents = snapshot.ad_contents(number(snapshot, "ad_suv"))
    assert {snapshot.names.topics[one] for one in contents} == {"1", "2", "6"}
    assert snapshot.topic_number("no such topic") == -1
    assert snapshot.tag(int(snapshot.topic_tag[suv])) == "iab:6"


def test_the_words_of_a_topic_are_tags_that_say_less(tmp_path: Path) -> None:
    snapshot = compiled(tmp_path, ad("ad_auto", topics=("1",)), ad("ad_tag", "suv"))
    found = {snapshot.tag(tag): tag for tag in find_tags(snapshot, "which SUV would you buy?")}
    assert set(found) == {"suv", "iab:6"}
    assert snapshot.tag_weight[found["iab:6"]] < snapshot.tag_weight[found["suv"]]
    posts = snapshot.row(snapshot.post_offsets, snapshot.post_ads, found["iab:6"])
    assert [snapshot.ad_id(one) for one in posts] == ["ad_auto"]
    assert find_tags(snapshot, "iab:6 and kittens") == {}


def test_no_advertiser_can_write_a_topic_as_a_tag(tmp_path: Path) -> None:
    snapshot = compiled(tmp_path, ad("ad_bad", "iab:6", "tea"), warnings=1)
    assert list(snapshot.tags()) == ["tea"]


def test_a_blocked_topic_covers_all_below_it(tmp_path: Path) -> None:
    snapshot = compiled(tmp_path, ad("ad_shy", "tea", blocked_topics=("iab:1", "gossip")))
    assert {"gossip", tag_of("1"), tag_of("6")} <= snapshot.topics
    found = {snapshot.tag(tag) for tag in find_tags(snapshot, "my suv")}
    assert found == {"iab:6"}


def test_health_politics_and_grief_are_not_read_from_words() -> None:
    taxonomy = shipped()
    silent = [
        topic for top in ("286", "v9i3On", "386", "453", "380") for topic in taxonomy.below(top)
    ]
    assert len(silent) > 60
    assert not any(taxonomy.words[topic] for topic in (*silent, "187", "171"))
    assert sum(map(bool, taxonomy.words.values())) > 400
    for topic, above in taxonomy.parents.items():
        assert not above or above in taxonomy.parents, topic
        assert all(0 < word.count(" ") + 1 <= 4 for word in taxonomy.words[topic]), topic


def test_rare_tags_weigh_more() -> None:
    weights = tag_weights(np.asarray([1, 10, 1_000, 100_000, 0]), 100_000, [False] * 5).tolist()
    assert weights[0] == weights[4] == 1_000_000
    assert weights[0] > weights[1] > weights[2] > weights[3] == 250_000
    topics = tag_weights(np.asarray([1, 10]), 100_000, [True] * 2).tolist()
    assert [weight * 2 for weight in topics] == weights[:2]
    assert tag_weights(np.zeros(0, np.int64), 0, []).tolist() == []


@given(st.integers(1, 1 << 60))
def test_logarithms_are_close(value: int) -> None:
    assert abs(log2_units(value) / (1 << 20) - np.log2(float(value))) < 1e-5


@pytest.mark.parametrize("made", [True, False])
def test_ids_come_back_and_are_found(made: bool) -> None:
    ids = sorted(stable_id("ad", str(i)) if made else f"ad-{i}é" for i in range(300))
    prefix, offsets, blob = pack(ids)
    listed = IdList(prefix, offsets, blob)
    assert list(listed) == ids
    assert [listed.number(one) for one in ids] == list(range(300))
    assert listed[-1] == ids[-1]
    assert listed[3:5] == ids[3:5]
    assert ids[7] in listed
    assert "ad_nothing" not in listed
    assert 7 not in listed  # type: ignore[comparison-overlap]
    assert len(blob) == 300 * 16 or not made
    with pytest.raises(IndexError):
        listed[300]


def test_ids_of_two_kinds_are_kept_as_text() -> None:
    ids = [stable_id("ad", "a"), "ad_8" + "0" * 25]
    assert pack(ids)[0] == ""
    assert list(IdList(*pack(ids))) == ids
    assert list(IdList(*pack([]))) == []


def test_texts_come_back_out_of_their_blocks(tmp_path: Path) -> None:
    ads = tuple(
        ad(
            f"ad_{i:04}",
            "tea",
            f"green tea {i}",
            landing_url=f"https://e.example/green-tea-{i}/{i}",
        )
        for i in range(400)
    )
    snapshot = Snapshot.open(
        compile_catalogue(CatalogueExport(ads=ads), tmp_path, expander=PLAIN).path
    )
    assert [snapshot.ad(i).landing_url for i in range(400)] == [one.landing_url for one in ads]
    sizes = np.diff(snapshot.block_ads, append=400)
    assert 3 < len(sizes) < 40
    assert sizes.max() <= 128
    texts = (snapshot.path / layout.TEXTS).read_bytes()
    assert len(texts) < sum(len(msgspec.msgpack.encode(one)) for one in ads) / 8
    blank = Blocks(
        bytes(len(texts)), snapshot.block_offsets, snapshot.block_ads, snapshot.block_dictionary
    )
    with pytest.raises(ValueError, match="unpacked"):
        blank.read(0, ("tea",))


TEXT = st.lists(
    st.sampled_from(
        [
            "tea",
            "Tea",
            " ",
            "-",
            "\x00",
            "\x01",
            "\x1a",
            "\x1c",
            "\x1e",
            "\x1f",
            "é",
            "茶",
            "{",
            "\n",
        ]
    ),
    max_size=8,
).map("".join)


@given(TEXT, TEXT, st.none() | TEXT, st.none() | TEXT, st.lists(TEXT, max_size=5))
def test_any_entry_comes_back_whatever_its_texts_hold(
    title: str, payer: str, image: str | None, question: str | None, tags: list[str]
) -> None:
    text = AdText(title=title, description=payer, cta_text="tea-time", question=question)
    entry = ad("ad_1", "x", payer=payer, image_url=image, texts={"eng": text, "jpn": text})
    names = sorted({canonical_tag(tag) for tag in tags} - {""})
    writer = Writer()
    data = writer.entry(entry, names)
    assert END not in data
    stored = read_entry(data, names)
    assert stored.texts == entry.texts
    assert (stored.payer, stored.image_url) == (payer, image)
    assert stored.advertiser_name == entry.advertiser_name
    assert stored.landing_url == entry.landing_url
    capped = msgspec.structs.replace(entry, budget_daily_micros=7, devices=("tv",))
    rest = read_entry(writer.entry(capped, names), names).rest
    assert (rest.budget_daily_micros, rest.devices) == (7, ("tv",))


def test_a_compile_of_what_is_there_writes_nothing(tmp_path: Path) -> None:
    info = compile_catalogue(sample(), tmp_path)
    before = (info.path / layout.MANIFEST).stat().st_mtime_ns
    assert compile_catalogue(sample(), tmp_path) == info
    assert (info.path / layout.MANIFEST).stat().st_mtime_ns == before
    (info.path / layout.TEXTS).write_bytes(b"damaged")
    assert compile_catalogue(sample(), tmp_path) == info
    Snapshot.open(info.path)
    shutil.rmtree(info.path)


@given(st.sets(st.integers(0, 2**128 - 1), max_size=40), st.text(max_size=32))
def test_ids_are_found_by_the_compiled_and_the_plain_search(values: set[int], odd: str) -> None:
    ids = sorted(f"cmp_{encode(value)}" for value in values)
    listed = IdList(*pack(ids))
    plain = _plain_packed()("cmp_", pack(ids)[2]) if ids else None
    for at, one in enumerate(ids):
        assert listed.number(one) == at
        assert plain is not None
        assert plain.number(one, len(ids)) == at
    others = [odd, f"cmp_{odd}", "cmp_" + "8" + "0" * 25, "cmp_" + "i" * 26, "app_" + "0" * 26]
    for one in [*others, f"cmp_{encode(2**127 + 1)}"]:
        wanted = ids.index(one) if one in ids else -1
        assert listed.number(one) == wanted
        assert plain is None or plain.number(one, len(ids)) == wanted


def _plain_packed() -> Any:
    path = Path(idlist.__file__).with_name("_ids.py")
    spec = spec_from_loader(
        "fastpath._ids_plain", SourceFileLoader("fastpath._ids_plain", str(path))
    )
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Packed
