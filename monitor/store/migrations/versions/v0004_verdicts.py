"""What people say of alerts and labels; the documents of a story found by its id; gates with what was read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create what is new; a gate that was only passed or not keeps that, without what was read."""
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
    for table in ("alerts", "transitions", "outbox"):
        _open_gates(table)


def _open_gates(table: str) -> None:
    """`"min_count": true` becomes `"min_count": {"passed": true}`, wherever evidence is stored."""
    key = {"alerts": "fingerprint"}.get(table, "id")
    held = sa.table(table, sa.column(key), sa.column("payload"))
    connection = op.get_bind()
    # The keys first: rows are changed while the others are still to be read.
    keys = connection.execute(sa.select(held.c[key])).scalars().all()
    for found in keys:
        row = held.c[key] == found
        payload = json.loads(str(connection.execute(sa.select(held.c.payload).where(row)).scalar_one()))
        changed = [_open(evidence) for evidence in _evidence(payload)]
        if any(changed):
            connection.execute(sa.update(held).where(row).values(payload=json.dumps(payload, ensure_ascii=False)))


def _evidence(payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Of an alert or a transition, or of every alert of a notification."""
    for holder in payload.get("alerts", [payload]):
        if holder.get("evidence"):
            yield holder["evidence"]


def _open(evidence: dict[str, Any]) -> bool:
    """Whether there was something to change."""
    closed = {name: passed for name, passed in evidence.get("gates", {}).items() if isinstance(passed, bool)}
    evidence.get("gates", {}).update({name: {"passed": passed} for name, passed in closed.items()})
    return bool(closed)
