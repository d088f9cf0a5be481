"""Stories found by likeness, caps on authors and domains, relevance and novelty, coverage of sources."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create what is new; a story that is there already counts as told in every series."""
    _create_coverage()
    _create_story_texts()
    _create_story_documents()
    _create_story_echoes()
    _create_voices()
    _create_authors()
    op.add_column("source_states", sa.Column("refused", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("stories", sa.Column("told", sa.Text(), nullable=True))
    op.add_column("mentions", sa.Column("relevance", sa.Double(), nullable=True))
    op.add_column("mentions", sa.Column("novelty", sa.Text(), nullable=True))
    op.add_column("buckets", sa.Column("held_back", sa.BigInteger(), nullable=False, server_default="0"))
    _add_told()


def _add_told() -> None:
    """Until now a story counted in every series of its first document, and with no other."""
    for table in ("evidence", "mentions"):
        op.add_column(table, sa.Column("told", sa.BigInteger(), nullable=False, server_default="0"))
    op.execute(
        "UPDATE evidence SET told = 15 WHERE NOT EXISTS (SELECT 1 FROM stories s"
        " WHERE s.story_id = evidence.story_id AND s.document_id <> evidence.document_id)"
    )
    op.execute(
        "UPDATE mentions SET told = 15 WHERE EXISTS (SELECT 1 FROM evidence e"
        " WHERE e.document_id = mentions.document_id AND e.told = 15)"
    )


def _create_coverage() -> None:
    op.create_table(
        "coverage",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("slot_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("polls", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("documents", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "slot_at", name=op.f("pk_coverage")),
    )
    op.create_index(op.f("ix_coverage_slot_at"), "coverage", ["slot_at"])


def _create_story_texts() -> None:
    op.create_table(
        "story_texts",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("story_id", sa.Text(), nullable=False),
        sa.Column("text_key", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("bands", sa.LargeBinary(), nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_story_texts")),
    )
    op.create_index(op.f("ix_story_texts_added_at"), "story_texts", ["added_at"])


def _create_story_documents() -> None:
    op.create_table(
        "story_documents",
        sa.Column("document_id", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("document_id", name=op.f("pk_story_documents")),
    )
    op.create_index(op.f("ix_story_documents_added_at"), "story_documents", ["added_at"])


def _create_story_echoes() -> None:
    op.create_table(
        "story_echoes",
        sa.Column("story_id", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("story_id", name=op.f("pk_story_echoes")),
    )
    op.create_index(op.f("ix_story_echoes_updated_at"), "story_echoes", ["updated_at"])


def _create_voices() -> None:
    op.create_table(
        "voices",
        sa.Column("voice", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("slot_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("stories", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("voice", "entity", "slot_at", name=op.f("pk_voices")),
    )
    op.create_index(op.f("ix_voices_slot_at"), "voices", ["slot_at"])


def _create_authors() -> None:
    op.create_table(
        "authors",
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("first_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("recent", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("author", name=op.f("pk_authors")),
    )
    op.create_index(op.f("ix_authors_last_seen_at"), "authors", ["last_seen_at"])
