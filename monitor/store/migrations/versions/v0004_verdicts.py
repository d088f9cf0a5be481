"""What people say of alerts and labels; the documents of a story found by its id."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create what is new."""
    op.create_index(op.f("ix_evidence_story_id"), "evidence", ["story_id"])
    op.create_table(
        "verdicts",
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("fired_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("said_by", sa.Text(), nullable=False),
        sa.Column("said_at", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", "fired_at", name=op.f("pk_verdicts")),
    )
    op.create_index(op.f("ix_verdicts_rule"), "verdicts", ["rule"])
    op.create_table(
        "corrections",
        sa.Column("document_id", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("sentiment", sa.Text(), nullable=True),
        sa.Column("topic", sa.Text(), nullable=True),
        sa.Column("said_by", sa.Text(), nullable=False),
        sa.Column("said_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("document_id", "entity", name=op.f("pk_corrections")),
    )
