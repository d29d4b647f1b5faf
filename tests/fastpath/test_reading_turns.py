"""Reading a conversation: remembered or not, hidden words, huge and broken texts, other languages."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from enum import StrEnum
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastpath
from fastpath import language, lexicons
from fastpath._numbers import MODEL, PRICE
from fastpath.compiler import compile_catalogue
from fastpath.gate import categories_of, lexicon_categories
from fastpath.intent import numbers_too, read_intent
from fastpath.language import Evidence, detect, evidence_of
from fastpath.memory import Memory
from fastpath.phrases import DATA
from fastpath.reading import MAX_CHARS, MAX_MATCHES, MAX_TURNS, read_turns
from fastpath.snapshot import Snapshot
from fastpath.text import fold, fold_whole
from fastpath.types import AdRequest, Features, Reason, Turn
from tests.fastpath.reading_reference import evidence_slowly, numbers_slowly, phrases_slowly
from tests.fastpath.sample_catalogue import NOW, sample

PIECES = st.sampled_from([
    "kill", " myself", "I want to ", "die", "legal thriller", "hi", "thanks", " so much", "buy", "best laptop",
    "under $200", "iphone15", "20円", "死にたい", "おすすめ", "こんにちは", "ありがとう", "自動車保険", "ローン",
    "カー", "ゲーム", "、", "。", "für", "über", "ñ", "ção", "merci", "привет", "안녕", "这个", "東京", " ", " ",
    "'", "'s ", "_", "-", ". ", "! ", "\n", "\n\n", "\t", "é", "\u0301", "\u3099", "½", "…", "’", "“", "Ａ",
    "ｶﾞ", "👍", "❤️", "\u200b", "\u202e", "\ud800", "²", "٣",
])  # fmt: skip
TEXTS = st.lists(PIECES, max_size=14).map("".join) | st.text(max_size=60)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return Snapshot.open(compile_catalogue(sample(), tmp_path_factory.mktemp("reading")).path)


def asked(*texts: str, hint: str | None = None, roles: str = "u") -> AdRequest:
    turns = tuple(
        Turn("user" if roles[i % len(roles)] == "u" else "assistant", text)
        for i, text in enumerate(texts)
    )
    return AdRequest(
        request_id="r", app_id="app_demo", conversation_id="c", message_id="m", now_ms=NOW,
        turns=turns, language=hint,
    )  # fmt: skip


@given(TEXTS)
@settings(max_examples=400, deadline=None)
def test_the_quick_fold_is_the_fold(text: str) -> None:
    assert fold(text) == fold_whole(text)
    assert fold(fold(text)) == fold_whole(fold_whole(text))


@given(TEXTS)
@settings(max_examples=300, deadline=None)
def test_compiled_reading_agrees_with_the_slow_one(text: str) -> None:
    folded = fold(text)
    gate, signals, greeting = lexicons.shipped().read(folded)
    assert (set(gate), set(signals), greeting) == phrases_slowly(folded)
    assert evidence_of(text) == evidence_slowly(text)
    said = numbers_too(frozenset(), False, folded)
    assert ("price" in said.signals, "model" in said.signals) == numbers_slowly(folded)
    assert (PRICE, MODEL) == (1, 2)


@given(st.lists(TEXTS, min_size=1, max_size=5), st.sampled_from([None, "en", "ja", "de"]))
@settings(max_examples=60, deadline=None)
def test_remembered_readings_change_nothing(texts: list[str], hint: str | None) -> None:
    opened = _SNAPSHOT[0]
    memory: Memory = Memory(b"k" * 16, size=3)
    nothing: Memory = Memory(b"k" * 16, size=0)
    for end in range(1, len(texts) + 1):
        request = asked(*texts[:end], hint=hint, roles="ua")
        once = read_turns(opened, request, memory=nothing)
        assert read_turns(opened, request, memory=memory) == once
        assert read_turns(opened, request, memory=memory) == once
    assert len(memory) <= 6


_SNAPSHOT: list[Snapshot] = []


@pytest.fixture(autouse=True, scope="module")
def _opened(snapshot: Snapshot) -> Iterator[None]:
    _SNAPSHOT.append(snapshot)
    yield
    _SNAPSHOT.clear()


HELD = ("model", "categories", "said", "evidence", "source", "tags")


def test_the_memory_holds_no_text_and_stays_small(snapshot: Snapshot) -> None:
    memory: Memory = Memory(b"k" * 16, size=8)
    for number in range(50):
        read_turns(snapshot, asked(f"which zyzzyva {number} laptop should I buy"), memory=memory)
    assert len(memory) <= 16
    kept = repr([(key, [getattr(one, name) for name in HELD]) for key, one in memory.young.items()])
    assert "zyzzyva" not in kept
    assert "laptop" not in kept
    assert memory.key("a") != Memory(b"other" * 3).key("a")
    assert memory.key("\ud800") != memory.key("\ud801")


def test_tags_are_read_again_for_another_snapshot(snapshot: Snapshot, tmp_path: Path) -> None:
    other = Snapshot.open(compile_catalogue(type(sample())(ads=(), apps=()), tmp_path).path)
    memory: Memory = Memory(b"k" * 16)
    request = asked("which laptop should I buy?")
    assert read_turns(snapshot, request, memory=memory).matches
    assert not read_turns(other, request, memory=memory).matches
    assert read_turns(snapshot, request, memory=memory).matches


@pytest.mark.parametrize(
    "text",
    [
        "I'm thinking of sui\u200bcide", "sui\u2060cide", "s\u00adu\u00adicide", "sui\ufe0fcide",
        "su\u034fi\u180bcide", "s\u0336u\u0336i\u0336c\u0336i\u0336d\u0336e\u0336", "\u202esuicide\u202c",
        "su\ufeffici\U000e0041de", "ＳＵＩＣＩＤＥ",
        "死\u200bにた\u2060い",
    ],
)  # fmt: skip
def test_what_cannot_be_seen_hides_no_sensitive_word(text: str) -> None:
    assert "self_harm" in categories_of(text), ascii(text)


def test_what_cannot_be_seen_hides_no_tag(snapshot: Snapshot) -> None:
    for text in (
        "lap\u200btop",
        "lap\u00adtop",
        "la\ufe0fptop",
        "\u202alaptop\u202c",
        "ｌａｐｔｏｐ",
    ):
        assert read_turns(snapshot, asked(f"best {text} to buy")).matches, ascii(text)


@pytest.mark.parametrize(
    ("texts", "signal"),
    [
        (["hi, where can I buy a laptop?"], "buy"),
        (["thanks! recommend a hotel please"], "recommend"),
        (["こんにちは。ノートパソコンを買いたいです"], "buy"),
        (["ありがとう！おすすめのホテルを教えて"], "recommend"),
    ],
)
def test_a_greeting_does_not_mask_an_intent(texts: list[str], signal: str) -> None:
    reading = read_intent(texts, 0)
    assert signal in reading.signals
    assert reading.intent != "chitchat"


HUGE = [
    "a" * 199_000, "あ" * 150_000, "漢" * 150_000, "ア" * 150_000, "a " * 99_000, "+" * 199_000, "\n" * 199_000,
    "\n " * 99_000, "1" * 199_000, "a1" * 99_000, "$" * 199_000, "'" * 199_000, "a'" * 99_000, "want to " * 24_000,
    "i want " * 28_000, "\ud800" * 100_000, "\u0301" * 100_000, "e\u0301" * 50_000, "ﷺ" * 10_000, "👍" * 100_000,
    "…" * 60_000, ".net " * 39_000, "c++" * 66_000, "死" * 150_000,
]  # fmt: skip


@pytest.mark.parametrize("text", HUGE, ids=lambda t: f"{t[:6]!a}")
def test_huge_texts_are_read_and_do_not_crash(snapshot: Snapshot, text: str) -> None:
    features = read_turns(snapshot, asked(text))
    assert isinstance(features, Features)
    assert "gate_error" not in features.categories


def test_too_much_text_has_a_reason(snapshot: Snapshot) -> None:
    for request in (
        asked("a" * (MAX_CHARS + 1)),
        asked("\u00e4" * 1_000_000),
        asked(*["hi"] * (MAX_TURNS + 1)),
        asked(*["hi"] * 10_000),
        asked("ﷺ" * (MAX_CHARS // 17)),
    ):
        assert read_turns(snapshot, request).refusal is Reason.TOO_LONG
    assert read_turns(snapshot, asked("hi", roles="a")).refusal is Reason.INVALID
    many = read_turns(snapshot, asked(*["hi"] * MAX_TURNS))
    assert many.refusal is None
    assert len(many.matches) <= MAX_MATCHES


def _steps(name: str, run: Any, text: str) -> int:
    """Return how often the plain module's innermost functions are called for a text."""
    module = _plain(name)
    count = [0]

    def counted(function: Any) -> Any:
        def call(*args: Any) -> Any:
            count[0] += 1
            return function(*args)

        return call

    for inner in ("_step", "_spread", "_letter", "_inner", "_edge", "_breaks", "_pair", "_run"):
        if hasattr(module, inner):
            setattr(module, inner, counted(getattr(module, inner)))
    run(module, text)
    return count[0]


