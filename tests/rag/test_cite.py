"""What a citation check lets pass and what it catches, on labelled answers and on single rules.

The rows of the held half and the fresh batches were written without running the checker on them; its first
look at the latest three, of more than a hundred each, gave precision 0.95, 0.88 and 0.92 with 0.97, 0.93 and
0.95 caught. Faults of the rules that they showed were then mended. So the figures held here guard what was
reached; they are not a forecast for sentences made to deceive.
"""

from __future__ import annotations

import json

import pytest

from rag.analyse import default_analyser
from rag.cite import CitationChecker, Reason
from rag.cite_facts import folded, quantities
from rag.compress import sentences
from rag.confidence import Calibration, brier, calibration_error, fit
from tests.support.cited import FIXTURES, answers, figures, fresh, labelled


@pytest.fixture(scope="module")
def checker() -> CitationChecker:
    """A checker with the analyser of this installation."""
    return CitationChecker(default_analyser())


def test_the_labelled_set_is_large_mixed_and_half_of_it_is_held_out() -> None:
    rows = labelled()
    held = [row for row in rows if row.half == "held"]
    assert len(rows) >= 600
    assert len(held) >= 200
    for part in (rows, held):
        assert {row.language for row in part} == {"eng", "jpn"}
        assert 0.4 < sum(row.supported for row in part) / len(part) < 0.6
        assert {row.kind for row in part} >= {
            "quote", "shorter", "paraphrase", "number", "unit", "date", "negation", "entity",
            "swap", "direction", "absent",
        }  # fmt: skip


@pytest.mark.parametrize("language", ["eng", "jpn", None])
def test_citations_are_precise_and_unsupported_sentences_are_caught(language: str | None) -> None:
    rows = [row for row in labelled() if row.half == "held" and language in (None, row.language)]
    found = figures(rows)
    assert found["precision"][0] >= 0.95
    assert found["caught"][0] >= 0.90
    assert found["kept"][0] >= 0.85


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_each_fresh_batch_is_large_and_mixed_and_is_checked_well_by_now(number: int) -> None:
    rows = [row for row in fresh() if row.half == f"fresh {number}"]
    assert len(rows) >= 100
    assert {row.language for row in rows} == {"eng", "jpn"}
    assert 0.4 < sum(row.supported for row in rows) / len(rows) < 0.6
    found = figures(rows)
    assert found["precision"][0] >= 0.95
    assert found["caught"][0] >= 0.95
    assert found["kept"][0] >= 0.75


def test_the_figures_may_only_improve() -> None:
    baseline = json.loads((FIXTURES / "citations_baseline.json").read_text())
    everything = (*labelled(), *fresh())
    for half in baseline:
        found = figures(row for row in everything if row.half == half)
        for name, (share, _, _) in found.items():
            assert share >= baseline[half][name] - 1e-4, (half, name, share)


def test_every_sentence_supports_itself(checker: CitationChecker) -> None:
    for text, title in {(row.text, row.title) for row in labelled()}:
        for span in sentences(text):
            said = text[span.start : span.end]
            assert checker.check(said, text, title=title).supported, said


KETTLE = (
    "The Halden kettle boils one litre in three minutes. The Norvik kettle boils one litre in five "
    "minutes. Neither is dishwasher safe. It was founded by Ines Maes."
)


