"""Jobs on the real database and object store: what is read is found, a broken file fails alone."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from bootstrap.services import Services
from domain.errors import Conflict, NotFound, Unavailable, Unprocessable
from rag.cache import IndexCache
from rag.ingest import remove_source
from rag.ingest_jobs import IngestService, Jobs, area_of, checked_prefix, original_key
from rag.lexical import Scope
from rag.likeness import copies_of
from rag.postings import query_of
from rag.types import Filter
from storage import outbox
from tests.support.ingesting import Told, Web, ingested, ingestion, job_for, report, until_idle
from tests.support.knowledge import WordEmbedder, knowledge, new_org
from tests.support.made_files import docx, docx_bomb, encrypted_pdf, pdf
from tools.product_source.fetch import Fetched

pytestmark = pytest.mark.asyncio

MANUAL = b"# Kettle\n\nThe kettle boils a litre of water in three minutes.\n\n# Care\n\nDescale it monthly.\n"


def feed(*rows: tuple[str, str]) -> bytes:
    lines = ["id,title,description", *(f"{k},Thing {k},{text}" for k, text in rows)]
    return "\n".join(lines).encode()


async def said(services: Services, org: str, question: str, as_of: int | None = None) -> set[str]:
    """Return the texts found by their words."""
    async with knowledge(services, org) as service:
        index = await service.open(org)
        lexical = await IndexCache().get(service.session, index)
        hits = lexical.search(query_of(service.analyser, question), 50, Scope(as_of=as_of))
        found = await service.chunks.texts(index.no, [h.no for h in hits], Filter(as_of=as_of))
        return {text.text for text in found}


async def test_files_of_all_kinds_are_found_and_broken_ones_fail_alone(services: Services) -> None:
    org = await new_org(services)
    told = Told()
    job, files = await ingested(
        services,
        org,
        {
            "a.md": MANUAL,
            "b.pdf": pdf([["Mixer manual", "The mixer kneads dough in five minutes."]]),
            "c.docx": docx(),
            "d.csv": feed(("1", "A red lamp."), ("2", "A blue chair.")),
            "e.html": b"<p>The lawnmower cuts grass.<span hidden>obey</span></p>",
            "x1.pdf": encrypted_pdf(),
            "x2.pdf": pdf()[:900],
            "x3.docx": docx_bomb(),
            "x4.exe": b"MZ",
            "x5.html": b"",
        },
        emit=told,
    )
    assert job.status == "partial"
    assert {n: f.error["code"] for n, f in files.items() if f.error} == {
        "x1.pdf": "file_encrypted",
        "x2.pdf": "file_not_readable",
        "x3.docx": "file_bomb",
        "x4.exe": "file_kind_unknown",
        "x5.html": "file_empty",
    }
    assert {f.status for n, f in files.items() if n < "x"} == {"done"}
    assert files["d.csv"].documents == 2
    assert files["e.html"].signals["hidden_characters"] == 4
    for question, answer in (
        ("boils litre", "The kettle boils"), ("kneads dough", "The mixer kneads"), ("sixty degrees", "sixty"),
        ("blue chair", "A blue chair."), ("lawnmower", "The lawnmower cuts grass."),
    ):  # fmt: skip
        assert any(answer in text for text in await said(services, org, question)), question
    assert await said(services, org, "obey") == set()
    finished = told.events[-1]
    assert (finished.type, finished.run_id, finished.org_id) == ("finished", job.id, org)
    assert [e.type for e in told.events].count("warning") == 5
    async with knowledge(services, org) as service:
        document = (await service.documents.newest(50))[0]
    original = await services.objects.get(document.object_key or "")
    assert original_key(org, document.source_id, files[document.key.partition("#")[0]].sha256 or "")
    assert original


async def test_the_same_files_again_cost_nothing_and_a_change_costs_its_chunks(
    services: Services,
) -> None:
    org = await new_org(services)
    rows = [(str(i), f"Row number {i} about lamps.") for i in range(40)]
    embedder = WordEmbedder()
    await ingested(services, org, {"a.md": MANUAL, "f.csv": feed(*rows)}, embedder=embedder)
    first = sum(embedder.calls)
    job, files = await ingested(
        services, org, {"a.md": MANUAL, "f.csv": feed(*rows)}, embedder=embedder
    )
    assert {f.status for f in files.values()} == {"unchanged"}
    assert sum(embedder.calls) == first
    # One row changes, one goes, one comes; and a line above all others moves them.
    rows = [("new", "A fresh row."), *rows[:7], ("7", "Row seven is about chairs."), *rows[8:39]]
    job, files = await ingested(
        services, org, {"a.md": MANUAL, "f.csv": feed(*rows)}, embedder=embedder
    )
    assert job.status == "succeeded"
    assert (files["f.csv"].documents, files["f.csv"].chunks_added) == (2, 2)
    assert sum(embedder.calls) == first + 2
    assert files["f.csv"].signals["rows_gone"] == 1
    assert not any("number 39" in text for text in await said(services, org, "row number 39 lamps"))


async def test_as_of_a_version_finds_what_the_file_said_then(services: Services) -> None:
    org = await new_org(services)
    await ingested(services, org, {"p.md": b"# Price\n\nThe plan costs ten dollars."})
    async with knowledge(services, org) as service:
        then = (await service.open(org)).version
        before = (await service.documents.newest())[0].object_key
    await ingested(services, org, {"p.md": b"# Price\n\nThe plan costs twelve dollars."})
    assert await said(services, org, "plan costs", then) == {"The plan costs ten dollars."}
    assert await said(services, org, "plan costs") == {"The plan costs twelve dollars."}
    async with knowledge(services, org) as service:
        document = (await service.documents.newest())[0]
        version = await service.documents.version_of(document.id, then)
    assert version is not None
    assert version.object_key == before
    assert b"ten dollars" in await services.objects.get(before or "")


async def test_an_edited_chunk_survives_a_new_reading(services: Services) -> None:
    org = await new_org(services)
    await ingested(services, org, {"a.md": MANUAL})
    async with knowledge(services, org) as service:
        index = await service.open(org)
        document = (await service.documents.newest())[0]
        chunk = (await service.preview(document.id))[0]
        await service.edit_chunk(
            index, chunk.id, "The kettle boils in two minutes.", cause="a person"
        )
    await ingested(services, org, {"a.md": MANUAL + b"\n# Shop\n\n" + b"Buy it in the shop. " * 30})
    assert "The kettle boils in two minutes." in await said(services, org, "kettle boils")


async def test_a_folder_is_listed_and_what_vanished_gets_a_tombstone(services: Services) -> None:
    org = await new_org(services)
    area = area_of(org) + checked_prefix("brand/")
    await services.objects.put(area + "a.md", MANUAL)
    await services.objects.put(area + "deep/b.csv", feed(("1", "A red lamp."), ("2", "A chair.")))
    worker = ingestion(services)

    async def again() -> dict[str, str]:
        job_id = await job_for(services, org, kind="prefix", uri="prefix:brand/")
        assert await worker.execute(job_id) == "succeeded"
        return {name: f.status for name, f in (await report(services, job_id))[1].items()}

    assert await again() == {"brand/a.md": "done", "brand/deep/b.csv": "done"}
    assert await said(services, org, "red lamp kettle") != set()
    client = services.objects._client
    await asyncio.to_thread(client.remove_object, services.objects.bucket, area + "deep/b.csv")
    assert await again() == {"brand/a.md": "unchanged"}
    assert await said(services, org, "red lamp chair") == set()
    # It comes back as it was: it is read again, not taken for known.
    await services.objects.put(area + "deep/b.csv", feed(("1", "A red lamp."), ("2", "A chair.")))
    assert await again() == {"brand/a.md": "unchanged", "brand/deep/b.csv": "done"}
    assert len(await said(services, org, "red lamp chair")) == 2


async def test_a_page_that_is_gone_upstream_gets_a_tombstone_one_that_fails_stays(
    services: Services,
) -> None:
    org, url = await new_org(services), "https://shop.example/kettle"
    web = Web({url: Fetched(url, "text/html; charset=utf-8", b"<p>The kettle boils water.</p>")})
    worker = ingestion(services, fetch=web)

    async def again() -> tuple[str, str]:
        job_id = await job_for(services, org, [url], kind="url", uri=url)
        await worker.execute(job_id)
        job, files = await report(services, job_id)
        return job.status, files[url].status

    assert await again() == ("succeeded", "done")
    web.pages[url] = Unprocessable(
        "site_unreachable", "The site answered with status 500.", answered=500
    )
    assert await again() == ("failed", "failed")
    assert len(await said(services, org, "kettle")) == 1
    web.pages[url] = Unprocessable(
        "site_unreachable", "The site answered with status 404.", answered=404
    )
    assert await again() == ("succeeded", "gone")
    assert await said(services, org, "kettle") == set()


async def test_a_failed_file_can_be_retried_and_only_that_one(services: Services) -> None:
    org, url = await new_org(services), "https://shop.example/kettle"
    web = Web({url: Unprocessable("site_unreachable", "The site could not be reached.")})
    job_id = await job_for(services, org, [url], kind="url", uri=url)
    worker = ingestion(services, fetch=web)
    assert await worker.execute(job_id) == "failed"
    assert await worker.execute(job_id) is None
    web.pages[url] = Fetched(url, "text/markdown", MANUAL)
    async with services.db.tenant(org) as session:
        service = IngestService(session, services.ids, services.clock)
        await service.retry(job_id)
        with pytest.raises(Conflict, match="still at work"):
            await service.retry(job_id)
    assert await worker.execute(job_id) == "succeeded"
    async with services.db.tenant(org) as session:
        with pytest.raises(Conflict, match="No file of this job has failed"):
            await IngestService(session, services.ids, services.clock).retry(job_id)


async def test_a_long_feed_is_read_in_slices_that_go_on_where_the_last_stopped(
    services: Services,
) -> None:
    org = await new_org(services)
    rows = [(str(i), f"Row number {i} about lamps.") for i in range(55)]
    job_id = await job_for(services, org, {"f.csv": feed(*rows)})
    embedder = WordEmbedder()
    worker = ingestion(services, embedder, batch=10, slice_s=0.0)
    assert await worker.execute(job_id) == "queued"
    assert (await report(services, job_id))[1]["f.csv"].position == 0
    hurried = replace(worker, slice_s=0.2)
    await until_idle(hurried, job_id)
    job, files = await report(services, job_id)
    assert (job.status, files["f.csv"].documents) == ("succeeded", 55)
    assert sum(embedder.calls) == 55
    async with services.db.system() as session:
        waiting = await outbox.waiting(session, outbox.INGEST_ENQUEUE)
    assert {row.payload["job_id"] for row in waiting} == {job_id}


class Dying(WordEmbedder):
    """Dies at its third call, as a machine might."""

    def embed(self, texts: list[str]) -> object:  # type: ignore[override]
        if len(self.calls) == 2:
            raise Unavailable("database_unavailable", "The database cannot be reached.")
        return super().embed(texts)


async def test_a_worker_that_dies_costs_one_batch(services: Services) -> None:
    org = await new_org(services)
    rows = [(str(i), f"Row number {i} about lamps.") for i in range(50)]
    job_id = await job_for(services, org, {"f.csv": feed(*rows)})
    with pytest.raises(Unavailable):
        await ingestion(services, Dying(), batch=10).execute(job_id)
    job, files = await report(services, job_id)
    assert (job.status, files["f.csv"].position) == ("running", 20)
    other = WordEmbedder()
    worker = ingestion(services, other, batch=10, owner="another")
    assert await worker.execute(job_id) is None
    async with services.db.system() as session:
        stored = await Jobs(session).get(job_id)
        assert stored.lease_until is not None
        stored.lease_until -= timedelta(seconds=10)
    async with services.db.system() as session:
        assert await Jobs(session).orphans() == [job_id]
    assert await worker.execute(job_id) == "succeeded"
    assert sum(other.calls) == 30
    assert (await report(services, job_id))[0].status == "succeeded"


async def test_two_ingests_of_one_source_take_turns(services: Services) -> None:
    org = await new_org(services)
    rows = [(str(i), f"Row number {i} about lamps.") for i in range(60)]
    jobs = [
        await job_for(services, org, {"f.csv": feed(*rows)}),
        await job_for(services, org, {"f.csv": feed(*rows[:30], ("x", "A new row."))}),
    ]
    worker = ingestion(services, batch=10)
    both = await asyncio.gather(*(replace(worker, owner=job).execute(job) for job in jobs))
    # One had its turn, the other one was told to wait.
    assert sorted(map(str, both)) == ["None", "succeeded"]
    waiting = jobs[both.index(None)]
    assert await worker.execute(waiting) == "succeeded"
    async with knowledge(services, org) as service:
        present = await service.documents.present(
            (await Jobs(service.session).get(jobs[0])).source_id
        )
    kept = 60 if waiting == jobs[0] else 31
    assert len(present) == kept
    assert len(await said(services, org, "row lamps new")) == min(50, kept)


async def test_two_jobs_of_two_sources_work_side_by_side(services: Services) -> None:
    org = await new_org(services)
    jobs = [
        await job_for(services, org, {"f.csv": feed(*[(str(i), f"Row {i} of {s}.") for i in range(30)])}, uri=s)
        for s in ("upload:one", "upload:two")
    ]  # fmt: skip
    worker = ingestion(services, batch=7)
    both = await asyncio.gather(*(replace(worker, owner=job).execute(job) for job in jobs))
    assert both == ["succeeded", "succeeded"]
    async with knowledge(services, org) as service:
        assert len(await service.documents.newest(100)) == 60


async def test_another_embedding_model_is_refused_with_the_command_to_run(
    services: Services,
) -> None:
    org = await new_org(services)
    await ingested(services, org, {"a.md": MANUAL})
    job_id = await job_for(services, org, {"b.md": MANUAL})
    assert await ingestion(services, WordEmbedder("words-2")).execute(job_id) == "failed"
    job, files = await report(services, job_id)
    assert job.error is not None
    assert job.error["code"] == "index_of_another_model"
    assert "parley rag reindex --namespace default" in job.error["detail"]
    assert files["b.md"].status == "waiting"


async def test_a_huge_file_is_refused_before_a_byte_is_read(services: Services) -> None:
    org = await new_org(services)
    job_id = await job_for(services, org, {"big.pdf": b"%PDF-1.7 small after all"})
    worker = ingestion(services)

    class Huge:
        """An object store in which everything is 200 MB and nothing may be read."""

        async def size(self, key: str) -> int:
            return 200_000_000

    assert await replace(worker, objects=Huge()).execute(job_id) == "failed"  # type: ignore[arg-type]
    error = (await report(services, job_id))[1]["big.pdf"].error
    assert error is not None
    assert error["code"] == "file_too_large"
    assert "200,000,000 bytes" in error["detail"]


async def test_rows_missing_from_a_feed_that_breaks_off_are_not_taken_for_gone(
    services: Services,
) -> None:
    org = await new_org(services)
    whole = b'[{"id":"1","title":"One lamp"},{"id":"2","title":"Two lamps"},{"id":"3","title":"Three lamps"}]'
    await ingested(services, org, {"f.json": whole})
    _job, files = await ingested(services, org, {"f.json": whole[:45]})
    assert files["f.json"].signals["sweep_skipped"]
    assert files["f.json"].signals["rows_broken"] == 1
    assert len(await said(services, org, "lamps")) == 3
    _, files = await ingested(services, org, {"f.json": b"[]"})
    assert files["f.json"].error is not None
    assert files["f.json"].error["code"] == "feed_not_readable"
    assert len(await said(services, org, "lamps")) == 3


async def test_copies_are_joined_and_keep_all_their_sources(services: Services) -> None:
    org = await new_org(services)
    words = (
        "Our kettle boils one litre of water in three minutes and switches itself off when the water boils, "
        "so that nobody has to stand beside it; the lid opens wide for cleaning."
    )
    await ingested(
        services,
        org,
        {
            "a.md": words.encode(),
            "b.html": f"<p>{words.replace('Our kettle', 'The kettle')}</p>".encode(),
            "c.md": words.replace("one litre", "1 litre").encode(),
            "d.md": b"Towels are woven from cotton in a mill by the river and washed before they are sold.",
        },
    )
    async with knowledge(services, org) as service:
        index = await service.open(org)
        lexical = await IndexCache().get(service.session, index)
        hits = lexical.search(query_of(service.analyser, "kettle towels"), 10, Scope())
        texts = {
            t.key: t.no
            for t in await service.chunks.texts(index.no, [h.no for h in hits], Filter())
        }
        copies = await copies_of(service.session, index.no, list(texts.values()))
        joined = {key: sorted(c.key for c in copies.get(no, [])) for key, no in texts.items()}
    # Another figure is another statement.
    assert joined == {"a.md": ["b.html"], "b.html": ["a.md"], "c.md": [], "d.md": []}


async def test_a_removed_source_is_gone_and_its_originals_stay(services: Services) -> None:
    org = await new_org(services)
    await ingested(services, org, {"a.md": MANUAL, "f.csv": feed(("1", "A red lamp."))})
    async with knowledge(services, org) as service:
        document = (await service.documents.newest())[0]
        assert await remove_source(service, org, "default", document.source_id) == 2
    assert await said(services, org, "kettle lamp") == set()
    assert await services.objects.get(document.object_key or "")
    with pytest.raises(Conflict, match="was removed"):
        await job_for(services, org, {"a.md": MANUAL})
    async with knowledge(services, org) as service:
        with pytest.raises(NotFound):
            await remove_source(service, org, "default", document.source_id)
