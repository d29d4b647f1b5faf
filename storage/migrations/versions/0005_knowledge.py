"""Knowledge: sources, documents and their versions, chunks, postings and vectors."""

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import Vector
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

APP, SYSTEM = "parley_app", "parley_system"
OPEN = 2**31 - 1

#: Tables whose rows name their organisation, and what a tenant may do.
BY_ORGANISATION = {
    "knowledge_indexes": "SELECT, INSERT, UPDATE",
    "knowledge_versions": "SELECT, INSERT",
    "knowledge_sources": "SELECT, INSERT, UPDATE",
    "knowledge_documents": "SELECT, INSERT, UPDATE",
    "knowledge_document_versions": "SELECT, INSERT, UPDATE",
    "knowledge_chunks": "SELECT, INSERT, UPDATE",
}

#: Narrow tables: the organisation is that of the index.
BY_INDEX = {
    "knowledge_postings": "SELECT, INSERT, UPDATE, DELETE",
    "knowledge_vectors": "SELECT, INSERT, UPDATE, DELETE",
}


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS vector")
    op.create_table(
        "knowledge_indexes",
        *_tenant_columns("knowledge_indexes"),
        sa.Column("no", sa.Integer(), sa.Identity(always=True), nullable=False),
        _text("namespace"),
        _number("version"),
        _number("rebuilt_version"),
        _text("embedding_model"),
        sa.Column("embedding_languages", sa.ARRAY(sa.Text()), nullable=False),
        _text("analyser_id"),
        sa.UniqueConstraint("org_id", "namespace", name=op.f("uq_knowledge_indexes_org_id_namespace")),
        sa.UniqueConstraint("no", name=op.f("uq_knowledge_indexes_no")),
    )
    op.create_table(
        "knowledge_versions",
        *_tenant_columns("knowledge_versions"),
        _number("index_no"),
        _number("version"),
        _text("cause"),
        sa.UniqueConstraint("index_no", "version", name=op.f("uq_knowledge_versions_index_no_version")),
    )
    op.create_table(
        "knowledge_sources",
        *_tenant_columns("knowledge_sources"),
        _number("index_no"),
        *(_text(name) for name in ("kind", "name", "uri", "trust", "status")),
        _json("settings"),
        sa.UniqueConstraint("index_no", "uri", name=op.f("uq_knowledge_sources_index_no_uri")),
    )
    op.create_table(
        "knowledge_documents",
        *_tenant_columns("knowledge_documents"),
        sa.Column("no", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        _number("index_no"),
        *(_text(name) for name in ("source_id", "key", "title", "language", "trust", "content_hash")),
        _number("revision"),
        sa.Column("object_key", sa.Text(), nullable=True),
        _json("fields"),
        _json("metadata"),
        sa.Column("campaign_id", sa.Text(), nullable=True),
        sa.Column("dated_at", sa.DateTime(timezone=True), nullable=False),
        _number("gone_version"),
        sa.ForeignKeyConstraint(
            ["source_id"], ["knowledge_sources.id"], name=op.f("fk_knowledge_documents_source_id")
        ),
        sa.UniqueConstraint("source_id", "key", name=op.f("uq_knowledge_documents_source_id_key")),
        sa.UniqueConstraint("no", name=op.f("uq_knowledge_documents_no")),
    )
    op.create_table(
        "knowledge_document_versions",
        *_tenant_columns("knowledge_document_versions"),
        _text("document_id"),
        _number("index_no"),
        _number("revision"),
        _text("content_hash"),
        _text("title"),
        sa.Column("object_key", sa.Text(), nullable=True),
        _json("signals"),
        _number("from_version"),
        _number("to_version"),
        sa.ForeignKeyConstraint(
            ["document_id"],
            ["knowledge_documents.id"],
            name=op.f("fk_knowledge_document_versions_document_id"),
        ),
        sa.UniqueConstraint(
            "document_id",
            "from_version",
            name=op.f("uq_knowledge_document_versions_document_id_from_version"),
        ),
    )
    op.create_table(
        "knowledge_chunks",
        *_tenant_columns("knowledge_chunks"),
        sa.Column("no", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        _number("index_no"),
        _big("document_no"),
        _number("ordinal"),
        _text("hash"),
        sa.Column("heading", sa.ARRAY(sa.Text()), nullable=False),
        _number("span_start"),
        _number("span_end"),
        _text("language"),
        _text("text"),
        sa.Column("edited", sa.Boolean(), nullable=False),
        sa.Column("edit_of", sa.Text(), nullable=True),
        sa.Column("outdated", sa.Boolean(), nullable=False),
        _number("from_version"),
        _number("to_version"),
        sa.UniqueConstraint("no", name=op.f("uq_knowledge_chunks_no")),
    )
    op.create_table(
        "knowledge_postings",
        sa.Column("chunk_no", sa.BigInteger(), autoincrement=False, nullable=False),
        _number("index_no"),
        _big("document_no"),
        _number("language"),
        *(
            _number(name)
            for name in ("from_version", "to_version", "body_length", "title_length", "grams_length")
        ),
        *(
            sa.Column(name, sa.LargeBinary(), nullable=False)
            for name in ("body", "title", "grams")
        ),
        sa.PrimaryKeyConstraint("chunk_no", name=op.f("pk_knowledge_postings")),
    )
    op.create_table(
        "knowledge_vectors",
        sa.Column("chunk_no", sa.BigInteger(), autoincrement=False, nullable=False),
        _number("index_no"),
        _big("document_no"),
        _text("language"),
        _number("from_version"),
        _number("to_version"),
        sa.Column("embedding", Vector(384), nullable=False),
        sa.PrimaryKeyConstraint("chunk_no", name=op.f("pk_knowledge_vectors")),
    )
    _indexes()
    # Hashes of terms do not compress: trying costs time at every write.
    for column in ("body", "title", "grams"):
        op.execute(f"ALTER TABLE knowledge_postings ALTER COLUMN {column} SET STORAGE EXTERNAL")
    mine = "current_setting('parley.org_id', true)"
    for table, rights in BY_ORGANISATION.items():
        _guard(table, f"org_id = {mine}", rights)
    for table, rights in BY_INDEX.items():
        # An array, not a join: the planner may look it up once and use an index with it.
        index = f"index_no = ANY (ARRAY(SELECT no FROM knowledge_indexes WHERE org_id = {mine}))"
        _guard(table, index, rights)


def downgrade() -> None:
    for table in (*BY_INDEX, *reversed(BY_ORGANISATION)):
        op.drop_table(table)


def _indexes() -> None:
    for table in BY_ORGANISATION:
        op.create_index(op.f(f"ix_{table}_org_id"), table, ["org_id"])
    op.create_index("ix_knowledge_documents_index_no", "knowledge_documents", ["index_no"])
    op.create_index(
        "ix_knowledge_chunks_document_no", "knowledge_chunks", ["document_no", "to_version"]
    )
    op.create_index("ix_knowledge_postings_from", "knowledge_postings", ["index_no", "from_version"])
    op.create_index(
        "ix_knowledge_postings_to",
        "knowledge_postings",
        ["index_no", "to_version"],
        postgresql_where=sa.text(f"to_version < {OPEN}"),
    )
    op.create_index("ix_knowledge_vectors_index_no", "knowledge_vectors", ["index_no", "to_version"])
    op.create_index("ix_knowledge_vectors_document_no", "knowledge_vectors", ["document_no"])
    op.create_index(
        "ix_knowledge_vectors_embedding",
        "knowledge_vectors",
        ["embedding"],
        postgresql_using="hnsw",
        postgresql_ops={"embedding": "vector_ip_ops"},
        postgresql_where=sa.text(f"to_version = {OPEN}"),
    )


def _tenant_columns(table: str) -> tuple[sa.schema.SchemaItem, ...]:
    return (
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _big(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _json(name: str) -> sa.Column[object]:
    return sa.Column(name, postgresql.JSONB(astext_type=sa.Text()), nullable=False)


def _guard(table: str, mine: str, rights: str) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY system ON {table} TO {SYSTEM} USING (true) WITH CHECK (true)")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {SYSTEM}")
    op.execute(f"CREATE POLICY tenant ON {table} TO {APP} USING ({mine}) WITH CHECK ({mine})")
    op.execute(f"GRANT {rights} ON {table} TO {APP}")
