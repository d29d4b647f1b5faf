"""Matching by meaning: vectors and words of ads, the same in compiled and plain form, and what a turn finds."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import encoder
from domain.catalogue import AdText, CatalogueExport
from domain.errors import Unprocessable
from fastpath import _vectors, layout, semantic
from fastpath.compile_vectors import compile_vectors
from fastpath.compile_words import other_number
from fastpath.compiler import compile_catalogue
from fastpath.decide import context_of, rank
from fastpath.expand import Expander
from fastpath.reading import read_turns
from fastpath.snapshot import Snapshot
from fastpath.text import fold
from fastpath.types import AdRequest, Turn
from tests.fastpath.sample_catalogue import NOW, ad, app, sample

needs_model = pytest.mark.skipif(
    not encoder.installed(), reason="the encoder is not built: run `python -m encoder.build`"
)


class Letters:
    """An embedder for tests: a text's vector counts its letters."""

    model_id = "letters"

    def __init__(self) -> None:
        self.seen: list[str] = []

    def embed(self, texts: Sequence[str]) -> Any:
        self.seen += texts
        rows = np.zeros((len(texts), encoder.DIM), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for char in text.lower():
                row[ord(char) % encoder.DIM] += 1
            row /= max(float(np.linalg.norm(row)), 1e-9)
        return rows


def plain_module() -> Any:
    path = Path(_vectors.__file__).with_name("_vectors.py")
    spec = spec_from_loader("fastpath._vectors_plain", SourceFileLoader("x", str(path)))
    assert spec is not None
    module = module_from_spec(spec)
    exec(compile(path.read_text("utf-8"), str(path), "exec"), module.__dict__)
    return module


PLAIN = plain_module()


def opened(
    folder: Path, export: CatalogueExport, embedder: Any, previous: Path | None = None
) -> Snapshot:
    info = compile_catalogue(
        export, folder, expander=Expander(None, {}), embedder=embedder, previous=previous
    )
    return Snapshot.open(info.path)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return opened(tmp_path_factory.mktemp("meaning"), sample(), Letters())


def many(count: int) -> Any:
    """Return tables with random ads, and a random query table for the word `query`."""
    random = np.random.default_rng(3)
    rows = random.integers(-127, 128, (count, 256)).astype(np.int8)
    slots, numbers = _vectors.open_table(["query", "other"])
    pieces = random.integers(-127, 128, (2, 256)).astype(np.int8)
    near = count // 2
    rows[near] = np.clip(pieces[0].astype(int) + random.integers(-20, 21, 256), -127, 127)
    norms = [int(np.sqrt(float(s)) * 1_000) for s in np.square(rows.astype(np.int64)).sum(axis=1)]
    empty = _vectors.open_table([])
    return near, SimpleNamespace(
        piece_slots=slots,
        piece_rows=numbers,
        piece_vectors=pieces.reshape(-1),
        piece_weights=np.array([500, 1_023], dtype="<u2"),
        ad_vectors=rows.reshape(-1),
        ad_vector_norms=np.array(norms, dtype="<i4"),
        ad_vector_bits=np.packbits(rows > 0, axis=1, bitorder="little").view("<u8").reshape(-1),
        word_slots=empty[0],
        word_rows=empty[1],
        word_weights=np.zeros(0, dtype="<i4"),
        word_offsets=np.zeros(1, dtype="<i8"),
        word_ads=np.zeros(0, dtype="<i4"),
        word_shares=np.zeros(0, dtype="|u1"),
    )


def test_the_glance_at_signs_finds_what_the_exact_comparison_finds() -> None:
    near, tables = many(6_000)
    vectors, plain = _vectors.Vectors(tables), PLAIN.Vectors(tables)
    exact = vectors.nearest("query", 5, 0, 0, 6_000)
    glanced = vectors.nearest("query", 5, 0, 0, 200)
    assert exact[0][0] == glanced[0][0] == near
    assert {number for number, _ in glanced} <= {
        n for n, _ in vectors.nearest("query", 400, 0, 0, 6_000)
    }
    for keep in (7, 200, 6_000):
        assert vectors.nearest("query", 50, 0, 0, keep) == plain.nearest("query", 50, 0, 0, keep)


def test_equal_ads_come_in_order_of_their_number_and_no_more_than_asked_for() -> None:
    _, tables = many(40)
    tables.ad_vectors = np.tile(tables.piece_vectors[:256], 40)
    tables.ad_vector_bits = np.tile(tables.ad_vector_bits[:4], 40)
    tables.ad_vector_norms = np.full(
        40, int(np.linalg.norm(tables.ad_vectors[:256].astype(float)) * 1_000)
    )
    tables.ad_vector_norms = tables.ad_vector_norms.astype("<i4")
    for module in (_vectors, PLAIN):
        found = module.Vectors(tables).nearest("query", 3, 0, 0, 10)
        assert [number for number, _ in found] == [0, 1, 2]
        assert module.Vectors(tables).nearest("query", 3, 1_100_000, 0, 10) == []
        assert module.Vectors(tables).nearest("query", 3, 0, 1_100_000, 10) == []
        assert module.Vectors(tables).nearest("unknown words only", 3, 0, 0, 10) == []


@given(text=st.text(max_size=400))
@settings(max_examples=120, deadline=None)
def test_any_text_gives_the_same_in_both_forms(snapshot: Snapshot, text: str) -> None:
    said = semantic.without_accents(fold(text))
    compiled = snapshot.vectors
    assert compiled is not None
    plain = PLAIN.Vectors(snapshot)
    assert compiled.query(said) == plain.query(said)
    for keep in (2, 100):
        assert compiled.nearest(said, 9, 0, 0, keep) == plain.nearest(said, 9, 0, 0, keep)


def test_only_the_first_four_thousand_characters_count(snapshot: Snapshot) -> None:
    vectors = snapshot.vectors
    assert vectors is not None
    head = "shoes " * 700
    assert vectors.query(head + "laptop") == vectors.query(head)
    assert vectors.query("") is None
    assert vectors.query("漢字 だけ") is None
    assert vectors.query("été café") != vectors.query("ete cafe")
    assert vectors.query(semantic.without_accents("été café")) == vectors.query("ete cafe")


def test_without_an_encoder_there_is_no_meaning(tmp_path: Path) -> None:
    bare = opened(tmp_path, sample(), None)
    assert bare.vectors is None
    assert semantic.similar(bare, "trail running shoes") == []
    assert all(not len(getattr(bare, name)) for name in layout.VECTORS)


def test_vectors_are_part_of_a_snapshots_identity_and_taken_over_by_the_next(
    tmp_path: Path,
) -> None:
    first = opened(tmp_path / "a", sample(), Letters())
    assert opened(tmp_path / "b", sample(), None).snapshot_id != first.snapshot_id
    changed = msgspec.structs.replace(sample().ads[0], ad_id="ad_zz", tags=("something else",))
    export = msgspec.structs.replace(sample(), ads=(*sample().ads, changed))
    embedder = Letters()
    step = opened(tmp_path / "c", export, embedder, previous=first.path)
    assert len(embedder.seen) == 3
    assert step.snapshot_id == opened(tmp_path / "d", export, Letters()).snapshot_id
    unreadable = Letters()
    opened(tmp_path / "e", export, unreadable, previous=tmp_path / "nothing")
    assert len(unreadable.seen) == 3 * len(export.ads)


def test_an_ad_without_english_text_has_no_vector(tmp_path: Path) -> None:
    texts = {"jpn": AdText(title="靴", description="走る靴", cta_text="見る")}
    ads = [ad("ad_a", "shoes", texts=texts), ad("ad_b", "shoes")]
    arrays = compile_vectors(ads, Letters())
    assert arrays["ad_vector_norms"].tolist()[0] == 0
    assert arrays["ad_vector_norms"].tolist()[1] > 0
    assert arrays["ad_vector_keys"].tolist()[0] == 0


@pytest.mark.parametrize(
    ("word", "other"),
    [
        ("shoe", "shoes"), ("shoes", "shoe"), ("watch", "watches"), ("watches", "watch"), ("baby", "babies"),
        ("babies", "baby"), ("dress", "dresses"), ("dresses", "dress"), ("toy", "toys"), ("bus", None),
        ("f250", None), ("tv", None), ("box", "boxes"), ("boxes", "box"),
    ],
)  # fmt: skip
def test_singular_and_plural_stand_for_each_other(word: str, other: str | None) -> None:
    assert other_number(word) == other


@needs_model
def test_word_pieces_are_cut_as_the_model_cuts_them(tmp_path: Path) -> None:
    table = encoder.query_table()
    row = {piece: i for i, piece in enumerate(table.pieces)}
    real = opened(tmp_path, sample(), Letters())
    vectors = real.vectors
    assert vectors is not None
    for text in (
        "unbelievably lightweight sneakers",
        "kohl's 4640 johndeere",
        "wi-fi & usb3.0 hubs",
        "z",
    ):
        sums = np.zeros(256, dtype=np.int64)
        for piece in encoder.load().pieces(text):
            if piece in row:
                sums += int(table.weights[row[piece]]) * table.vectors[row[piece]].astype(np.int64)
        most = np.abs(sums).max()
        wanted = np.sign(sums) * ((254 * np.abs(sums) + most) // (2 * most))
        assert vectors.query(text).tolist() == wanted.tolist()


@needs_model
@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("can you recommend jogging sneakers for a marathon?", "ad_shoes"),
        ("which notebook is good for students?", "ad_laptop"),
        ("explain quantum entanglement to me like I am five", None),
        ("thanks, that was helpful", None),
        ("Could I get a sugar-free vanilla latte with oat milk?", None),
        ("ランニングシューズを買いたい", None),
    ],
)
def test_what_is_meant_finds_its_ad_and_anything_else_none(
    tmp_path: Path, said: str, found: str | None
) -> None:
    def entry(ad_id: str, title: str, description: str, tag: str) -> Any:
        texts = {"eng": AdText(title=title, description=description, cta_text="See")}
        return ad(ad_id, tag, texts=texts)

    ads = (
        entry(
            "ad_shoes", "Running shoes for long distances", "Light and soft on every road.", "zzrun"
        ),
        entry(
            "ad_laptop", "Student laptop with long battery", "Thin notebook for school.", "zzbook"
        ),
        entry("ad_tax", "File your tax return online", "Done in twenty minutes.", "zztax"),
    )
    real = opened(tmp_path, CatalogueExport(ads=ads, apps=(app(),)), encoder.load())
    request = AdRequest(
        request_id="r", app_id="app_demo", conversation_id="c", message_id="m", turns=(Turn("user", said),),
        now_ms=NOW,
    )  # fmt: skip
    features = read_turns(real, request)
    names = [real.ad_id(number) for number, _ in features.similar]
    if found is None:
        assert names == []
        return
    assert features.matches == ()
    assert names == [found]
    ranked = rank(real, features, context_of(request, now_ms=NOW))
    assert [ad_id for ad_id, _ in ranked] == [found]


