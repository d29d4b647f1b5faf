"""What an organisation knows: search it, ask it, see why, look at pieces of a document and edit them."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Query, Request

from api.deps import Api, CampaignReader, CampaignWriter, Limit, id_of, state_of, who
from api.models.knowledge import (
    AnswerIn,
    AnswerOut,
    ChunkEdit,
    ChunkOut,
    DocumentOut,
    FilterIn,
    Name,
    PassageOut,
    RejectedOut,
    SearchIn,
    SearchOut,
    StatementOut,
    WhyOut,
)
from bootstrap.knowledge import Knowledge
from domain.errors import NotFound
from rag.reading import KnowledgeReader, as_evidence
from rag.repository import Documents, Indexes
from rag.types import ChunkText, Filter

router = APIRouter(prefix="/api/v1/knowledge", tags=["knowledge"])

DocumentId = Annotated[str, Depends(id_of("doc"))]
ChunkId = Annotated[str, Depends(id_of("chk"))]


def knowledge_of(request: Request) -> Knowledge:
    """Return the process's knowledge store; made with the first call that needs it."""
    found: Knowledge | None = getattr(request.app.state, "knowledge", None)
    if found is None or found.services is not state_of(request).services:
        found = request.app.state.knowledge = Knowledge(state_of(request).services)
    return found


Known = Annotated[Knowledge, Depends(knowledge_of)]


@router.post("/search")
async def search(body: SearchIn, caller: CampaignReader, known: Known) -> SearchOut:
    """Return the passages that answer, each with its source, its trust label and its place in every leg."""
    reader = await known.reader(caller.org_id, body.namespace)
    found = await reader.search(body.query, body.k, await _filter(reader, body.filter))
    passages = [
        PassageOut.model_validate(
            {
                **msgspec.to_builtins(as_evidence(passage)),
                "trust": str(passage.chunk.trust),
                "ranks": passage.ranks,
                "copies": [_copy(chunk) for chunk in passage.copies],
            }
        )
        for passage in found.passages
    ]
    return SearchOut(
        query=found.query, rewritten=found.rewritten, notes=list(found.notes), passages=passages,
        version=found.version, legs=list(found.legs), timings_ms=found.timings_ms,
    )  # fmt: skip


@router.post("/answer")
async def answer(body: AnswerIn, caller: CampaignReader, known: Known) -> AnswerOut:
    """Answer from the organisation's knowledge with checked citations, or say that it is not known."""
    reader = await known.reader(caller.org_id, body.namespace)
    said = await reader.answer(body.question, filter=await _filter(reader, body.filter))
    return AnswerOut(
        question=said.question,
        text=said.text,
        statements=[
            StatementOut.model_validate(
                {
                    "text": one.text,
                    "trust": str(one.trust),
                    "citations": msgspec.to_builtins(one.citations),
                    "coverage": one.support.coverage,
                }
            )
            for one in said.statements
        ],
        confidence=said.confidence,
        unanswered=said.unanswered,
        rejected=[
            RejectedOut(text=one.text, reason=one.support.reason, detail=one.support.detail)
            for one in said.rejected
        ],
        written_by=said.written_by,
        version=said.version,
        timings_ms=said.timings_ms,
    )


@router.get("/why")
async def why(
    caller: CampaignReader,
    known: Known,
    query: Annotated[str, Query(min_length=1, max_length=1_000, pattern=r"^[^\x00]*$")],
    namespace: Name = "default",
    k: Annotated[int, Query(ge=1, le=50, description="Passages at most.")] = 8,
    as_of: Annotated[
        int | None, Query(ge=0, le=2**31 - 2, description="Knowledge version.")
    ] = None,
) -> WhyOut:
    """Explain a search: every stage's candidates with their scores, and what became of each."""
    reader = await known.reader(caller.org_id, namespace)
    told = await reader.why(query, k, Filter(as_of=as_of))
    return WhyOut.model_validate(msgspec.to_builtins(told))


@router.get("/documents")
async def documents(
    caller: CampaignReader,
    api: Api,
    namespace: Name = "default",
    source: Annotated[str | None, Query(pattern=r"^kso_[0-9A-HJKMNP-TV-Z]{26}$")] = None,
    after: Annotated[
        str,
        Query(max_length=30, pattern=r"^[a-zA-Z0-9_]*$", description="Id of the last one seen."),
    ] = "",
    limit: Limit = 50,
) -> list[DocumentOut]:
    """Return the documents that are known now, of all sources or of one, in pages."""
    async with api.services.db.tenant(caller.org_id) as session:
        index = await Indexes(session).named(caller.org_id, namespace)
        if index is None:
            return []
        found = await Documents(session).page(index.no, source, after, limit)
        return [DocumentOut.model_validate(row) for row in found]


@router.get("/documents/{id}/chunks")
async def chunks(
    item_id: DocumentId, caller: CampaignReader, api: Api, known: Known
) -> list[ChunkOut]:
    """Return the pieces of a document in order, as they are indexed now."""
    async with api.services.db.tenant(caller.org_id) as session:
        writer = await known.writer(session)
        return [ChunkOut.model_validate(chunk) for chunk in await writer.preview(item_id)]


@router.patch("/chunks/{id}")
async def edit_chunk(
    item_id: ChunkId, body: ChunkEdit, caller: CampaignWriter, api: Api, known: Known
) -> ChunkOut:
    """Put a person's text in the place of a piece. It survives re-indexing; the piece gets a new id."""
    async with api.services.db.tenant(caller.org_id) as session:
        writer = await known.writer(session)
        old = await writer.chunks.get(item_id)
        index = await writer.indexes.numbered(old.index_no)
        if index is None:
            raise NotFound("chunk_not_found", f"There is no chunk {item_id}.")
        edited = await writer.edit_chunk(
            index, item_id, body.text, cause=f"edited by {who(caller)}"
        )
        return ChunkOut.model_validate(edited)


async def _filter(reader: KnowledgeReader, given: FilterIn) -> Filter:
    return given.plain(None if given.at is None else await reader.version_at(given.at))


def _copy(chunk: ChunkText) -> dict[str, str]:
    return {
        "title": chunk.title, "source_id": chunk.source_id, "document_id": chunk.document_id,
        "chunk_id": chunk.chunk_id, "trust": str(chunk.trust),
        "url": chunk.key if chunk.key.startswith(("https://", "http://")) else "",
    }  # fmt: skip
