"""Targeting, caps and pacing of campaigns; targeting and floors of apps."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

APP, SYSTEM = "parley_app", "parley_system"


def _campaigns() -> list[sa.Column[Any]]:
    return [
        sa.Column("devices", sa.ARRAY(sa.Text()), nullable=False, server_default="{}"),
        sa.Column("weekdays", sa.ARRAY(sa.SmallInteger()), nullable=False, server_default="{}"),
        sa.Column("apps", sa.ARRAY(sa.Text()), nullable=False, server_default="{}"),
        sa.Column("blocked_apps", sa.ARRAY(sa.Text()), nullable=False, server_default="{}"),
        sa.Column("topics", sa.ARRAY(sa.Text()), nullable=False, server_default="{}"),
        sa.Column(
            "caps", postgresql.JSONB(), nullable=False, server_default=sa.text("'[]'::jsonb")
        ),
        sa.Column("pacing", sa.Text(), nullable=False, server_default="asap"),
    ]


def _apps() -> list[sa.Column[Any]]:
    return [
        sa.Column("relevance_floor_ppm", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("allowed_advertisers", sa.ARRAY(sa.Text()), nullable=False, server_default="{}"),
        sa.Column("passes_user_ids", sa.Boolean(), nullable=False, server_default=sa.false()),
    ]


def upgrade() -> None:
    for column in _campaigns():
        op.add_column("campaigns", column)
    for column in _apps():
        op.add_column("apps", column)
    # An advertiser may name apps of publishers it cannot see: of those it may know these facts, no more. The
    # view reads as its owner, who owns the table too and needs a policy of its own where it is no superuser.
    op.execute("CREATE POLICY directory ON apps FOR SELECT TO CURRENT_USER USING (true)")
    op.execute(
        """CREATE VIEW app_directory WITH (security_barrier) AS
           SELECT id, currency, passes_user_ids FROM apps WHERE status = 'active'"""
    )
    op.execute(f"GRANT SELECT ON app_directory TO {APP}, {SYSTEM}")


def downgrade() -> None:
    op.execute("DROP VIEW app_directory")
    op.execute("DROP POLICY directory ON apps")
    for column in _apps():
        op.drop_column("apps", column.name)
    for column in _campaigns():
        op.drop_column("campaigns", column.name)
