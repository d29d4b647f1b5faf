"""Ingestion of knowledge: jobs, their files, and which chunks read alike."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

APP, SYSTEM = "parley_app", "parley_system"


def upgrade() -> None:
    op.create_table(
        "ingest_jobs",
        *_tenant_columns("ingest_jobs"),
        *(_text(name) for name in ("source_id", "namespace", "status", "requested_by")),
        sa.Column("listed", sa.Boolean(), nullable=False),
        sa.Column("error", postgresql.JSONB(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        _number("attempts"),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["source_id"], ["knowledge_sources.id"], name=op.f("fk_ingest_jobs_source_id")
        ),
    )
    op.create_table(
        "ingest_files",
        *_tenant_columns("ingest_files"),
        *(_text(name) for name in ("job_id", "source_id", "name", "status")),
        sa.Column("object_key", sa.Text(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("error", postgresql.JSONB(), nullable=True),
        *(
            _number(name)
            for name in ("position", "documents", "chunks_added", "chunks_kept", "chunks_retired")
        ),
        sa.Column("signals", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["ingest_jobs.id"], name=op.f("fk_ingest_files_job_id")),
        sa.UniqueConstraint("job_id", "name", name=op.f("uq_ingest_files_job_id_name")),
    )
    op.create_table(
        "knowledge_likeness",
        sa.Column("chunk_no", sa.BigInteger(), autoincrement=False, nullable=False),
        _number("index_no"),
        sa.Column("bands", sa.ARRAY(sa.Integer()), nullable=False),
        sa.Column("cluster_no", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("chunk_no", name=op.f("pk_knowledge_likeness")),
    )
    for table in ("ingest_jobs", "ingest_files"):
        op.create_index(op.f(f"ix_{table}_org_id"), table, ["org_id"])
        op.create_index(op.f(f"ix_{table}_source_id"), table, ["source_id"])
    op.create_index("ix_ingest_jobs_status", "ingest_jobs", ["status"])
    op.create_index(
        "ix_knowledge_likeness_bands", "knowledge_likeness", ["bands"], postgresql_using="gin"
    )
    op.create_index(
        "ix_knowledge_likeness_cluster_no", "knowledge_likeness", ["index_no", "cluster_no"]
    )
    mine = "current_setting('parley.org_id', true)"
    rights = "SELECT, INSERT, UPDATE, DELETE"
    for table in ("ingest_jobs", "ingest_files"):
        _guard(table, f"org_id = {mine}", rights)
    # An array, not a join: the planner may look it up once and use an index with it.
    index = f"index_no = ANY (ARRAY(SELECT no FROM knowledge_indexes WHERE org_id = {mine}))"
    _guard("knowledge_likeness", index, rights)


def downgrade() -> None:
    for table in ("knowledge_likeness", "ingest_files", "ingest_jobs"):
        op.drop_table(table)


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


def _guard(table: str, mine: str, rights: str) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY system ON {table} TO {SYSTEM} USING (true) WITH CHECK (true)")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {SYSTEM}")
    op.execute(f"CREATE POLICY tenant ON {table} TO {APP} USING ({mine}) WITH CHECK ({mine})")
    op.execute(f"GRANT {rights} ON {table} TO {APP}")
