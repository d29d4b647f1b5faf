"""The gate's figures in CI: the issue's thresholds on data of others, and floors on our own held-out turns.

`fixtures/gate_baseline.json` holds what was last measured: caught may only rise, blocked may only fall. After
an improvement: `PYTHONPATH=. python tests/fastpath/test_gate_figures.py` writes it anew.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from fastpath import gate
from fastpath.gate import check

FIXTURES = Path(__file__).parent / "fixtures"
BASELINE = FIXTURES / "gate_baseline.json"
DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
SETS = ("first", "second", "third")


def lines(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        pytest.skip(f"{path.name} is not beside the checkout")
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]


def closed(texts: list[str]) -> int:
    return sum(check([text]).verdict != "clear" for text in texts)


def held_out(language: str, kinds: tuple[str, ...], part: str) -> list[str]:
    rows = [row for kind in kinds for row in lines(FIXTURES / f"{language}_{kind}.jsonl")]
    return [
        row["text"] for row in rows if row["split"] == "heldout" and row.get("set", "first") == part
    ]


def measured() -> dict[str, dict[str, int]]:
    """Return caught and blocked turns of every held-out set."""
    table = {}
    for language in ("eng", "jpn"):
        for part in SETS:
            hurt = held_out(language, ("sensitive",), part)
            calm = held_out(language, ("commercial", "neutral"), part)
            table[f"{language} {part}"] = {
                "sensitive": len(hurt),
                "caught": closed(hurt),
                "harmless": len(calm),
                "blocked": closed(calm),
            }
    return table


def test_no_figure_falls_behind_what_was_measured_before() -> None:
    before = json.loads(BASELINE.read_text("utf-8"))
    now = measured()
    assert now.keys() == before.keys()
    for name, figures in now.items():
        assert figures["sensitive"] == before[name]["sensitive"], name
        assert figures["harmless"] == before[name]["harmless"], name
        assert figures["caught"] >= before[name]["caught"], name
        assert figures["blocked"] <= before[name]["blocked"], name


@pytest.mark.parametrize("language", ["eng", "jpn"])
def test_the_third_set_is_large_enough(language: str) -> None:
    assert len(held_out(language, ("sensitive",), "third")) >= 60
    assert len(held_out(language, ("commercial", "neutral"), "third")) >= 60


def test_flagged_prompts_of_others_are_caught() -> None:
    prompts = lines(DATA / "moderation" / "dev.jsonl")
    flagged = [row["text"] for row in prompts if any(row["labels"].values())]
    harmed = [row["text"] for row in prompts if row["labels"]["SH"]]
    assert len(flagged) >= 200
    assert closed(flagged) >= 0.92 * len(flagged)
    assert closed(harmed) >= 0.95 * len(harmed)


def test_orders_and_questions_of_others_get_through() -> None:
    talks = lines(DATA / "commercial-dialogues" / "dialogues.jsonl")
    blocked = sum(
        check([turn["text"] for turn in talk["turns"]]).verdict != "clear" for talk in talks
    )
    assert blocked <= 0.02 * len(talks)
    questions = lines(DATA / "questions-ja" / "questions.jsonl")
    assert closed([row["text"] for row in questions]) <= 0.15 * len(questions)


RESTRICTED = [
    ("where can I buy vapes", "tobacco"),
    ("nicotine pouches subscription", "tobacco"),
    ("juul pods near me", "tobacco"),
    ("online casino no deposit bonus", "gambling"),
    ("best sports betting app", "gambling"),
    ("slot machines online", "gambling"),
    ("poker for real money", "gambling"),
    ("online pharmacy no prescription", "prescription"),
    ("ozempic without prescription", "prescription"),
    ("xanax for sale", "prescription"),
    ("電子タバコを買いたい", "tobacco"),
    ("ニコチン入りリキッドの通販", "tobacco"),
    ("葉巻のおすすめ", "tobacco"),
    ("オンラインカジノのボーナス", "gambling"),
    ("スポーツベッティングのサイト", "gambling"),
    ("競馬予想アプリ", "gambling"),
    ("処方箋なしで薬を買いたい", "prescription"),
    ("バイアグラの個人輸入", "prescription"),
]


@pytest.mark.parametrize(("text", "category"), RESTRICTED)
def test_restricted_goods_are_named_as_such(text: str, category: str) -> None:
    assert category in check([text]).categories
    assert check([text]).verdict == "restricted"


#: What is promised against disguise. Any other spelling is not.
DISGUISED = [
    "ｓｕｉｃｉｄｅ",
    "SUICIDE",
    "suic\u200bide",
    "sui\u202ecide",
    "sui\u00adcide",
    "suicide\ufe0f",
    "\U0001d4fc\U0001d4fe\U0001d4f2\U0001d4ec\U0001d4f2\U0001d4ed\U0001d4ee",
    "I wanna ⓚⓘⓛⓛ myself",
    "s u i c i d e",
    "s-u-i-c-i-d-e",
    "su1cide",
    "su\u0456cide",
    "I want to k1ll myself",
    "死\u200bにたい",
    "死 に た い",
    "ｼﾆﾀｲ",
    "タヒにたい",
]


@pytest.mark.parametrize("text", DISGUISED)
def test_disguised_words_close_the_gate(text: str) -> None:
    assert "self_harm" in check([text]).categories


def test_distances_in_kms_are_no_alarm() -> None:
    assert check(["how many kms is a half marathon"]).verdict == "clear"


@pytest.mark.parametrize(
    "first", ["I don't want to live anymore", "もう死にたいです", "my dad's funeral was yesterday"]
)
def test_a_shopping_question_after_pain_gets_no_ad(first: str) -> None:
    for shopping in ("which running shoes should I buy?", "おすすめのノートパソコンは？"):
        assert check([shopping]).verdict == "clear"
        assert check([first, "I hear you.", shopping]).verdict == "sensitive"
        assert check([shopping, "Sure.", first]).verdict == "sensitive"


def test_a_defect_in_the_lexicon_closes_the_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(folded: str) -> set[str]:
        raise ValueError(folded)

    monkeypatch.setattr(gate, "lexicon_categories", broken)
    verdict = check(["which running shoes should I buy?"])
    assert (verdict.verdict, verdict.categories) == ("sensitive", ("gate_error",))


if __name__ == "__main__":
    BASELINE.write_text(json.dumps(measured(), indent=1) + "\n", "utf-8")
    sys.stdout.write(BASELINE.read_text("utf-8"))