@needs_model
def test_an_ad_found_by_tag_and_by_meaning_counts_once_with_the_better(tmp_path: Path) -> None:
    texts = {
        "eng": AdText(title="Trail running shoes", description="Grip on wet rock.", cta_text="See")
    }
    export = CatalogueExport(ads=(ad("ad_a", "trail running shoes", texts=texts),), apps=(app(),))
    real = opened(tmp_path, export, encoder.load())
    request = AdRequest(
        request_id="r", app_id="app_demo", conversation_id="c", message_id="m",
        turns=(Turn("user", "which trail running shoes should I buy?"),), now_ms=NOW,
    )  # fmt: skip
    both = read_turns(real, request)
    context = context_of(request, now_ms=NOW)
    alone = [
        rank(real, msgspec.structs.replace(both, **part), context)[0][1]
        for part in ({"similar": ()}, {"matches": ()})
    ]
    assert rank(real, both, context) == (("ad_a", max(alone)),)


def test_damaged_vectors_are_refused_and_never_read_out_of_bounds(tmp_path: Path) -> None:
    snapshot = opened(tmp_path, sample(), Letters())
    path = snapshot.path / layout.VECTORS_FILE
    whole = path.read_bytes()
    places = {name: snapshot.manifest.arrays[name] for name in layout.VECTORS}
    assert all(count for _, count, _ in places.values())
    for start, _, _ in places.values():
        path.write_bytes(whole[:start] + bytes([whole[start] ^ 0x80]) + whole[start + 1 :])
        with pytest.raises(Unprocessable, match="checksum"):
            Snapshot.open(snapshot.path)
    for part in (whole[:-1], whole[:64], b"", whole + b"x"):
        path.write_bytes(part)
        with pytest.raises(Unprocessable):
            Snapshot.open(snapshot.path, verify=False)
    chance = np.random.default_rng(5)
    for _ in range(40):
        noise = bytearray(whole)
        for at in chance.integers(0, len(noise), 200).tolist():
            noise[at] = int(chance.integers(256))
        path.write_bytes(noise)
        unread = Snapshot.open(snapshot.path, verify=False)
        try:
            semantic.similar(unread, "trail running shoes and a laptop for coffee")
        except (IndexError, ValueError, OverflowError):
            continue  # a typed error, not a crash: without checksums any bytes may lie there
    path.write_bytes(whole)
    Snapshot.open(snapshot.path)
