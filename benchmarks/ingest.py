"""How long ingestion takes: chunks a second with the real model, 1 % changed of a long feed, memory of 1M rows.

    .venv/bin/python -m benchmarks.ingest [--embed 2000] [--feed 50000] [--rows 1000000]

Times are wall clock, with the CPU seconds of this process beside them: on a machine that is busy with other
things the ratios hold and the absolutes do not. The feed's vectors are computed by nobody (a fixed vector per
text), and its first build is therefore quicker than a real one: the share of a re-index is the harsher for it.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import random
import resource
import tempfile
import time
from pathlib import Path

import encoder
from benchmarks.rag import Clustered, Words, _services
from bootstrap.embedded import ServiceUrls
from catalog.access import AccessService
from domain.errors import Unavailable
from domain.events import Progress
from domain.ids import RandomIds
from domain.time import SystemClock
from rag.analyse import default_analyser
from rag.compress import tokens_of
from rag.extract import Kind
from rag.ingest import Fetched, Ingestion
from rag.ingest_files import _RowReader
from rag.ingest_jobs import IngestService, NewFile, original_key
from rag.local_embedder import LocalEmbedder
from storage.database import Database
from storage.objects import ObjectStore


class Bench:
    """An organisation of its own on the embedded parts, and a worker."""

    def __init__(self, urls: ServiceUrls, embedder: object) -> None:
        self.clock = SystemClock()
        self.ids = RandomIds(self.clock)
        self.db = Database(urls.database_url)
        self.objects = ObjectStore(
            urls.s3_endpoint, urls.s3_access_key, urls.s3_secret_key, urls.s3_bucket
        )
        self.worker = Ingestion(
            db=self.db, objects=self.objects, ids=self.ids, clock=self.clock,
            analyser=default_analyser(), embedder=embedder, fetch=_no_fetch, emit=_no_emit,
            owner="bench", slice_s=1e9,
        )  # type: ignore[arg-type]  # fmt: skip
        self.org = ""

    async def open(self, name: str) -> None:
        await self.objects.ensure_bucket()
        async with self.db.system() as session:
            access = AccessService(session, self.ids, self.clock, lambda: "x" * 43)
            self.org = (await access.create_organisation("advertiser", name)).id

    async def ingest(self, name: str, data: bytes) -> tuple[float, float, str]:
        """Ingest one file; return wall seconds, CPU seconds and how the job ended."""
        async with self.db.tenant(self.org) as session:
            service = self.worker.service(session)
            index = await service.open(self.org)
            source = await service.add_source(index, kind="upload", uri="upload:bench")
            key = original_key(self.org, source.id, hashlib.sha256(data).hexdigest())
            await self.objects.put(key, data)
            ingest = IngestService(session, self.ids, self.clock)
            job = await ingest.add_job(index, source, [NewFile(name, key, len(data))], by="bench")
        wall, cpu = time.perf_counter(), time.process_time()
        ended = await self.worker.execute(job.id)
        return time.perf_counter() - wall, time.process_time() - cpu, str(ended)


async def _no_fetch(url: str) -> Fetched:
    raise Unavailable("no_fetch", f"The benchmark reads no address: {url}")


async def _no_emit(event: Progress) -> None:
    return None


def feed(words: Words, count: int, changed: int = 0) -> bytes:
    """Return a CSV feed of one chunk a row; every so many-th row says something else."""
    chance = random.Random(7)
    lines = ["id,title,description"]
    step = count // changed if changed else count + 1
    for number in range(count):
        body = " ".join(chance.choice(words.words[:5_000]) for _ in range(40))
        more = " changed" if (number + 1) % step == 0 else ""
        lines.append(f"{number},Thing {number},{body}{more}")
    return "\n".join(lines).encode()


def manual(chunks: int) -> bytes:
    """Return a Markdown text that is cut into about so many chunks of 200 tokens."""
    # Words of the model's own vocabulary: invented ones would fall into several pieces each.
    known = [w for w in encoder.load().vocabulary() if w.isascii() and w.isalpha() and len(w) > 1]
    chance, words = random.Random(3), known[:8_000]
    out = []
    for number in range(chunks):
        sentences = [
            " ".join(chance.choice(words) for _ in range(12)).capitalize() + "." for _ in range(9)
        ]
        out.append(f"# Part {number}\n\n{' '.join(sentences)}\n")
    return "\n".join(out).encode()


async def embed_trial(urls: ServiceUrls, chunks: int) -> None:
    bench = Bench(urls, LocalEmbedder())
    await bench.open("Embed")
    await bench.ingest("warm.md", manual(20))
    pieces = manual(chunks).split(b"\n# Part ")
    files = [b"\n# Part ".join(pieces[i : i + 250]) for i in range(0, len(pieces), 250)]
    wall = cpu = 0.0
    for number, data in enumerate(files):
        spent = await bench.ingest(f"manual-{number}.md", data)
        wall, cpu = wall + spent[0], cpu + spent[1]
    tokens = tokens_of(manual(50).decode()) // 50
    print(
        f"ingest with {encoder.MODEL_ID}, {chunks:,} chunks of about {tokens} tokens: {wall:.1f} s, "
        f"{chunks / wall:.0f} chunks/s; {cpu:.1f} CPU s, {2 * chunks / cpu:.0f} chunks/s on 2 free cores",
        flush=True,
    )
    await bench.db.close()


async def feed_trial(urls: ServiceUrls, rows: int) -> None:
    bench = Bench(urls, Clustered())
    await bench.open("Feed")
    words = Words()
    first = await bench.ingest("feed.csv", feed(words, rows))
    again = await bench.ingest("feed.csv", feed(words, rows, rows // 100))
    same = await bench.ingest("feed.csv", feed(words, rows, rows // 100))
    print(
        f"feed of {rows:,} rows, vectors for free: first {first[0]:.1f} s ({first[1]:.1f} CPU s), "
        f"1 % changed {again[0]:.1f} s ({again[1]:.1f} CPU s): {again[0] / first[0]:.1%}; "
        f"same file again {same[0]:.2f} s",
        flush=True,
    )
    await bench.db.close()


def rows_trial(rows: int) -> None:
    """Read a feed as a job does, without writing: memory must not grow with it."""

    def peak() -> float:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "feed.csv"
        with path.open("w") as file:
            file.write("id,title,description\n")
            file.writelines(f"{i},Thing {i},Words about thing number {i}.\n" for i in range(rows))
        before, started = peak(), time.perf_counter()
        reader = _RowReader(path, Kind.CSV, 200)
        while reader.next() is not None:
            pass
        spent = time.perf_counter() - started
    print(
        f"{rows:,} rows read in {spent:.1f} s, {reader.good:,} good; peak memory {before:.0f} → {peak():.0f} MB",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--embed", type=int, default=2_000)
    parser.add_argument("--feed", type=int, default=50_000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    asked = parser.parse_args()
    if asked.rows:
        rows_trial(asked.rows)
    with _services() as urls:
        if asked.embed:
            asyncio.run(embed_trial(urls, asked.embed))
        if asked.feed:
            asyncio.run(feed_trial(urls, asked.feed))


if __name__ == "__main__":
    main()
