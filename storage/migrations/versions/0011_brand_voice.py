"""How a brand speaks: words it likes, and how its sentences end; null while nobody has said so."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "brand_kits",
        sa.Column("tone_words", sa.ARRAY(sa.Text()), nullable=False, server_default="{}"),
    )
    op.add_column("brand_kits", sa.Column("formality", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("brand_kits", "formality")
    op.drop_column("brand_kits", "tone_words")
