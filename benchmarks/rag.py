"""How long the knowledge store takes: BM25 in SQL against in process, building, changing 1 %, retrieving.

.venv/bin/python -m benchmarks.rag [--sql 50000 500000] [--store 50000]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psycopg
from sqlalchemy import text

import encoder
from benchmarks.synthetic import vocabulary
from bootstrap.embedded import EmbeddedServices, ServiceUrls, read_state
from catalog.access import AccessService
from domain.ids import RandomIds
from domain.time import SystemClock
from rag.analyse import default_analyser
from rag.cache import IndexCache
from rag.holdings import open_library
from rag.lexical import LexicalIndex
from rag.postings import RECORD, Query
from rag.retrieve import Retriever
from rag.segments import Rows
from rag.service import KnowledgeService
from rag.types import OPEN, ChunkDraft, DocumentDraft, Vectors
from storage.database import Database
from storage.migrate import upgrade

WORDS, VOCABULARY, PER_DOCUMENT = 80, 100_000, 10
SQL = """
WITH q(term, df) AS (SELECT term, count(*) FROM trial WHERE term = ANY(%(terms)s) GROUP BY term)
SELECT chunk, sum(ln(1 + (%(n)s - df + 0.5) / (df + 0.5)) * tf * 2.2 / (tf + 1.2)) AS score
FROM trial JOIN q USING (term) GROUP BY chunk ORDER BY score DESC, chunk LIMIT 100
"""


class Words:
    """Zipf-distributed text of invented words."""

    def __init__(self, seed: int = 5) -> None:
        self.chance = np.random.default_rng(seed)
        self.words = vocabulary(VOCABULARY, random.Random(seed))
        share = 1 / np.arange(1, VOCABULARY + 1)
        self._cumulative = np.cumsum(share / share.sum())

    def draw(self, rows: int, size: int) -> np.ndarray:
        return np.searchsorted(self._cumulative, self.chance.random((rows, size)))

    def text(self, size: int = WORDS) -> str:
        return " ".join(self.words[i] for i in self.draw(1, size)[0]) + "."

    def questions(self, count: int) -> list[list[int]]:
        return [self.draw(1, 4)[0].tolist() for _ in range(count)]


class Clustered:
    """Vectors that cost nothing: 200 clusters, the same for the same text. Not a model."""

    languages = ("eng",)

    def __init__(self, model_id: str = "clustered") -> None:
        self.model_id = model_id
        self._centres = np.random.default_rng(1).standard_normal((200, 384)).astype(np.float32)

    def embed(self, texts: list[str]) -> Vectors:
        seeds = [hash(text) & 0xFFFFFFFF for text in texts]
        rows = np.stack([np.random.default_rng(s).standard_normal(384, np.float32) for s in seeds])
        rows = self._centres[[s % 200 for s in seeds]] + rows
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


class WithModel(Clustered):
    """As before, and the real model computes each question too, so that its time counts."""

    def __init__(self) -> None:
        super().__init__()
        self._encoder = encoder.load()

    def embed(self, texts: list[str]) -> Vectors:
        self._encoder.embed(texts)
        return super().embed(texts)


def sql_trial(urls: ServiceUrls, chunks: int) -> None:
    """Time BM25 in SQL over one row per posting, and the in-process index over the same postings."""
    words = Words()
    drawn = words.draw(chunks, WORDS)
    counted = [np.unique(row, return_counts=True) for row in drawn]
    with psycopg.connect(urls.admin_database_url) as connection:
        connection.execute("CREATE TEMP TABLE trial (term int, chunk int, tf smallint)")
        with connection.cursor().copy("COPY trial FROM STDIN (FORMAT BINARY)") as copy:
            copy.write(_binary(counted))
        connection.execute("CREATE INDEX ON trial (term) INCLUDE (chunk, tf)")
        connection.execute("ANALYZE trial")
        times = []
        for question in words.questions(20 if chunks > 100_000 else 100):
            started = time.perf_counter()
            connection.execute(SQL, {"terms": question, "n": chunks}).fetchall()
            times.append((time.perf_counter() - started) * 1000)
        _show(f"BM25 in SQL, {chunks:,} chunks", times)
    index = LexicalIndex().updated(1, _rows(counted))
    times = []
    for question in words.questions(200):
        started = time.perf_counter()
        index.search(Query({term: 1.0 for term in question}), 100)
        times.append((time.perf_counter() - started) * 1000)
    _show(f"BM25 in process, {chunks:,} chunks, {index.nbytes / 1e6:.0f} MB", times)


async def store_trial(urls: ServiceUrls, chunks: int) -> None:
    """Time building an index, changing 1 % of it, and retrieving from it."""
    words, clock = Words(), SystemClock()
    db, ids, analyser = (
        Database(urls.database_url, pool_size=1),
        RandomIds(clock),
        default_analyser(),
    )
    async with db.system() as session:
        access = AccessService(session, ids, clock, lambda: "x" * 43)
        org = (await access.create_organisation("advertiser", "Bench")).id
    texts = [[words.text() for _ in range(PER_DOCUMENT)] for _ in range(chunks // PER_DOCUMENT)]

    async def put_all() -> float:
        started = time.perf_counter()
        for start in range(0, len(texts), 100):
            async with db.tenant(org) as session:
                service = KnowledgeService(session, ids, clock, analyser, Clustered())
                index = await service.open(org)
                source = await service.add_source(index, kind="note", uri="bench")
                drafts = [
                    DocumentDraft(
                        source.id,
                        str(i),
                        f"Document {i}",
                        tuple(map(ChunkDraft, texts[i])),
                        language="eng",
                    )
                    for i in range(start, min(len(texts), start + 100))
                ]
                await service.put(index, drafts, cause="bench")
        return time.perf_counter() - started

    first = await put_all()
    print(
        f"first build, {chunks:,} chunks, vectors for free: {first:.1f} s, {chunks / first:.0f} chunks/s"
    )
    for i in range(0, len(texts), max(1, len(texts) * 100 // chunks)):
        texts[i][3] = words.text()
    again = await put_all()
    print(
        f"1 % of the chunks changed, everything offered again: {again:.1f} s, {again / first:.1%}"
    )
    cache = IndexCache()
    started = time.perf_counter()
    async with db.tenant(org) as session:
        await open_library(session, org, "default", cache, Clustered(), analyser)
    print(f"in-process index from the database: {time.perf_counter() - started:.2f} s")
    questions = [" ".join(words.words[i] for i in q) for q in words.questions(150)]
    for name, embedder in (("without", Clustered()), ("with", WithModel())):
        times, stages = [], {}
        retriever = Retriever(analyser, embedder)
        cpu = time.process_time() + await _server_cpu(db)
        for question in questions:
            began = time.perf_counter()
            async with db.tenant(org) as session:
                library = await open_library(session, org, "default", cache, Clustered(), analyser)
                found = await retriever.search(library, question)
            times.append((time.perf_counter() - began) * 1000)
            for stage, spent in found.timings_ms.items():
                stages.setdefault(stage, []).append(spent)
        _show(f"retrieval {name} question embedding, {chunks:,} chunks", times[10:])
        cpu = (time.process_time() + await _server_cpu(db) - cpu) / len(questions)
        print(f"   CPU of process and server: {cpu * 1000:.1f} ms each")
        print(
            "   median ms by stage:", {k: round(statistics.median(v), 1) for k, v in stages.items()}
        )
    await db.close()


async def _server_cpu(db: Database) -> float:
    """Return the CPU seconds of the server process of our one connection."""
    async with db.system() as session:
        pid = await session.scalar(text("SELECT pg_backend_pid()"))
    return _process_cpu(int(pid or 0))


def _process_cpu(pid: int) -> float:
    used = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(used[11]) + int(used[12])) / os.sysconf("SC_CLK_TCK")


def _binary(counted: Sequence[tuple[np.ndarray, np.ndarray]]) -> bytes:
    """Return postings in PostgreSQL's binary COPY form."""
    size = sum(len(terms) for terms, _ in counted)
    form = [
        ("n", ">i2"),
        ("a", ">i4"),
        ("term", ">i4"),
        ("b", ">i4"),
        ("chunk", ">i4"),
        ("c", ">i4"),
        ("tf", ">i2"),
    ]
    rows = np.zeros(size, form)
    rows["n"], rows["a"], rows["b"], rows["c"] = 3, 4, 4, 2
    rows["term"] = np.concatenate([terms for terms, _ in counted])
    rows["tf"] = np.concatenate([tfs for _, tfs in counted])
    rows["chunk"] = np.repeat(np.arange(len(counted)), [len(terms) for terms, _ in counted])
    return b"PGCOPY\n\xff\r\n\0" + bytes(8) + rows.tobytes() + b"\xff\xff"