@pytest.mark.parametrize(
    ("sentence", "source", "reason"),
    [
        ("The Norvik kettle boils one litre in 3 minutes.", KETTLE, Reason.NUMBER),
        ("The Halden kettle boils one litre in three hours.", KETTLE, Reason.NUMBER),
        ("The Brava kettle boils one litre in three minutes.", KETTLE, Reason.NAME),
        ("Sales rose by 4%.", "Sales fell by 4%.", Reason.OPPOSITE),
        ("Pets are allowed.", "Pets are not allowed.", Reason.NEGATION),
        ("ペットを同伴できます。", "ペットは同伴できません。", Reason.NEGATION),
        ("The Ash is lighter than the Oak.", "The Oak is lighter than the Ash.", Reason.ORDER),
        ("アッシュはオークより軽い。", "オークはアッシュより軽い。", Reason.ORDER),
        ("The kettle won a prize.", KETTLE, Reason.WORDS),
        ("All pools are closed.", "The main pool is closed.", Reason.SCOPE),
        ("Beans arrive every Friday.", "Beans arrive every second Friday.", Reason.SCOPE),
        ("It runs 9 hours on high.", "On low it runs 9 hours, on high for six.", Reason.NUMBER),
        ("Answers take two days.", "Answers take two working days.", Reason.NUMBER),
        ("The Ash 3 costs $9.", "It costs $9, more than the Ash 3.", Reason.ORDER),
        (
            "Parts are kept two years after purchase.",
            "Parts are kept two years after delivery. Purchase is online.",
            Reason.WORDS,
        ),
        ("沖縄への送料は無料です。", "送料は本州が無料、沖縄は800円です。", Reason.NUMBER),
        ("油を使って焼きます。", "油を使わずに、七分焼きます。", Reason.NEGATION),
        ("", KETTLE, Reason.EMPTY),
        ("?!", KETTLE, Reason.EMPTY),
        ("The kettle boils.", "", Reason.WORDS),
    ],
)
def test_each_rule_says_that_it_decided(
    checker: CitationChecker, sentence: str, source: str, reason: Reason
) -> None:
    found = checker.check(sentence, source)
    assert not found.supported
    assert found.reason is reason


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("two-year", "2 years"),
        ("二年", "2年間"),
        ("1,200円", "千二百円"),
        ("一万六千五百円", "16,500 yen"),
        ("€18,400", "18,400 euros"),
        ("40 million euros", "€40,000,000"),
        ("3 kg", "3キロ"),
        ("15 percent", "15%"),
        ("1.5 hours", "90 minutes"),
    ],
)
def test_quantities_are_the_same_however_they_are_written(one: str, other: str) -> None:
    first, second = (quantities(folded(text))[0] for text in (one, other))
    assert first.amount == second.amount


@pytest.mark.parametrize(
    ("sentence", "source"),
    [
        ("Repairs cost nothing.", "Repairs are free of charge."),
        ("A charge takes 2.5 hours.", "A charge takes two and a half hours."),
        ("Riders must be at least 18.", "Riders must be 18 or over."),
        ("It is for trails, not for roads.", "It is for trails rather than for roads."),
        ("Returns cost an extra €4.", "Returns add €4."),
        ("送料はかかりません。", "送料は無料です。"),
        ("お買い上げ日から一年間保証します。", "購入から一年間保証します。"),
    ],
)
def test_the_same_is_the_same_in_other_words(
    checker: CitationChecker, sentence: str, source: str
) -> None:
    assert checker.check(sentence, source).supported


def test_a_hostile_text_is_checked_in_time(checker: CitationChecker) -> None:
    long = "The kettle, and the kettle; " * 700
    assert not checker.check("The kettle boils in nine minutes.", long).supported
    assert not checker.check("1" * 5_000, "a b c").supported
    assert not checker.check("九" * 3_000 + "年", "a b c").supported


@pytest.mark.asyncio
async def test_confidence_is_calibrated_on_questions_it_was_not_fitted_on() -> None:
    fitted = await answers(1)
    again = fit([features for features, _, _ in fitted], [right for _, right, _ in fitted])
    shipped = Calibration.shipped()
    assert again.weights == pytest.approx(shipped.weights, abs=0.01)
    assert again.bias == pytest.approx(shipped.bias, abs=0.01)
    held = await answers(0)
    said = [shipped.probability(features) for features, _, _ in held]
    right = [one for _, one, _ in held]
    base = sum(right) / len(right)
    assert calibration_error(said, right) <= 0.15
    assert brier(said, right) < base * (1 - base)
