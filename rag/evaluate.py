"""Evaluation on any BEIR-style folder: corpus.jsonl, queries.jsonl, qrels.tsv.

The folder is read into memory; analyser, index, fusion and reranker are the ones that serve.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from domain.errors import BadInput
from rag.analyse import Analyser
from rag.holdings import MemoryLibrary
from rag.measures import MEASURES, Comparison, Interval, compare, interval, measure
from rag.ports import Embedder
from rag.retrieve import Retriever, Settings
from rag.types import ChunkDraft, DocumentDraft, Hit

#: Systems that are measured, each with one part more than the one before.
SYSTEMS = ("lexical", "dense", "hybrid", "+expansion", "+rerank")
_KNOWN_FIELDS = ("_id", "title", "text", "metadata")


class Collection(msgspec.Struct, frozen=True):
    """A test collection.

    Attributes:
        drafts: Its documents, one chunk each; further text fields of a document become `fields`.
        queries: (id, text) of the queries that have a relevant document.
        grades: Query id → document id → grade.
    """

    drafts: tuple[DocumentDraft, ...]
    queries: tuple[tuple[str, str], ...]
    grades: dict[str, dict[str, int]]


class Report(msgspec.Struct, frozen=True):
    """What was measured.

    Attributes:
        queries, documents: How many.
        systems: System → measure → mean with interval.
        per_query: System → nDCG@10 of each query, in the order of the collection.
        against_better_leg: The default configuration against the better of its two legs, by nDCG@10.
    """

    queries: int
    documents: int
    systems: dict[str, dict[str, Interval]]
    per_query: dict[str, list[float]]
    against_better_leg: Comparison


def read_collection(folder: Path) -> Collection:
    """Read a folder.

    Raises:
        BadInput: `not_a_collection` if a file is missing or a line is not what it should be.
    """
    try:
        corpus = _lines(folder / "corpus.jsonl")
        queries = _lines(folder / "queries.jsonl")
        rows = [
            line.split("\t")
            for line in (folder / "qrels.tsv").read_text(encoding="utf-8").splitlines()[1:]
        ]
        grades: dict[str, dict[str, int]] = {}
        for query, document, grade in rows:
            grades.setdefault(query, {})[document] = int(grade)
        asked = tuple(
            (str(q["_id"]), str(q["text"]))
            for q in queries
            if any(g > 0 for g in grades.get(str(q["_id"]), {}).values())
        )
        return Collection(tuple(_draft(row) for row in corpus), asked, grades)
    except (OSError, KeyError, ValueError, msgspec.DecodeError) as error:
        raise BadInput(
            "not_a_collection",
            "The folder needs corpus.jsonl, queries.jsonl and qrels.tsv in BEIR form "
            f"({type(error).__name__}: {str(error)[:120]}).",
        ) from error


async def evaluate(
    collection: Collection,
    analyser: Analyser,
    embedder: Embedder | None,
    settings: Settings | None = None,
) -> Report:
    """Measure every system of `SYSTEMS` on a collection."""
    library = MemoryLibrary(collection.drafts, analyser, embedder)
    keys = [draft.key for draft in collection.drafts for _ in draft.chunks]
    full = settings or Settings()
    expanded = msgspec.structs.replace(full, rerank_top=0)
    plain = msgspec.structs.replace(expanded, expand=False)
    runs: dict[str, list[list[str]]] = {name: [] for name in SYSTEMS}
    for _, text in collection.queries:
        fused = await Retriever(analyser, embedder, settings=plain).rank(library, text)
        runs["lexical"].append(_documents(fused.legs.get("lexical", []), keys))
        runs["dense"].append(_documents(fused.legs.get("dense", []), keys))
        runs["hybrid"].append(_documents(fused.hits, keys))
        for name, chosen in (("+expansion", expanded), ("+rerank", full)):
            ranking = await Retriever(analyser, embedder, settings=chosen).rank(library, text)
            runs[name].append(_documents(ranking.hits, keys))
    return _report(collection, runs)


def _report(collection: Collection, runs: Mapping[str, Sequence[Sequence[str]]]) -> Report:
    values = {
        name: [
            measure(ranked, collection.grades[query])
            for (query, _), ranked in zip(collection.queries, lists, strict=True)
        ]
        for name, lists in runs.items()
    }
    ndcg = {name: [row["nDCG@10"] for row in rows] for name, rows in values.items()}
    better = max(("lexical", "dense"), key=lambda name: sum(ndcg[name]))
    return Report(
        queries=len(collection.queries),
        documents=len(collection.drafts),
        systems={
            name: {m: interval([row[m] for row in rows]) for m in MEASURES}
            for name, rows in values.items()
        },
        per_query=ndcg,
        against_better_leg=compare(ndcg[SYSTEMS[-1]], ndcg[better]),
    )


def _documents(hits: Sequence[Hit], keys: Sequence[str]) -> list[str]:
    """Return the documents of hits in order, each once."""
    return list(dict.fromkeys(keys[hit.no - 1] for hit in hits))


def _lines(path: Path) -> list[dict[str, Any]]:
    decode: Callable[[bytes], dict[str, Any]] = msgspec.json.Decoder(dict[str, Any]).decode
    return [decode(line) for line in path.read_bytes().splitlines() if line.strip()]


def _draft(row: dict[str, Any]) -> DocumentDraft:
    fields = {k: v for k, v in row.items() if k not in _KNOWN_FIELDS and isinstance(v, str) and v}
    text = str(row["text"]) or str(row.get("title", ""))
    return DocumentDraft(
        source_id="collection",
        key=str(row["_id"]),
        title=str(row.get("title", "")),
        chunks=(ChunkDraft(text or str(row["_id"])),),
        fields=fields,
    )
