"""An empty step of the chain: the tables of reports come with 0013, also where this one was passed long ago."""

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing to change yet."""


def downgrade() -> None:
    """Nothing to take back."""
