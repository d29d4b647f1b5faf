"""The measures are the textbook's, the intervals hold, and a folder that is none is refused."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from domain.errors import BadInput
from rag.analyse import default_analyser
from rag.evaluate import SYSTEMS, evaluate, read_collection
from rag.measures import MEASURES, compare, interval, measure
from tests.support.knowledge import WordEmbedder


def test_a_list_by_hand() -> None:
    got = measure(["a", "x", "b"], {"a": 1, "b": 1, "c": 1, "x": 0})
    ideal = 1 + 1 / math.log2(3) + 1 / 2
    assert got["nDCG@10"] == pytest.approx((1 + 0.5) / ideal)
    assert got["R@10"] == got["R@100"] == pytest.approx(2 / 3)
    assert got["MRR@10"] == 1.0
    assert measure(["x"] * 1, {"a": 2}) == dict.fromkeys(MEASURES, 0.0)
    assert measure([f"x{i}" for i in range(10)] + ["a"], {"a": 1})["R@100"] == 1.0


def test_grades_count() -> None:
    grades = {"a": 2, "b": 1}
    assert measure(["a", "b"], grades)["nDCG@10"] == pytest.approx(1.0)
    assert measure(["b", "a"], grades)["nDCG@10"] == pytest.approx(
        (1 + 3 / math.log2(3)) / (3 + 1 / math.log2(3))
    )


def test_intervals_hold_the_mean_and_repeat() -> None:
    values = [0.0, 1.0, 0.5, 0.25] * 20
    one = interval(values)
    assert one == interval(values)
    assert one.low < one.mean < one.high


def test_a_clear_difference_is_found_and_no_difference_is_not() -> None:
    base = [i % 7 / 7 for i in range(80)]
    better = compare([v + 0.1 for v in base], base)
    assert better.p < 0.01
    assert better.difference.low > 0
    same = compare(base, base)
    assert same.p == 1.0
    assert same.difference.mean == 0.0


@pytest.mark.asyncio
async def test_any_folder_of_that_form_is_measured(tmp_path: Path) -> None:
    corpus = [
        {"_id": "1", "title": "Kettle", "text": "Boils water.", "brand": "Acme"},
        {"_id": "2", "title": "Towel", "text": "Dries hands.", "metadata": {"x": 1}},
        {"_id": "3", "title": "", "text": "やかんはお湯を沸かす。"},
    ]
    queries = [
        {"_id": "q1", "text": "acme"}, {"_id": "q2", "text": "お湯"}, {"_id": "q3", "text": "no grade"},
    ]  # fmt: skip
    for name, rows in (("corpus", corpus), ("queries", queries)):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "qrels.tsv").write_text(
        "query-id\tcorpus-id\tscore\nq1\t1\t1\nq1\t2\t0\nq2\t3\t1\n"
    )
    collection = read_collection(tmp_path)
    assert [q for q, _ in collection.queries] == ["q1", "q2"]
    assert collection.drafts[0].fields == {"brand": "Acme"}
    report = await evaluate(collection, default_analyser(), WordEmbedder())
    assert (report.queries, report.documents) == (2, 3)
    assert set(report.systems) == set(SYSTEMS)
    assert report.systems["+rerank"]["nDCG@10"].mean == 1.0
    assert report.systems["lexical"]["R@100"].mean == 1.0


@pytest.mark.parametrize("broken", ["missing", "json", "grade", "columns"])
def test_a_folder_that_is_none_is_refused(tmp_path: Path, broken: str) -> None:
    (tmp_path / "corpus.jsonl").write_text(
        "{" if broken == "json" else '{"_id": "1", "text": "x"}\n'
    )
    (tmp_path / "queries.jsonl").write_text('{"_id": "q", "text": "x"}\n')
    rows = {"grade": "q\t1\tgood", "columns": "q 1 1"}
    if broken != "missing":
        (tmp_path / "qrels.tsv").write_text("head\n" + rows.get(broken, "q\t1\t1") + "\n")
    with pytest.raises(BadInput, match="in BEIR form"):
        read_collection(tmp_path)
