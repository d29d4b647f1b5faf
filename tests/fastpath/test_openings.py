"""The filter of words that begin longer tags spares look-ups and never a match."""

from __future__ import annotations

import random

import pytest

from domain.catalogue import CatalogueExport
from fastpath.compiler import compile_catalogue
from fastpath.expand import Expander
from fastpath.match import find_tags
from fastpath.openings import openings
from fastpath.snapshot import Snapshot
from tests.fastpath.sample_catalogue import ad, app

TAGS = (
    "wi-fi router", "wi-fi", ".net course", "c++ book for children", "c++", "3d printer", "crème brûlée torch",
    "über uns", "nike's shoes", "nike shoes", "trail running shoes", "running", "東京 hotel guide", "hotel",
    "24/7 dental care", "at&t phone plan", "ｗｉｄｅ screen", "ñandú tour", "a b c d", "e-mail", "don't panic",
)  # fmt: skip
ODDMENTS = (
    "the",
    "of",
    "and",
    "router",
    "shoes",
    "net",
    "c",
    "book",
    "wi",
    "fi",
    ".",
    "-",
    "'s",
    "é",
    "東京",
)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    ads = tuple(ad(f"a{number:03}", tag) for number, tag in enumerate(TAGS))
    info = compile_catalogue(
        CatalogueExport(ads=ads, apps=(app(),)),
        tmp_path_factory.mktemp("openings"),
        expander=Expander(None, {}),
    )
    return Snapshot.open(info.path)


def found(snapshot: Snapshot, text: str) -> list[str]:
    return sorted(map(snapshot.tag, find_tags(snapshot, text)))


def test_every_tag_is_found_with_the_filter_as_without(snapshot: Snapshot) -> None:
    chance = random.Random(5)
    texts = [*TAGS, *(f"I want {tag} now" for tag in TAGS)]
    texts += [" ".join(chance.choices([*TAGS, *ODDMENTS], k=6)) for _ in range(2_000)]
    snapshot.matcher.opening = bytearray(b"\xff" * 32_768)
    before = [found(snapshot, text) for text in texts]
    assert sum(map(len, before)) > 1_000
    snapshot.matcher.opening = openings(snapshot)
    assert [found(snapshot, text) for text in texts] == before
    for tag in ("wi-fi router", "c++ book for children", "trail running shoes", "a b c d"):
        assert tag in found(snapshot, f"some {tag}, please")


def test_most_words_are_known_to_begin_nothing(snapshot: Snapshot) -> None:
    bits = int.from_bytes(openings(snapshot), "little").bit_count()
    assert 10 <= bits < 200


def test_touching_a_snapshot_makes_the_filter(snapshot: Snapshot) -> None:
    snapshot.matcher.opening = bytearray(b"\xff" * 32_768)
    snapshot.pre_touch()
    assert bytes(snapshot.matcher.opening) == bytes(openings(snapshot))
