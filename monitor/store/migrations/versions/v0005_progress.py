"""Up to when all that came onto the bus is counted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table; empty it means that nobody looked yet."""
    op.create_table(
        "progress",
        sa.Column("consumer_group", sa.Text(), nullable=False),
        sa.Column("counted_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("consumer_group", name=op.f("pk_progress")),
    )
