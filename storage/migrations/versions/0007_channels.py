"""What was sent to channels, and when sending has to stop."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

APP, SYSTEM = "parley_app", "parley_system"
_MINE = "org_id = current_setting('parley.org_id', true)"


def upgrade() -> None:
    op.create_table(
        "channel_operations",
        *_tenant_columns("channel_operations"),
        *(_text(name) for name in ("channel", "campaign_id", "changeset", "kind", "state", "who", "why")),
        sa.Column("money", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("ref", sa.Text(), nullable=True),
        sa.Column("error", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "channel_stops",
        *_tenant_columns("channel_stops"),
        *(_text(name) for name in ("channel", "who", "why")),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_table(
        "campaign_checks",
        *_tenant_columns("campaign_checks"),
        *(_text(name) for name in ("campaign_id", "kind")),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finding", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    )
    op.create_index(op.f("ix_campaign_checks_due"), "campaign_checks", ["done_at", "due_at"])
    op.create_index(op.f("ix_campaign_checks_campaign_id"), "campaign_checks", ["campaign_id"])
    op.create_index(
        op.f("ix_channel_operations_campaign"), "channel_operations", ["campaign_id", "created_at"]
    )
    for table in ("channel_operations", "channel_stops", "campaign_checks"):
        op.create_index(op.f(f"ix_{table}_org_id"), table, ["org_id"])
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY system ON {table} TO {SYSTEM} USING (true) WITH CHECK (true)")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {SYSTEM}")
        op.execute(f"CREATE POLICY tenant ON {table} TO {APP} USING ({_MINE}) WITH CHECK ({_MINE})")
        op.execute(f"GRANT SELECT, INSERT, UPDATE ON {table} TO {APP}")


def downgrade() -> None:
    op.drop_table("campaign_checks")
    op.drop_table("channel_stops")
    op.drop_table("channel_operations")


def _tenant_columns(table: str) -> tuple[sa.schema.SchemaItem, ...]:
    return (
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)
