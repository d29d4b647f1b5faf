"""Reports, when they are made, and alerts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

APP, SYSTEM = "parley_app", "parley_system"
_MINE = "org_id = current_setting('parley.org_id', true)"
_TABLES = ("report_schedules", "reports", "alerts")


def upgrade() -> None:
    op.create_table(
        "report_schedules",
        *_tenant_columns("report_schedules"),
        *(_text(name) for name in ("name", "every", "language", "requested_by")),
        sa.Column("hour", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_table(
        "reports",
        *_tenant_columns("reports"),
        *(_text(name) for name in ("name", "language", "status", "requested_by")),
        sa.Column("schedule_id", sa.Text(), nullable=True),
        sa.Column("first", sa.Date(), nullable=False),
        sa.Column("last", sa.Date(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    )
    op.create_table(
        "alerts",
        *_tenant_columns("alerts"),
        *(_text(name) for name in ("metric", "campaign_id", "currency", "direction", "why")),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("expected", sa.BigInteger(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
    )
    # Questions ask for one side's events of some days.
    for side in ("advertiser", "publisher"):
        op.create_index(f"ix_ad_events_{side}", "ad_events", [f"{side}_id", "created_at"])
    op.create_index(op.f("ix_report_schedules_next_at"), "report_schedules", ["next_at"])
    op.create_index(op.f("ix_reports_status"), "reports", ["status"])
    op.create_index(op.f("ix_alerts_day"), "alerts", ["day"])
    for table in _TABLES:
        op.create_index(op.f(f"ix_{table}_org_id"), table, ["org_id"])
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY system ON {table} TO {SYSTEM} USING (true) WITH CHECK (true)")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {SYSTEM}")
        op.execute(f"CREATE POLICY tenant ON {table} TO {APP} USING ({_MINE}) WITH CHECK ({_MINE})")
        op.execute(f"GRANT SELECT, INSERT, UPDATE ON {table} TO {APP}")


def downgrade() -> None:
    for side in ("advertiser", "publisher"):
        op.drop_index(f"ix_ad_events_{side}", "ad_events")
    for table in reversed(_TABLES):
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
