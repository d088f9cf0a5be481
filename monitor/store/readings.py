"""The documents behind the counts: what alerts show as evidence.

What is read of a span depends on what was published before its end, and on nothing later: a replay that has counted
ahead of its clock reads what a live monitor read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Row,
    Select,
    Table,
    and_,
    case,
    func,
    literal,
    select,
)

from monitor.domain import ALL, EvidenceDocument, Sentiment, SeriesKey, SourceClass, series_bit
from monitor.ports import NegativeVoices
from monitor.store.bulk import any_number_of, any_of
from monitor.store.evidence import load_novelty
from monitor.store.part import Part
from monitor.store.schema import evidence, mentions
from monitor.store.values import from_micros, from_micros_or_none, storable, to_micros


class Readings(Part):
    """Evidence; never writes."""

    def negative_documents(
        self, series: SeriesKey, start: datetime, end: datetime, *, limit: int
    ) -> Sequence[EvidenceDocument]:
        """The documents that count as negative stories of `series`, `start <= published_at < end`.

        One a story, that which told it in this series. Copies are none, nor is a story that was told before `start` or
        held back, so that there are as many as negative stories in the buckets of the span. The most told come first,
        then the worst.
        """
        badness = _sentiment_of(series).c.negative.label("badness")
        numbers = func.count().label("tellings"), func.count(_VOICE.distinct()).label("voices")
        tellings = (
            _negatives(series, start, end, evidence.c.story_id, *numbers).group_by(evidence.c.story_id).subquery()
        )
        told, voices = (
            select(tellings.c[name]).where(tellings.c.story_id == evidence.c.story_id).scalar_subquery().label(name)
            for name in ("tellings", "voices")
        )
        history, scores = _history_of_story(end), _scores_of(series)
        query = (
            _negatives(series, start, end, evidence, badness, told, voices, *history, *scores)
            .where(_told_in(series))
            .order_by(told.desc(), badness.desc(), evidence.c.published_at.desc(), evidence.c.document_id)
            .limit(limit)
        )
        with self._database.read() as tx:
            rows = tx.execute(query).all()
            newest = _newest(tx, rows) if series.entity == ALL else {}
        return [_document(row, newest) for row in rows]

    def negative_voices(self, series: SeriesKey, start: datetime, end: datetime) -> NegativeVoices:
        """Who tells those stories, with the copies that are negative as well."""
        counted = _negatives(series, start, end, evidence.c.story_id).where(_told_in(series))
        query = (
            _negatives(series, start, end, evidence.c.story_id, _VOICE, func.count())
            .where(evidence.c.story_id.in_(counted))
            .group_by(evidence.c.story_id, _VOICE)
        )
        voices, documents = set(), Counter[str]()
        with self._database.read() as tx:
            for story, voice, number in tx.execute(query):
                voices.add(voice)
                documents[story] += number
        return NegativeVoices(
            sources=len(voices), documents=documents.total(), loudest=max(documents.values(), default=0)
        )


_VOICE: ColumnElement[str] = case(
    (
        and_(evidence.c.source_class == SourceClass.SOCIAL.value, evidence.c.author.is_not(None)),
        literal("@").concat(evidence.c.author),
    ),
    else_=evidence.c.source,
)
"""Who tells: the source, or the author where it is a post."""


def _negatives(
    series: SeriesKey, start: datetime, end: datetime, *columns: FromClause | ColumnElement[Any]
) -> Select[Any]:
    """Select `columns` over the negative documents of `series`."""
    found: FromClause = evidence
    conditions = [
        evidence.c.published_at >= to_micros(start),
        evidence.c.published_at < to_micros(end),
        _sentiment_of(series).c.sentiment == Sentiment.NEGATIVE.value,
    ]
    if series.entity != ALL:
        same = and_(
            mentions.c.document_id == evidence.c.document_id, mentions.c.published_at == evidence.c.published_at
        )
        found = found.join(mentions, same)
        conditions += [
            mentions.c.entity == storable(series.entity),
            mentions.c.published_at >= to_micros(start),
            mentions.c.published_at < to_micros(end),
        ]
    if series.topic != ALL:
        conditions.append(evidence.c.topic == storable(series.topic))
    if series.source_class != ALL:
        conditions.append(evidence.c.source_class == series.source_class)
    return select(*columns).select_from(found).where(*conditions)


def _sentiment_of(series: SeriesKey) -> Table:
    """Where the sentiment that counts for `series` stands: that towards its entity, or that of the whole text."""
    return evidence if series.entity == ALL else mentions


def _told_in(series: SeriesKey) -> ColumnElement[bool]:
    """The document tells its story in `series`."""
    return _sentiment_of(series).c.told.bitwise_and(series_bit(series)) != 0


def _history_of_story(end: datetime) -> tuple[ColumnElement[Any], ...]:
    """How many documents told the story of an evidence row before `end`, and since when."""
    copy = evidence.alias("copy")
    same = and_(copy.c.story_id == evidence.c.story_id, copy.c.published_at < to_micros(end))
    reach = select(func.count()).select_from(copy).where(same).scalar_subquery().label("reach")
    return reach, select(func.min(copy.c.published_at)).where(same).scalar_subquery().label("first_at")


def _scores_of(series: SeriesKey) -> tuple[ColumnElement[Any], ...]:
    """Relevance and novelty for the entity of `series`."""
    return () if series.entity == ALL else (mentions.c.relevance, mentions.c.novelty)


def _newest(tx: Connection, rows: Sequence[Row[Any]]) -> dict[str, tuple[int, ...]]:
    """The novelty of each document for the entity that it says most that is new about."""
    instants = any_number_of(tx, sorted({row.published_at for row in rows}))
    ids = any_of(tx, sorted(row.document_id for row in rows))
    query = select(mentions.c.document_id, mentions.c.novelty).where(
        mentions.c.published_at.in_(instants), mentions.c.document_id.in_(ids)
    )
    newest: dict[str, tuple[int, ...]] = {}
    for id_, novelty in tx.execute(query) if rows else ():
        newest[id_] = max(newest.get(id_, ()), load_novelty(novelty))
    return newest


def _document(row: Row[Any], newest: Mapping[str, tuple[int, ...]]) -> EvidenceDocument:
    """One row; `newest` has the novelty where the row has none of its own, that of the text as a whole."""
    own = row._mapping  # noqa: SLF001 - SQLAlchemy's public way to ask which columns there are
    relevance = own.get("relevance")
    return EvidenceDocument(
        id=row.document_id,
        published_at=from_micros(row.published_at),
        source=row.source,
        title=row.title,
        url=row.url,
        author=row.author,
        topic=row.topic,
        sentiment=Sentiment.NEGATIVE,
        negative=row.badness,
        story_id=row.story_id,
        reach=row.reach,
        relevance=1.0 if relevance is None else relevance,
        novelty=newest.get(row.document_id, ()) or load_novelty(own.get("novelty")),
        first_at=from_micros_or_none(row.first_at),
        told=row.tellings,
        sources=row.voices,
    )
