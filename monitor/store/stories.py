"""Stories and counted documents: what was counted before, and what is told for the first time.

Each function runs inside the transaction that counts, and takes row locks in the order of the keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from monitor.domain import Label
from monitor.store.bulk import add_new, add_rows, any_of
from monitor.store.evidence import story_of
from monitor.store.schema import counted_documents, stories
from monitor.store.values import storable, to_micros


def keep_uncounted(tx: Connection, labels: Sequence[Label], *, now: datetime) -> list[Label]:
    """Those of `labels` whose document was not counted before, each id once; they count as counted from here on."""
    first: dict[str, Label] = {}
    for label in labels:
        first.setdefault(storable(label.document.id), label)
    counted_at = to_micros(now)
    fresh = add_new(tx, counted_documents, [{"id": i, "counted_at": counted_at} for i in sorted(first)])
    return [label for key, label in first.items() if key in fresh]


def tell(tx: Connection, labels: Sequence[Label], *, now: datetime) -> set[str]:
    """Add `labels` to their stories; returns the ids of the documents that tell a story nobody told before."""
    told: dict[str, list[Label]] = {}
    for label in labels:
        told.setdefault(story_of(label), []).append(label)
    rows = [_row(key, told[key], now) for key in sorted(told)]
    add_rows(tx, stories, rows, sums=("reach",), highest=("last_published_at", "counted_at"))
    # An upsert leaves `document_id` alone, so a story is new when it names our document. The rows are locked by now.
    query = select(stories.c.story_id, stories.c.document_id).where(stories.c.story_id.in_(any_of(tx, sorted(told))))
    held = {row.story_id: row.document_id for row in tx.execute(query)}
    return {group[0].document.id for key, group in told.items() if held[key] == storable(group[0].document.id)}


def _row(story_id: str, told: Sequence[Label], now: datetime) -> dict[str, object]:
    published = [to_micros(label.document.published_at) for label in told]
    return {
        "story_id": story_id,
        "document_id": storable(told[0].document.id),
        "first_published_at": published[0],
        "last_published_at": max(published),
        "counted_at": to_micros(now),
        "reach": len(told),
    }