def _plain(name: str) -> Any:
    path = Path(fastpath.__file__).parent / f"{name}.py"
    loader = SourceFileLoader(f"counted_{name}", str(path))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


def _lexicon(module: Any, text: str) -> None:
    rows = [
        (0, ("want", "...", "to", "...", "die")),
        (1, ("want", "to")),
        (2, ("a*", "...", "a*", "...", "b")),
    ]
    module.Lexicon(rows, {}).scan(text)


def _matcher(module: Any, text: str) -> None:
    opened = _SNAPSHOT[0]
    matcher = module.Matcher(opened, opened.manifest.longest_words, frozenset())
    matcher.words(text)
    matcher.characters(text, opened.manifest.starts)


def _fragments(module: Any, text: str) -> None:
    module.Trie([("あああい", 1, 0), ("死にたい", 2, 0), ("ああ", 4, 2)]).scan(text)


def _numbers(module: Any, text: str) -> None:
    module.numbers(text, "$", ("円", "usd"), ("under ", "max "))


def _tongue(module: Any, text: str) -> None:
    found = module.Tongue(
        {"the": ("eng",)}, {}, {"deu": ("ungen",)}, "eng", (), ((0x400, 0x52F, 0),)
    )
    found.evidence(text)
    found.survey(text)


@pytest.mark.parametrize(
    ("name", "run"),
    [
        ("_lexicon", _lexicon), ("_core", _matcher), ("_fragments", _fragments), ("_numbers", _numbers),
        ("_tongue", _tongue),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "あ",
        "a ",
        "want to ",
        "want ",
        "\n",
        "\n ",
        "1",
        "a1 ",
        "$1",
        "a'",
        "ungen",
        "c++ ",
        ".",
        "死",
    ],
)
def test_work_grows_with_the_text_and_no_faster(name: str, run: Any, piece: str) -> None:
    once = _steps(name, run, piece * 400)
    twice = _steps(name, run, piece * 800)
    assert twice <= 2.2 * once + 200


