"""A schema of its own for LangGraph's checkpoints; the checkpointer makes its tables in it."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE SCHEMA IF NOT EXISTS checkpoints")
    op.execute("GRANT USAGE, CREATE ON SCHEMA checkpoints TO parley_system")


def downgrade() -> None:
    op.execute("DROP SCHEMA checkpoints CASCADE")
