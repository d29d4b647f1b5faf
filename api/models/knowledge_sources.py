"""Sources of knowledge and the jobs that read them, on the wire."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from api.models.common import In, Line, Moment, Out, example

Namespace = Annotated[
    Line, Field(min_length=1, max_length=80, description="Which of the organisation's indexes.")
]
TrustLabel = Literal["owned", "partner", "untrusted"]


class KnowledgeSourceIn(In):
    """A web address, or a folder of the organisation's own area in the object store."""

    model_config = example({"kind": "url", "uri": "https://shop.example/warranty"})

    kind: Literal["url", "prefix"] = "url"
    uri: Line = Field(
        min_length=1,
        max_length=2_000,
        description="An http(s) address; or a folder such as `brand/`, below `orgs/<id>/files/`.",
    )
    namespace: Namespace = "default"
    trust: TrustLabel | None = Field(
        None,
        description="Who is answerable for what is read there; untrusted by default. It stays what it is.",
    )
    campaign_id: Annotated[str, Field(pattern=r"^cmp_[0-9A-HJKMNP-TV-Z]{26}$")] | None = None


class KnowledgeSourceOut(Out):
    """Where knowledge comes from."""

    id: str
    kind: str
    name: str
    uri: str
    trust: str
    status: str
    created_at: Moment


class IngestFileOut(Out):
    """A file of a job, and what became of it."""

    name: str
    status: str = Field(description="waiting, done, unchanged, gone or failed")
    error: dict[str, Any] | None = Field(description="`code` and `detail` of why it failed.")
    size_bytes: int
    position: int = Field(description="Rows of a feed that are written.")
    documents: int
    chunks_added: int
    chunks_kept: int
    chunks_retired: int
    signals: dict[str, Any] = Field(description="Hidden text, rows left out, pages without text.")


class IngestJobOut(Out):
    """One reading of a source."""

    id: str
    source_id: str
    namespace: str
    status: str = Field(description="queued, running, succeeded, partial or failed")
    error: dict[str, Any] | None
    created_at: Moment
    updated_at: Moment
    counts: dict[str, int] = Field(
        default_factory=dict, description="How many files of each status."
    )
    files: list[IngestFileOut] = Field(
        default_factory=list, description="At most 1,000, failed ones first."
    )


class RemovedOut(Out):
    """What a removal took out of the indexes; originals stay for answers given before."""

    documents: int
