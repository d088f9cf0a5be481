"""Stories as people look them up; see `monitor.ports.StoryReader`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, select

from monitor.domain import ALL, Sentiment, StoryDocument, StorySummary
from monitor.store.bulk import any_of
from monitor.store.evidence import load_novelty
from monitor.store.part import Part
from monitor.store.schema import evidence, mentions, stories
from monitor.store.values import from_micros, storable, to_micros


class StoryReadings(Part):
    """Stories and the documents that tell them; never writes."""

    def stories(self, *, since: datetime, entity: str | None = None, limit: int = 50) -> Sequence[StorySummary]:
        """Stories told since then, of `entity` where it is named: the most told first, of equals the latest."""
        first = evidence.c.document_id == stories.c.document_id
        columns = (stories, evidence.c.title, evidence.c.source)
        query = (
            select(*columns)
            .select_from(stories.outerjoin(evidence, first))
            .where(_told_since(since, entity))
            .order_by(stories.c.reach.desc(), stories.c.last_published_at.desc(), stories.c.story_id)
            .limit(limit)
        )
        with self._database.read() as tx:
            return [_summary(row) for row in tx.execute(query)]

    def story_documents(self, story_id: str) -> Sequence[StoryDocument]:
        """Every document of a story that is still kept, the earliest first; none: no such story."""
        # Evidence is found by its instants: an index on stories would cost every batch and serve only this.
        spans = and_(
            stories.c.story_id == storable(story_id),
            evidence.c.published_at >= stories.c.first_published_at,
            evidence.c.published_at <= stories.c.last_published_at,
        )
        query = (
            select(evidence)
            .join_from(stories, evidence, spans)
            .where(evidence.c.story_id == stories.c.story_id)
            .order_by(evidence.c.published_at, evidence.c.document_id)
        )
        with self._database.read() as tx:
            rows = tx.execute(query).all()
            of_document = _mentions(tx, rows)
        return [_document(row, of_document.get(row.document_id, [])) for row in rows]


def _told_since(since: datetime, entity: str | None) -> ColumnElement[bool]:
    if entity is None:
        return stories.c.last_published_at >= to_micros(since)
    same = and_(mentions.c.document_id == evidence.c.document_id, mentions.c.published_at == evidence.c.published_at)
    told = (
        select(evidence.c.story_id)
        .join_from(mentions, evidence, same)
        .where(mentions.c.entity == storable(entity), mentions.c.published_at >= to_micros(since))
    )
    return stories.c.story_id.in_(told)


def _mentions(tx: Connection, rows: Sequence[Row[Any]]) -> dict[str, list[Row[Any]]]:
    """Rows of `mentions` by document, by entity."""
    if not rows:
        return {}
    query = select(mentions).where(
        mentions.c.published_at.between(rows[0].published_at, rows[-1].published_at),
        mentions.c.document_id.in_(any_of(tx, [row.document_id for row in rows])),
    )
    found: dict[str, list[Row[Any]]] = {}
    for row in tx.execute(query.order_by(mentions.c.entity)):
        found.setdefault(row.document_id, []).append(row)
    return found


def _summary(row: Row[Any]) -> StorySummary:
    return StorySummary(
        story_id=row.story_id,
        title=row.title or "",
        source=row.source or "",
        first_published_at=from_micros(row.first_published_at),
        last_published_at=from_micros(row.last_published_at),
        reach=row.reach,
    )


def _document(row: Row[Any], of_entities: Sequence[Row[Any]]) -> StoryDocument:
    counted = ([ALL] if row.told else []) + [of.entity for of in of_entities if of.told]
    return StoryDocument(
        id=row.document_id,
        published_at=from_micros(row.published_at),
        source=row.source,
        source_class=row.source_class,
        title=row.title,
        url=row.url,
        author=row.author,
        topic=row.topic,
        sentiment=Sentiment(row.sentiment) if row.sentiment else None,
        negative=row.negative,
        novelty={of.entity: load_novelty(of.novelty) for of in of_entities},
        relevance={of.entity: of.relevance for of in of_entities if of.relevance is not None},
        counted_for=tuple(counted),
    )
