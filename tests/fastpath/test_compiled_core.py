"""The compiled core and its source as plain Python give the same results."""

from __future__ import annotations

import gc
import random
import weakref
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auction.rank import order
from auction.types import Candidate, Rule
from domain.catalogue import CatalogueExport
from domain.formats import BidModel
from domain.randomness import draw
from fastpath import (
    _auction,
    _choose,
    _core,
    _decide,
    _edges,
    _fields,
    _fold,
    _fragments,
    _grams,
    _lexicon,
    _memory,
    _numbers,
    _points,
    _tongue,
    _turns,
    decide,
    model,
    reading,
)
from fastpath._memory import Memory
from fastpath.compiler import compile_catalogue
from fastpath.decide import choose, context_of
from fastpath.phrases import read_lexicon
from fastpath.plain import load as plain
from fastpath.snapshot import Snapshot
from fastpath.text import CONTRACTED, fold
from fastpath.types import AdRequest, Context, Match, Turn
from tests.fastpath.sample_catalogue import NOW, ad, app, sample


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return Snapshot.open(compile_catalogue(sample(), tmp_path_factory.mktemp("core")).path)


PIECES = st.sampled_from([
    "trail", "running", "shoes", "c++", "c#", ".net", "wi-fi", "asp.net", "coffee", "car insurance", "it's",
    "laptop", "nike's", "ノートパソコン", "自動車保険", "コーヒー", "を", " ", " ",
    " ", "-", "/", ". ", ", ", "\n\n", "'s ",
    "+", "#", "_", "é", "ß", "²", "\ud800", "\u200b", "…", "👟",
])  # fmt: skip


