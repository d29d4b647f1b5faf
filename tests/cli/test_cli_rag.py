"""`parley rag`: measuring any folder without a service; everything else says when the service is not there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bootstrap.cli import rag, rag_sources
from tests.cli.conftest import Parley


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small test collection in BEIR form."""
    rows: dict[str, list[dict[str, Any]]] = {
        "corpus": [
            {"_id": "1", "title": "Kettle", "text": "Boils a litre of water."},
            {"_id": "2", "title": "Towel", "text": "Dries hands."},
        ],
        "queries": [{"_id": "a", "text": "boil water"}, {"_id": "b", "text": "dry hands"}],
    }
    for name, values in rows.items():
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, values)))
    (tmp_path / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\na\t1\t1\nb\t2\t1\n")
    return tmp_path


def test_eval_measures_a_folder_leg_by_leg(parley: Parley, folder: Path) -> None:
    told = parley("rag", "eval", folder, "--no-model", "--json")
    assert (told.code, told.err) == (0, "")
    assert (told.json["queries"], told.json["by_meaning"]) == (2, False)
    assert told.json["systems"]["+rerank"]["nDCG@10"] == {"mean": 1.0, "low": 1.0, "high": 1.0}
    shown = parley("rag", "eval", folder, "--no-model")
    assert shown.code == 0
    assert "1.000 [1.000, 1.000]" in shown.out
    assert "dense" not in shown.out
    assert "2 queries, 2 documents" in shown.out


def test_eval_refuses_a_folder_that_is_none(parley: Parley, tmp_path: Path, folder: Path) -> None:
    told = parley("rag", "eval", tmp_path / "missing", "--json")
    assert (told.code, told.json["code"]) == (3, "not_a_collection")
    (folder / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\na\t1\t0\n")
    told = parley("rag", "eval", folder, "--json")
    assert (told.code, told.json["code"]) == (3, "no_queries")


@pytest.mark.parametrize("verb", ["search", "ask", "why", "ingest"])
def test_without_a_service_one_sentence_says_so(parley: Parley, verb: str) -> None:
    told = parley("rag", verb, "kettle", "--json")
    assert (told.code, told.json["code"]) == (5, "service_not_running")


class Answers:
    """An installation that answers what it is told to, and keeps what it was asked."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[tuple[Any, ...]] = []

    def post(self, path: str, body: Any = None, **params: Any) -> Any:
        self.asked.append((path, body))
        return self.answer

    def get(self, path: str, **params: Any) -> Any:
        self.asked.append((path, params))
        return self.answer

    def patch(self, path: str, body: Any) -> Any:
        self.asked.append((path, body))
        return self.answer

    def give(self, name: str, content: bytes, namespace: str, trust: str) -> Any:
        self.asked.append((name, content, namespace, trust))
        return self.answer


def connected(monkeypatch: pytest.MonkeyPatch, answer: Any) -> Answers:
    client = Answers(answer)
    for module in (rag, rag_sources):
        monkeypatch.setattr(module, "connect", lambda: client)
    return client


PLACE = {
    "title": "Warranty",
    "quote": "Two [bold] years.",
    "chunk_id": "chk_1",
    "start": 0,
    "end": 17,
}


def test_a_person_reads_passages_answers_and_reasons(
    parley: Parley, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = {"title": "Shop FAQ", "url": "https://shop.example/faq", "chunk_id": "chk_2"}
    passage = {"score": 0.9, "trust": "owned", "citation": PLACE, "copies": [copy]}
    client = connected(monkeypatch, {"passages": [passage]})
    told = parley("rag", "search", "kettle", "-k", "3")
    assert client.asked == [
        ("/api/v1/knowledge/search", {"query": "kettle", "namespace": "default", "k": 3})
    ]
    assert "Two [bold] years." in told.out
    assert "also in Shop FAQ https://shop.example/faq chk_2" in told.out
    connected(monkeypatch, {"passages": []})
    assert "Nothing was found." in parley("rag", "search", "kettle").out
    said = {
        "text": "Two years. [1]", "confidence": 0.91, "written_by": "extractive rules",
        "statements": [{"citations": [PLACE]}],
    }  # fmt: skip
    connected(monkeypatch, said)
    told = parley("rag", "ask", "how long?")
    assert "Two years. [1]" in told.out
    assert "confidence 0.91" in told.out
    candidate = {
        "chunk_id": "chk_1",
        "title": "W",
        "score": 0.5,
        "coverage": 1.0,
        "why": "kept as passage 1",
    }
    connected(
        monkeypatch,
        {"rewritten": "kettle", "legs": {"lexical": 1}, "notes": ["also pot"], "candidates": [candidate],
         "timings_ms": {"lexical": 1.2}},
    )  # fmt: skip
    told = parley("rag", "why", "kettle")
    assert "kept as passage 1" in told.out
    assert "lexical 1" in told.out


def test_as_of_is_a_version_or_a_moment(parley: Parley, monkeypatch: pytest.MonkeyPatch) -> None:
    client = connected(monkeypatch, {"passages": []})
    parley("rag", "search", "kettle", "--as-of", "12")
    assert client.asked[-1][1]["filter"] == {"as_of": 12}
    parley("rag", "search", "kettle", "--as-of", "2026-05-01T12:00+09:00")
    assert client.asked[-1][1]["filter"] == {"at": "2026-05-01T12:00:00+09:00"}
    told = parley("rag", "ask", "kettle?", "--as-of", "last May", "--json")
    assert (told.code, told.json["code"]) == (3, "bad_moment")


def file_row(name: str, status: str, error: str | None = None, **signals: Any) -> dict[str, Any]:
    """A file as the API tells of it."""
    detail = {"code": "x", "detail": error} if error else None
    return {"name": name, "status": status, "error": detail, "position": 1, "chunks_added": 2,
            "chunks_kept": 1, "signals": {"reader": 1, **signals}}  # fmt: skip


def job_row(status: str, *files: dict[str, Any], error: str | None = None) -> dict[str, Any]:
    """A job as the API tells of it."""
    failed = {"code": "x", "detail": error} if error else None
    return {"id": "igj_1", "status": status, "error": failed, "files": list(files)}


def test_ingest_takes_a_file_a_folder_and_an_address(
    parley: Parley, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    client = connected(monkeypatch, job_row("queued"))
    (tmp_path / "a.md").write_text("# A")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "b.html").write_text("<p>B")
    (tmp_path / "c.exe").write_bytes(b"MZ")
    told = parley("rag", "ingest", tmp_path, "--trust", "owned", "--no-wait", "--json")
    assert [row["status"] for row in told.rows] == ["queued", "queued"]
    assert [(asked[0], asked[3]) for asked in client.asked] == [
        ("a.md", "owned"),
        ("below/b.html", "owned"),
    ]
    address = {"namespace": "shop"}
    for what, named in (
        ("https://shop.example/faq", {"kind": "url", "uri": "https://shop.example/faq"}),
        ("prefix:brand/", {"kind": "prefix", "uri": "brand/"}),
    ):
        parley("rag", "ingest", what, "--namespace", "shop", "--no-wait")
        assert client.asked[-1][1] == {**named, **address}
    refused = parley("rag", "ingest", tmp_path / "none", "--json")
    assert (refused.code, refused.json["code"]) == (3, "input_missing")


def test_ingest_waits_and_says_what_became_of_each_file(
    parley: Parley, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "a.html").write_text("<p>A")
    row = job_row(
        "partial",
        file_row("locked.pdf", "failed", "The PDF asks for a password."),
        file_row("a.html", "done", hidden=12),
    )
    connected(monkeypatch, row)
    told = parley("rag", "ingest", tmp_path / "a.html")
    assert told.code == 3
    assert "locked.pdf: The PDF asks for a password." in told.err
    assert "a.html: 2 new, 1 kept" in told.err
    assert "hidden: 12" in told.err
    connected(monkeypatch, job_row("succeeded", file_row("a.html", "done")))
    assert parley("rag", "ingest", tmp_path / "a.html").code == 0
    connected(monkeypatch, job_row("succeeded"))
    assert "there is no file in that folder" in parley("rag", "ingest", "prefix:x/").err
    connected(monkeypatch, job_row("failed", error="Run `parley rag reindex`."))
    told = parley("rag", "jobs", "igj_1")
    assert (told.code, "Run `parley rag reindex`." in told.err) == (0, True)


def test_pieces_are_shown_and_edited(parley: Parley, monkeypatch: pytest.MonkeyPatch) -> None:
    piece = {"id": "chk_1", "heading": ["Care"], "text": "Descale [monthly].", "edited": True,
             "outdated": False}  # fmt: skip
    connected(monkeypatch, [piece])
    told = parley("rag", "chunks", "doc_1")
    assert "Descale [monthly]." in told.out
    assert "Care edited" in told.out
    client = connected(monkeypatch, {"id": "chk_2"})
    told = parley("rag", "edit", "chk_1", "-", stdin=b"Descale weekly.\n")
    assert client.asked == [("/api/v1/knowledge/chunks/chk_1", {"text": "Descale weekly."})]
    assert "chk_2" in told.err