def test_a_third_language_is_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """German: a row in languages.tsv, two lexicons, a member of the enum; no code of the reading stage."""

    class Language(StrEnum):
        ENG = "eng"
        JPN = "jpn"
        DEU = "deu"

    folder = tmp_path / "data"
    shutil.copytree(DATA, folder)
    with (folder / "languages.tsv").open("a") as rows:
        rows.write("deu\tspaced\n")
    (folder / "gate_deu.tsv").write_text(
        "self_harm\tmich umbringen\nexception\tzum umbringen\n", "utf-8"
    )
    (folder / "intent_deu.tsv").write_text("buy\tkaufen\ngreeting\tguten tag\n", "utf-8")
    german = lexicons.Lexicons(folder)
    assert german.read(fold("Ich will mich umbringen"))[0] == {"self_harm"}
    assert german.read(fold("Wo kann ich Schuhe kaufen?"))[1] == {"buy"}
    assert german.read(fold("Guten Tag!"))[2]
    assert "self_harm" in german.read(fold("I want to kill myself"))[0]
    assert "buy" in german.read(fold("ランニングシューズを買いたい"))[1]
    text = "Ich suche gute Laufschuhe für den Winter"
    assert detect(text).language is None
    monkeypatch.setattr(language, "_SERVED", {one.value: one for one in Language})
    found = detect(text)
    assert (found.language, found.seen, found.why) == (Language.DEU, "deu", "words")
    assert detect("which shoes should I buy").language == "eng"
    assert evidence_of("Zyxxy") == Evidence("eng", "default", "latin")


def test_lexicons_of_random_phrases_agree_with_the_slow_reading() -> None:
    chance = random.Random(7)
    phrases = [p for n in ("gate_eng", "gate_jpn", "intent_eng", "intent_jpn") for p in _phrases(n)]
    for _ in range(400):
        text = "".join(
            chance.choice(phrases) + chance.choice([" ", "。", "", ". ", "ー", "a"]) for _ in "123"
        )
        folded = fold(text.replace("*", "s").replace("...", "my own").replace("{age}", "12"))
        gate, signals, greeting = lexicons.shipped().read(folded)
        assert (set(gate), set(signals), greeting) == phrases_slowly(folded)
        assert lexicon_categories(folded) == gate


def _phrases(name: str) -> list[str]:
    lines = (DATA / f"{name}.tsv").read_text("utf-8").splitlines()
    return [line.split("\t")[1] for line in lines if "\t" in line and not line.startswith("#")]
