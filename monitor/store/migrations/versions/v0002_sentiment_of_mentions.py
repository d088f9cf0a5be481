"""What each document says about each entity in it: until now it was what the document says as a whole."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the sentiment towards the entity; rows that are there take over that of their document."""
    op.add_column("mentions", sa.Column("sentiment", sa.Text(), nullable=True))
    op.add_column("mentions", sa.Column("negative", sa.Double(), nullable=True))
    op.execute(
        "UPDATE mentions SET"
        " sentiment = (SELECT e.sentiment FROM evidence e WHERE e.document_id = mentions.document_id),"
        " negative = (SELECT e.negative FROM evidence e WHERE e.document_id = mentions.document_id)"
    )