@given(st.lists(PIECES, max_size=20).map("".join) | st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_matching_is_the_same(text: str) -> None:
    folded = fold(text)
    ours, other = _matchers()
    assert ours.words(folded) == other.words(folded)
    starts = _SNAPSHOT[0].manifest.starts
    assert ours.characters(folded, starts) == other.characters(folded, starts)


_SNAPSHOT: list[Snapshot] = []


@pytest.fixture(autouse=True, scope="module")
def _opened(snapshot: Snapshot) -> None:
    _SNAPSHOT.append(snapshot)


def _matchers() -> tuple[_core.Matcher, _core.Matcher]:
    opened = _SNAPSHOT[0]
    longest = opened.manifest.longest_words
    return opened.matcher, plain("_core").Matcher(opened, longest, CONTRACTED)


@pytest.mark.parametrize("name", ["gate_eng.tsv", "intent_eng.tsv"])
def test_lexicons_are_the_same(name: str) -> None:
    chance = random.Random(4)
    phrases = [phrase for _, phrase in read_lexicon(name) if not phrase.startswith("~")]
    rows = [(i % 9, phrase.replace("'", "").split()) for i, phrase in enumerate(phrases)]
    classes = {"{age}": frozenset({"12", "17"}), "{grade}": frozenset({"5th"})}
    ours = _lexicon.Lexicon(rows, classes)
    other = plain("_lexicon").Lexicon(rows, classes)
    for _ in range(300):
        text = " ".join(chance.choices(phrases, k=3)).replace("*", "s").replace("...", "my own")
        text = text.replace("{age}", "12") + chance.choice(["", ".", " é", "'s", "²"])
        assert ours.scan(text) == other.scan(text)


@pytest.mark.parametrize("form", ["compiled", "plain"])
def test_words_found_harmless_are_not_looked_at_again_and_all_others_are(form: str) -> None:
    module = _lexicon if form == "compiled" else plain("_lexicon")
    lexicon = module.Lexicon([(0, ["kill"])], {}, watch=True)
    words = [f"w{number:06}" for number in range(30_000)]
    assert lexicon.scan(" ".join(words[:9]))[3] == [(8 * i, 8 * i + 7) for i in range(9)]
    for word in words:
        lexicon.harmless(word)
    again = sum(1 for word in words if lexicon.scan(word)[3])
    assert again < len(words) // 20  # the memory is bounded; few are pushed out of it
    assert lexicon.scan(words[-1])[3] == []
    assert all(lexicon.scan(f"v{number:06}")[3] for number in range(2_000))


def test_plain_python_sums_without_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bids beyond 64 bits take the source as plain Python; below, both give the same proposal."""
    chance = random.Random(9)
    ads = tuple(
        ad(
            f"a{i:03}", "laptop", advertiser_id=f"org_{i % 7}", house=i % 40 == 0,
            bid_micros=chance.choice([1_000_000, 2_000_000, 60_000, 3_000_000]),
            bid_model=chance.choice(list(BidModel)), geos=chance.choice([(), ("US",), ("JP",)]),
        )
        for i in range(300)
    )  # fmt: skip
    export = CatalogueExport(ads=ads, apps=(app(),))
    opened = Snapshot.open(compile_catalogue(export, tmp_path / "1").path)
    huge = (*ads, ad("big", "laptop", bid_micros=10**17), ad("next", "laptop", bid_micros=10**16))
    high = Snapshot.open(compile_catalogue(CatalogueExport(ads=huge, apps=(app(),)), tmp_path).path)
    assert opened.market.safe(50_000)
    assert not high.market.safe(50_000)
    assert not opened.market.safe(2**41)
    for number in range(30):
        asked = AdRequest(
            request_id=f"r{number}", app_id="app_demo", conversation_id="c", message_id="m", now_ms=NOW,
            turns=(Turn("user", "which laptop should I buy?"),), geo=chance.choice([None, "US"]),
        )  # fmt: skip
        context = context_of(asked, now_ms=NOW)
        features = reading.read_turns(opened, asked)
        proposal = choose(opened, features, context)
        few = choose(opened, features, context, kept=5)
        assert few.eligible == proposal.eligible[:5]
        assert few.dropped == proposal.dropped[:5]
        assert (few.winner, few.price_micros, few.vcg_micros, few.dropped_counts) == (
            proposal.winner, proposal.price_micros, proposal.vcg_micros, proposal.dropped_counts,
        )  # fmt: skip
        field = [Candidate(o.ad_id, "", o.bid_micros, o.weight) for o in proposal.eligible]
        assert [c.ad_id for c in order(asked.request_id, field)] == [c.ad_id for c in field]
        with monkeypatch.context() as patch:
            patch.setattr(Snapshot, "market", property(decide.plain_market))
            assert choose(opened, features, context) == proposal
        top = choose(high, features, context)
        assert [one.ad_id for one in top.eligible[:2]] == ["big", "next"]
        assert top.eligible_count == len(top.eligible)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_exploration_draws_what_the_seeded_draw_says(request_id: str) -> None:
    expected = int(draw(request_id, "explore") * 1_000_000)
    for module in (_auction, plain("_auction")):
        assert module.explored(request_id) == expected


@given(st.lists(PIECES, max_size=90).map("".join) | st.text(max_size=300))
@settings(max_examples=80, deadline=None)
def test_the_model_sums_the_grams_that_it_was_trained_on(text: str) -> None:
    folded = fold(text)
    loaded = model.shipped()
    weights = memoryview(np.arange(1 << 18, dtype=np.int64).astype(np.int8))
    ours = _grams.window_sum(folded, weights, 18, model.WINDOW, 50)
    assert ours == plain("_grams").window_sum(folded, weights, 18, model.WINDOW, 50)
    points = model.points_of(folded)
    assert (ours[2] >= 0x3041) == (model.language_of(points) == "jpn")
    if 5 <= len(points) <= model.WINDOW:
        buckets, _ = model.hash_grams(points, 18)
        assert ours[:2] == (sum(weights[int(b)] for b in buckets), len(points))
    assert loaded.fires(folded) == (
        loaded.score(folded) >= loaded.head.thresholds[model.language_of(points)]
    )


@given(st.lists(PIECES, max_size=20).map("".join) | st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_characters_are_of_the_same_kinds(text: str) -> None:
    folded = fold(text)
    ours, other = _points.reader().read(folded), plain("_points").reader().read(folded)
    assert list(ours.codes[: len(folded)]) == [ord(c) for c in folded]
    assert list(ours.kinds[: len(folded) + 1]) == list(other.kinds[: len(folded) + 1])
    assert (ours.text, ours.total, ours.seen) == (folded, len(folded), other.seen)
    for char, kind in zip(folded, ours.kinds, strict=False):
        assert bool(kind & _points.LETTER) == (char.isalnum() and not _points.japanese(char))
        assert bool(kind & _points.INNER) == (char.isalnum() or char == "_")
        assert bool(kind & _points.ALPHA) == (char.isalnum() and not char.isdecimal())
    _points.reader().give(ours)


def test_scratch_is_used_again_and_names_no_text() -> None:
    reader = _points.Reader()
    first = reader.read("secret")
    reader.give(first)
    assert first.text == ""
    again = reader.read("hi")
    assert again is first
    assert list(again.kinds[:3])[2] == 0
    assert reader.read("x" * 5_000) is not reader.read("y" * 5_000)


def test_all_loops_mean_the_same_kinds() -> None:
    """Every module has constants of its own, which C compilers like: they are those of `_points`."""
    held = {
        "_core": {"_LETTER": "LETTER", "_JOINED": "MARK", "_BLANK": "SPACE", "_BREAK": "BREAK"},
        "_lexicon": {"_ALNUM": "ALNUM", "_OVER": "MARK", "_SENTENCE": "SENTENCE"},
        "_tongue": {"_ALPHA": "ALPHA", "_WORD": "INNER"},
        "_numbers": {"_INNER": "INNER", "_DECIMAL": "DECIMAL", "_BLANK": "SPACE"},
        "_grams": {"_ALNUM": "ALNUM", "_DIGIT": "DIGIT"},
        "_fragments": {"_BLANK": "SPACE"},
    }
    held["_turns"] = {"_DECIMAL": "DECIMAL"}
    for name, constants in held.items():
        for ours, theirs in constants.items():
            assert getattr(plain(name), ours) == getattr(_points, theirs), (name, ours)


def test_fields_are_read_wherever_they_lie() -> None:
    class Later(Context):
        """A struct whose fields may lie elsewhere."""

    values: dict[str, Any] = {
        "request_id": "r",
        "app_id": "a",
        "now_ms": 7,
        "geo": "US",
        "shown": (("c", 2),),
    }
    for module in (_fields, plain("_fields")):
        fields = {name: module.Field(Context, name) for name in Context.__struct_fields__}
        for one in (Context(**values), Later(**values), SimpleNamespace(**values, test=True)):
            for name, value in (
                vars(one).items() if type(one) is SimpleNamespace else values.items()
            ):
                assert fields[name].of(one) == value
        assert fields["rule"].of(Context(**values)) is Rule.GSP
        assert module.Field(Plain, "named").of(Plain()) == "property"
        for wrong in (None, Match(1, 2, 3, True)):
            with pytest.raises(AttributeError):
                fields["geo"].of(wrong)


class Plain:
    """What has no slots."""

    @property
    def named(self) -> str:
        """Return a word."""
        return "property"


def test_there_is_one_source() -> None:
    for module in (
        _auction,
        _core,
        _choose,
        _decide,
        _edges,
        _fields,
        _fold,
        _fragments,
        _grams,
        _lexicon,
        _numbers,
        _points,
        _tongue,
        _turns,
        _memory,
    ):
        assert plain(module.__name__.rpartition(".")[2]).__file__.endswith(".py")
    assert not plain("_core").is_compiled()


TALKS = (
    ["which laptop should I buy under $900?", "A laptop, then.", "is the Lenovo any good"],
    ["hi", "Hello! What can I do for you?", "best running shoes and a hotel, please"],
    ["ノートパソコンのおすすめは？", "どんな用途ですか。", "動画編集、20万円まで"],
    ["I want to die", "I am sorry to hear that.", "which laptop?"],
    ["Bonjour, quel ordinateur portable choisir ?", "…", "privet", "laptop"],
    ["c++ and .net books, wi-fi router", "laptop " * 2_000],
)


@pytest.mark.parametrize("texts", TALKS, ids=range(len(TALKS)))
def test_turns_are_read_alike(snapshot: Snapshot, texts: list[str]) -> None:
    other = plain("_turns").Ear(snapshot)
    turns = tuple(Turn("assistant" if at % 2 else "user", text) for at, text in enumerate(texts))
    for memory in (Memory(b"k", size=0), Memory(b"k")):
        for _ in range(2):
            ours = reading.ear_of(snapshot).read(snapshot, turns, None, memory)
            assert ours == other.read(snapshot, turns, None, plain("_memory").Memory(b"k"))


def test_an_ear_keeps_no_snapshot(tmp_path: Path) -> None:
    """A snapshot that is swapped out goes at once, not when somebody looks for cycles."""
    opened = Snapshot.open(compile_catalogue(sample(), tmp_path).path)
    asked = AdRequest(
        request_id="r", app_id="app_demo", conversation_id="c", message_id="m", now_ms=NOW,
        turns=(Turn("user", "which laptop?"),),
    )  # fmt: skip
    reading.read_turns(opened, asked)
    gone = weakref.ref(opened)
    gc.collect()
    gc.disable()
    try:
        del opened
        assert gone() is None
    finally:
        gc.enable()
