"""What is fuzzed: every compiled loop against its own source as plain Python, and a whole decision."""

from __future__ import annotations

import tempfile
from collections.abc import Coroutine
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from domain.catalogue import AdText, CatalogueExport
from domain.ids import CountingIds, encode
from domain.time import FixedClock
from fastpath import (
    _core,
    _edges,
    _fragments,
    _grams,
    _lexicon,
    _numbers,
    _tongue,
    _trip,
    blocks,
    idlist,
    lexicons,
    record,
)
from fastpath.compiler import compile_catalogue
from fastpath.decide import choose, context_of
from fastpath.engine import FastPath
from fastpath.expand import Expander, read_table
from fastpath.language import evidence_of
from fastpath.local import LocalReservation
from fastpath.memory import Memory
from fastpath.plain import plain
from fastpath.reading import read_turns
from fastpath.receipt import Signer
from fastpath.reservation import VERDICTS, Ask, Keys, Ruling
from fastpath.snapshot import Snapshot
from fastpath.text import CONTRACTED, canonical_tag, fold, fold_whole
from fastpath.types import AdRequest, Answer, Consent, Turn
from tests.fastpath.sample_catalogue import NOW, ad, app, sample
from tests.fuzz.source import PIECES, Source

_WORDS = ("want", "to", "die", "kill*", "...", "a*", "{age}", "12", "the", "b")
_CLASSES = {"{age}": frozenset({"12", "17"})}


@cache
def snapshot() -> Snapshot:
    """Return the snapshot of the sample catalogue."""
    folder = Path(tempfile.mkdtemp(prefix="parley-fuzz-"))
    expander = Expander(None, read_table())
    return Snapshot.open(compile_catalogue(sample(), folder, expander=expander).path)


@cache
def _matchers() -> tuple[Any, Any]:
    opened = snapshot()
    longest = opened.manifest.longest_words
    return _core.Matcher(opened, longest, CONTRACTED), plain("_core").Matcher(
        opened, longest, CONTRACTED
    )


def matching(source: Source) -> None:
    """Words and characters of the matcher, and the Japanese edges."""
    folded = fold(source.text())
    ours, other = _matchers()
    assert ours.words(folded) == other.words(folded)
    starts = snapshot().manifest.starts
    hits = ours.characters(folded, starts)
    assert hits == other.characters(folded, starts)
    for start, end, _ in hits:
        alone = _edges.stands_alone(folded, start, end)
        assert alone == plain("_edges").stands_alone(folded, start, end)


def folding(source: Source) -> None:
    """The fold by table against the fold step by step."""
    text = source.text()
    assert fold(text) == fold_whole(text)


def lexicon(source: Source) -> None:
    """Random phrases over random texts."""
    rows = [
        (source.number(9), [source.choice(_WORDS) for _ in range(1 + source.number(5))])
        for _ in range(source.number(12))
    ]
    cover = source.number(9)
    folded = fold(source.text(600))
    ours = _lexicon.Lexicon(rows, _CLASSES, cover=cover, watch=True)
    other = plain("_lexicon").Lexicon(rows, _CLASSES, cover=cover, watch=True)
    assert ours.scan(folded) == other.scan(folded)
    assert ours.scan(folded + " " + folded) == other.scan(folded + " " + folded)


def fragments(source: Source) -> None:
    """Random fragments over random texts."""
    rows = [
        (fold(source.choice(PIECES)) or "x", 1 << source.number(64), source.number(3))
        for _ in range(source.number(12))
    ]
    loose, cover = 1 << source.number(64), 1 << source.number(64)
    text = fold(source.text())
    ours = _fragments.Trie(rows, loose, cover).scan(text)
    assert ours == plain("_fragments").Trie(rows, loose, cover).scan(text)


def grams(source: Source) -> None:
    """Windows of the gate's model over random weights."""
    bits = 1 + source.number(18)
    chance = np.random.default_rng(source.number(1 << 16))
    weights = chance.integers(-128, 127, 1 << bits).astype(np.int8)
    window, stride = 1 + source.number(300), 1 + source.number(90)
    folded = fold(source.text())
    ours = _grams.window_sum(folded, weights, bits, window, stride)
    assert ours == plain("_grams").window_sum(folded, weights, bits, window, stride)


def tongue(source: Source) -> None:
    """Language counts and numbers."""
    text = fold(source.text())
    made = [
        module.Tongue(
            {"the": ("eng",), "der": ("deu", "nld"), "a": ("eng", "por")}, {"ß": ("deu",), "ñ": ("spa",)},
            {"deu": ("ungen", "en"), "spa": ("ción",)}, "eng", ((0x1EA0, 0x1EF9, "vie", 6),),
            ((0xAC00, 0xD7AF, 0), (0x400, 0x52F, 1)),
        )
        for module in (_tongue, plain("_tongue"))
    ]  # fmt: skip
    assert made[0].evidence(text) == made[1].evidence(text)
    assert made[0].survey(text) == made[1].survey(text)
    about = (text, "$€", ("円", "usd"), ("under ", "max "))
    assert _numbers.numbers(*about) == plain("_numbers").numbers(*about)


def reading(source: Source) -> None:
    """Whole conversations, remembered and not."""
    texts = [source.text(500) for _ in range(1 + source.number(4))]
    turns = tuple(Turn(source.choice(("user", "assistant")), text) for text in texts)
    request = AdRequest(
        request_id="r", app_id="app_demo", conversation_id="c", message_id="m", now_ms=NOW, turns=turns,
        language=source.choice((None, "en", "ja", "de")),
    )  # fmt: skip
    memory: Memory = Memory(b"k" * 16, size=2)
    once = read_turns(snapshot(), request, memory=memory)
    assert read_turns(snapshot(), request, memory=memory) == once
    assert "gate_error" not in once.categories
    for text in texts:
        lexicons.shipped().read(fold(text))
        evidence_of(text)