def _rows(counted: Sequence[tuple[np.ndarray, np.ndarray]]) -> Rows:
    records = np.empty(sum(len(terms) for terms, _ in counted), RECORD)
    records["key"] = np.concatenate([terms for terms, _ in counted])
    records["tf"] = np.concatenate([tfs for _, tfs in counted])
    zero, size = np.zeros(len(counted), np.int64), len(counted)
    counts = np.array([len(terms) for terms, _ in counted], np.int64)
    return Rows(
        np.arange(1, size + 1), np.arange(1, size + 1), zero + 1, zero + OPEN, zero,
        (zero + WORDS, zero, zero), (counts, zero, zero), (records.tobytes(), b"", b""),
    )  # fmt: skip


def _show(name: str, times: Sequence[float]) -> None:
    low, high = np.percentile(times, [50, 95])
    print(f"{name}: p50 {low:.1f} ms, p95 {high:.1f} ms, fastest {min(times):.1f} ms", flush=True)


@contextmanager
def _services() -> Iterator[ServiceUrls]:
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder:
        env = {
            k: v
            for k, v in os.environ.items()
            if k not in ("DATABASE_URL", "REDIS_URL", "S3_ENDPOINT")
        }
        services = EmbeddedServices(Path(folder), env=env)
        services.start()
        try:
            urls = read_state(Path(folder))
            assert urls is not None
            upgrade(urls.admin_database_url, "parley")
            yield urls
        finally:
            services.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sql", type=int, nargs="*", default=[])
    parser.add_argument("--store", type=int, nargs="*", default=[])
    asked = parser.parse_args()
    if not asked.sql and not asked.store:
        asked.sql, asked.store = [50_000], [50_000]
    with _services() as urls:
        for chunks in asked.sql:
            sql_trial(urls, chunks)
        for chunks in asked.store:
            asyncio.run(store_trial(urls, chunks))


if __name__ == "__main__":
    main()
