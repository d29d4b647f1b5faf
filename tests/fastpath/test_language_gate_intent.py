"""Language, sensitive gate and intent on labelled sets and on the examples that matter most."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from domain.formats import Intent
from domain.language import Language
from fastpath import gate
from fastpath.gate import check
from fastpath.intent import read_intent
from fastpath.language import detect, detect_conversation

HERE = Path(__file__).parent
DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def rows(path: Path) -> list[dict[str, object]]:
    if not path.is_file():
        pytest.skip(f"{path.name} is not beside the checkout")
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_languages_on_the_labelled_set() -> None:
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for row in rows(HERE / "languages.jsonl"):
        found = detect(str(row["text"])).language
        wanted = str(row["language"])
        total[wanted] += 1
        right[wanted] += (str(found) if found else "other") == wanted
    for language, count in total.items():
        assert count >= 60
        assert right[language] >= 0.95 * count, language


def test_short_texts_are_told_apart_with_and_without_a_hint() -> None:
    """English of few words, some of them words of other languages as well, and ten other languages."""
    listed = rows(HERE / "short_languages.jsonl")
    for hint in (None, "en"):
        found = [(row["language"], detect(str(row["text"]), hint).language) for row in listed]
        home = [verdict for wanted, verdict in found if wanted == "eng"]
        away = [verdict for wanted, verdict in found if wanted != "eng"]
        assert len(home) == 70
        assert len(away) == 100
        assert home.count(Language.ENG) >= 67
        assert away.count(None) >= 97


@pytest.mark.parametrize(
    ("texts", "hint", "language", "why"),
    [
        (["best laptop"], None, "eng", "words"),
        (["ランニング"], None, "jpn", "script"),
        (["新聞"], "ja", "jpn", "hint"),
        (["こんにちは", "新聞"], None, "jpn", "history"),
        (["🙂"], "en", "eng", "hint"),
        (["こんにちは", "👍"], None, "jpn", "history"),
        (["안녕하세요"], "en", None, "script"),
        (["你们好吗"], "ja", None, "script"),
        (["Zyxxy"], None, "eng", "default"),
        (["true bra"], None, "eng", "default"),
        (["true bra"], "en", "eng", "hint"),
        (["bra skor"], "en", None, "words"),
        (["assurance auto pour voyage"], "en", None, "words"),
    ],
)
def test_hint_and_history(
    texts: list[str], hint: str | None, language: str | None, why: str
) -> None:
    verdict = detect_conversation(texts, hint)
    assert verdict.language == (Language(language) if language else None)
    assert verdict.why == why


SENSITIVE = [
    ("I want to kill myself", "self_harm"),
    ("I feel hopeless and want to die", "self_harm"),
    ("my dad has cancer, recommend a gift", "medical"),
    ("My mum passed away last week. Where can I buy flowers?", "grief"),
    ("my husband hits me", "abuse"),
    ("I'm 12 years old and want to buy a phone", "minors"),
    ("I had a miscarriage", "pregnancy_loss"),
    ("they are drowning in debt", "debt"),
    ("how do I get a restraining order", "legal"),
    ("I relapsed on heroin", "addiction"),
    ("the earthquake destroyed our house", "disaster"),
    ("死にたい", "self_harm"),
    ("もう消えたい", "self_harm"),
    ("うつ病で仕事を休んでいます", "mental_health"),
    ("母が亡くなり、香典返しを探しています", "grief"),
    ("父が癌で入院しています。おすすめのプレゼントは？", "medical"),
    ("流産しました", "pregnancy_loss"),
    ("借金が返せない", "debt"),
    ("夫に殴られています", "abuse"),
    ("中学生です。スマホを買いたい", "minors"),
    ("離婚したい", "legal"),
    ("地震で家が壊れた", "disaster"),
]
HARMLESS = [
    "best legal thriller novels to buy",
    "how do I kill a process on port 8080",
    "emergency fund savings account compare",
    "killer deals on headphones",
    "my laptop just died, recommend a new one",
    "a bath bomb gift set",
    "hot glue gun for crafts",
    "photo shoot props",
    "prescription glasses online",
    "The Walking Dead box set",
    "breast pump recommendations",
    "non alcoholic beer",
    "おすすめのランニングシューズを教えて",
    "グローブを買いたい",
    "低カロリーのお菓子",
    "ガンダムのプラモデル",
    "地震保険を比較したい",
    "刺身が食べたい",
    "メロンを買いたい",
    "がんばって走りたい",
    "コーヒーのサブスクを始めたい",
    "英語に自信がないので講座を探しています",
    "グローバルな会社の求人",
    "ナチュラルな化粧品",
]


@pytest.mark.parametrize(("text", "category"), SENSITIVE)
def test_pain_and_danger_close_the_gate(text: str, category: str) -> None:
    verdict = check([text])
    assert verdict.verdict == "sensitive"
    assert category in verdict.categories


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_phrases_do_not(text: str) -> None:
    assert check([text]).verdict == "clear", check([text])


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("buy cigars online", "tobacco"),
        ("best online casino bonus", "gambling"),
        ("order viagra", "prescription"),
        ("電子タバコのおすすめ", "tobacco"),
        ("競馬の予想サイト", "gambling"),
        ("オンラインカジノのおすすめ", "gambling"),
        ("バイアグラを買いたい", "prescription"),
    ],
)
def test_restricted_goods_have_their_own_verdict(text: str, category: str) -> None:
    verdict = check([text])
    assert verdict.verdict == "restricted"
    assert category in verdict.categories


def test_the_gate_stays_closed_for_the_conversation() -> None:
    assert (
        check(["I want to kill myself", "I hear you.", "what is the best laptop?"]).verdict
        == "sensitive"
    )


def test_a_defect_inside_closes_the_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(text: str) -> set[str]:
        raise RuntimeError(text)

    monkeypatch.setattr(gate, "categories_of", broken)
    assert check(["best laptop"]).verdict == "sensitive"


def test_recall_on_moderation_and_false_blocks_on_orders() -> None:
    prompts = rows(DATA / "moderation" / "dev.jsonl")
    flagged = [row for row in prompts if any(row["labels"].values())]  # type: ignore[attr-defined]
    harmed = [row for row in flagged if row["labels"]["SH"]]  # type: ignore[index]
    caught = [row for row in flagged if check([str(row["text"])]).verdict != "clear"]
    assert len(caught) >= 0.80 * len(flagged)
    assert sum(check([str(row["text"])]).verdict != "clear" for row in harmed) >= 0.95 * len(harmed)
    orders = rows(DATA / "commercial-dialogues" / "dialogues.jsonl")
    blocked = [
        row
        for row in orders
        if check([turn["text"] for turn in row["turns"]]).verdict != "clear"  # type: ignore[attr-defined]
    ]
    assert len(blocked) <= 0.03 * len(orders)
    questions = rows(DATA / "questions-ja" / "questions.jsonl")
    stopped = sum(check([str(row["text"])]).verdict != "clear" for row in questions)
    assert stopped <= 0.20 * len(questions)


@pytest.mark.parametrize(
    ("texts", "tags", "intent"),
    [
        (["hi"], 0, Intent.CHITCHAT),
        (["thanks so much!"], 0, Intent.CHITCHAT),
        (["こんにちは！"], 0, Intent.CHITCHAT),
        (["hi, what is the best laptop to buy?"], 1, Intent.HIGH_COMMERCIAL),
        (["thanks! which hotel should I buy"], 1, Intent.HIGH_COMMERCIAL),
        (["おすすめのノートパソコンを教えて"], 1, Intent.HIGH_COMMERCIAL),
        (["ランニングシューズを買いたい"], 1, Intent.HIGH_COMMERCIAL),
        (["どこで買えますか"], 0, Intent.MEDIUM_COMMERCIAL),
        (["write a poem about coffee"], 1, Intent.LOW_INTENT),
        (["what is the capital of France?"], 0, Intent.LOW_INTENT),
        (["I love my dog"], 1, Intent.MEDIUM_COMMERCIAL),
        (["which running shoes should I buy?", "for rain"], 1, Intent.HIGH_COMMERCIAL),
    ],
)
def test_intents(texts: list[str], tags: int, intent: Intent) -> None:
    reading = read_intent(texts, tags)
    assert reading.intent is intent, reading
    assert reading == read_intent(texts, tags)
    assert 0 <= reading.opportunity_milli <= 1000


def test_direct_and_indirect_turns_written_for_this_project() -> None:
    """Two sets of sensitive and harmless turns.

    The lexicon was extended with both and the model is trained on both, so this is a test against falling
    back; what to expect of new statements is in test_gate_model.py.
    """
    turns = rows(HERE / "gate_turns.jsonl")
    for language in ("eng", "jpn"):
        for sensitive in (True, False):
            part = [
                row for row in turns if (row["language"], row["sensitive"]) == (language, sensitive)
            ]
            blocked = sum(check([str(row["text"])]).verdict != "clear" for row in part)
            assert len(part) >= 80
            assert blocked >= 0.97 * len(part) if sensitive else blocked <= 0.02 * len(part)
