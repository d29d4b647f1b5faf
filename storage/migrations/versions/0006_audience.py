"""An empty step of the chain: the tables of audience come with 0012, also where this one was passed long ago."""

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing to change yet."""


def downgrade() -> None:
    """Nothing to take back."""