def ids(source: Source) -> None:
    """Packed ids against the ids they were made of, and against the plain source."""
    prefix = source.choice(("ad_", "cmp_", "", "x"))
    made = [f"{prefix}{encode(source.number(1 << 62) << source.number(66))}" for _ in range(6)]
    if source.number(4) == 0:
        made.append(source.text(30).encode("utf-8", "replace").decode())
    kept, offsets, blob = idlist.pack(made)
    listed = idlist.IdList(kept, offsets, blob)
    assert list(listed) == made
    if kept:
        other = plain("_ids").Packed(kept, blob)
        assert [other.text(i) for i in range(len(made))] == made


def entries(source: Source) -> None:
    """Any texts of an ad through the blocks' writer and reader."""
    said = [source.text(40).encode("utf-8", "replace").decode() for _ in range(5)]
    one = ad(
        "ad_1", "tea", payer=said[0], image_url=source.choice((None, said[1])),
        texts={"eng": AdText(title=said[2], description=said[3], cta_text="x", question=said[4])},
    )  # fmt: skip
    tags = sorted({canonical_tag(source.choice(PIECES)) for _ in range(4)} - {""})
    tags = [tag for tag in tags if not any("\ud800" <= char <= "\udfff" for char in tag)]
    stored = blocks.read_entry(blocks.Writer().entry(one, tags), tags)
    assert (stored.payer, stored.image_url, stored.texts) == (one.payer, one.image_url, one.texts)


def deciding(source: Source) -> None:
    """A random catalogue, compiled, opened, asked."""
    ads = tuple(
        ad(
            f"a{number:02}", source.choice(PIECES), bid_micros=source.number(1 << 20),
            negative_tags=(source.choice(PIECES),), geos=source.choice(((), ("US",), ("JP",))),
            house=source.number(4) == 0,
        )
        for number in range(source.number(12))
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        export = CatalogueExport(ads=tuple(one for one in ads if _sound(one)), apps=(app(),))
        info = compile_catalogue(export, Path(folder), expander=Expander(None, {}))
        opened = Snapshot.open(info.path)
        request = AdRequest(
            request_id="r", app_id="app_demo", conversation_id="c", message_id="m", now_ms=NOW,
            turns=(Turn("user", source.text(400)),), geo=source.choice((None, "US")),
        )  # fmt: skip
        features = read_turns(opened, request)
        proposal = choose(opened, features, context_of(request, now_ms=NOW))
        assert proposal == choose(opened, features, context_of(request, now_ms=NOW))


def answering(source: Source) -> None:
    """A whole answer under any ids, as an app may send them; its words for the state, compiled and not."""
    state = _Listening(unmetered=True, most=8)
    path = FastPath(
        snapshot(),
        state,
        Signer(bytes(32)),
        b"n" * 32,
        FixedClock(NOW),
        CountingIds(),
        caps_key=b"c" * 32,
    )
    request = AdRequest(
        request_id=CountingIds().new("req"), app_id=source.choice(("app_demo", "app_\u00e9\u3042", "x" * 200)),
        conversation_id=source.text(300), message_id=source.text(300), now_ms=NOW,
        turns=(Turn("user", source.choice(("which laptop should I buy?", source.text(300)))),),
        user_id=source.choice((None, source.text(60))), device=source.choice((None, source.text(9), "mobile")),
        consent=Consent(ads=source.choice((None, True, False)), personalisation=True),
        blocked_topics=(source.text(20),), topics=(source.text(20),), test=source.number(4) == 0,
    )  # fmt: skip
    for _ in range(1 + source.number(3)):
        assert msgspec.json.decode(_finished(path.answer_bytes(request)), type=Answer).request_id
    keys = Keys(source.choice(("", "{parley}", "x" * 9)))
    made = [module.Parts(keys, VERDICTS) for module in (_trip, plain("_trip"))]
    for ask in state.asked:
        for name in ("refused", "wanted"):
            ours, other = (getattr(one, name)(ask) for one in made)
            assert ours == other
        assert record.decode(ask.record).context.request_id == request.request_id


def _finished(work: Coroutine[Any, Any, bytes]) -> bytes:
    """Return what a coroutine returns that waits for nothing."""
    try:
        work.send(None)
    except StopIteration as done:
        return bytes(done.value)
    raise AssertionError("it waits")


class _Listening(LocalReservation):
    """A state in memory that remembers what it was asked."""

    def __init__(self, **how: Any) -> None:
        super().__init__(**how)
        self.asked: list[Ask] = []

    async def reserve(self, ask: Ask) -> Ruling:
        self.asked.append(ask)
        return await super().reserve(ask)


def _sound(one: Any) -> bool:
    """Return whether a catalogue can hold an ad: it refuses lone surrogates."""
    return not any(
        "\ud800" <= char <= "\udfff" for tag in one.tags + one.negative_tags for char in tag
    )


TARGETS = {
    one.__name__: one
    for one in (
        matching,
        folding,
        lexicon,
        fragments,
        grams,
        tongue,
        reading,
        deciding,
        answering,
        ids,
        entries,
    )
}


def run(data: bytes) -> None:
    """Run the target that the first byte names."""
    source = Source(data)
    source.choice(tuple(TARGETS.values()))(source)
