"""Leads with their lawful basis, imports of them, who must not be written to, and audiences."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

APP, SYSTEM = "parley_app", "parley_system"
_MINE = "org_id = current_setting('parley.org_id', true)"
#: Table -> what a tenant may do. Who must not be written to is only ever added to.
_RIGHTS = {
    "leads": "SELECT, INSERT, UPDATE, DELETE",
    "lead_imports": "SELECT, INSERT, UPDATE",
    "lead_suppressions": "SELECT, INSERT",
    "audiences": "SELECT, INSERT, UPDATE, DELETE",
    "lead_cursors": "SELECT, INSERT, UPDATE",
}


def upgrade() -> None:
    op.create_table(
        "leads",
        *_tenant_columns("leads"),
        _moment("updated_at"),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ("email_hash", "phone_hash", "source_ref")),
        *(
            _text(name)
            for name in (
                "email", "phone", "given_name", "family_name", "company", "job_title", "country", "language",
                "source", "lawful_basis", "basis_note", "consent_text", "grade",
            )
        ),
        _moment("consent_at", nullable=True),
        *(_texts(name) for name in ("interests", "purposes", "reasons")),
        sa.Column("enriched", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("score", sa.BigInteger(), nullable=False),
        sa.Column("import_id", sa.Text(), nullable=True),
    )
    for column in ("email_hash", "phone_hash"):
        op.create_index(
            f"uq_leads_{column}", "leads", ["org_id", column], unique=True,
            postgresql_where=sa.text(f"{column} IS NOT NULL"),
        )
    op.create_index(
        "uq_leads_source_ref", "leads", ["org_id", "source", "source_ref"], unique=True,
        postgresql_where=sa.text("source_ref IS NOT NULL"),
    )
    op.create_index("ix_leads_org_id_score", "leads", ["org_id", "score"])
    op.create_table(
        "lead_imports",
        *_tenant_columns("lead_imports"),
        *(_text(name) for name in ("name", "sha256", "lawful_basis", "status", "requested_by")),
        *(
            sa.Column(name, sa.BigInteger(), nullable=False)
            for name in ("rows", "added", "merged", "unchanged", "suppressed", "rejected")
        ),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("problems", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        _moment("finished_at", nullable=True),
    )
    op.create_table(
        "lead_suppressions",
        *_tenant_columns("lead_suppressions"),
        *(_text(name) for name in ("kind", "hash", "why")),
        sa.UniqueConstraint("org_id", "kind", "hash", name=op.f("uq_lead_suppressions_org_id_kind_hash")),
    )
    op.create_table(
        "audiences",
        *_tenant_columns("audiences"),
        _text("name"),
        sa.Column("rule", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.UniqueConstraint("org_id", "name", name=op.f("uq_audiences_org_id_name")),
    )
    op.create_table(
        "lead_cursors",
        *_tenant_columns("lead_cursors"),
        *(_text(name) for name in ("source", "owner")),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        _moment("updated_at"),
        sa.UniqueConstraint("org_id", "source", "owner", name=op.f("uq_lead_cursors_org_id_source_owner")),
    )
    for table, rights in _RIGHTS.items():
        op.create_index(op.f(f"ix_{table}_org_id"), table, ["org_id"])
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY system ON {table} TO {SYSTEM} USING (true) WITH CHECK (true)")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {SYSTEM}")
        op.execute(f"CREATE POLICY tenant ON {table} TO {APP} USING ({_MINE}) WITH CHECK ({_MINE})")
        op.execute(f"GRANT {rights} ON {table} TO {APP}")


def downgrade() -> None:
    for table in reversed(_RIGHTS):
        op.drop_table(table)


def _tenant_columns(table: str) -> tuple[sa.schema.SchemaItem, ...]:
    return (
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        _moment("created_at"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _texts(name: str) -> sa.Column[list[str]]:
    return sa.Column(name, sa.ARRAY(sa.Text()), nullable=False)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)
