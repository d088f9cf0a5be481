"""What the alert rules read: sums over buckets, and the documents behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, FromClause, Row, Select, Table, and_, cast, func, select

from monitor.domain import ALL, COUNT_FIELDS, Counts, EvidenceDocument, Sentiment, SeriesKey, series_bit
from monitor.store.bulk import any_number_of, any_of
from monitor.store.evidence import load_novelty
from monitor.store.part import Part
from monitor.store.schema import buckets, evidence, mentions, stories
from monitor.store.values import from_micros, from_micros_or_none, storable, to_micros

_HOUR_MICROS = 3_600_000_000
_SERIES = (buckets.c.entity, buckets.c.topic, buckets.c.source_class)


class Readings(Part):
    """Sums and evidence; never writes."""

    def window_counts(self, start: datetime, end: datetime) -> Mapping[SeriesKey, Counts]:
        """Summed buckets with `start <= slot_at < end`, by series; series without buckets are left out."""
        sums = (_sum(name).label(name) for name in COUNT_FIELDS)
        query = select(*_SERIES, *sums).where(_slots(start, end)).group_by(*_SERIES)
        with self._database.read() as tx:
            rows = tx.execute(query).all()
        return {_series(row): Counts(**dict(zip(COUNT_FIELDS, row[len(_SERIES) :], strict=True))) for row in rows}

    def hourly_negatives(self, start: datetime, end: datetime) -> Mapping[SeriesKey, Mapping[datetime, int]]:
        """Negative stories per hour (start of the hour, UTC) and series; empty hours are left out."""
        hour = buckets.c.slot_at - buckets.c.slot_at % _HOUR_MICROS
        query = (
            select(*_SERIES, hour.label("hour"), _sum("negative").label("negative"))
            .where(_slots(start, end), buckets.c.negative > 0)
            .group_by(*_SERIES, hour)
        )
        found: dict[SeriesKey, dict[datetime, int]] = {}
        with self._database.read() as tx:
            for row in tx.execute(query):
                found.setdefault(_series(row), {})[from_micros(row.hour)] = row.negative
        return found

    def first_bucket_at(self) -> datetime | None:
        """Start of the earliest bucket kept; None when there is none."""
        with self._database.read() as tx:
            return from_micros_or_none(tx.execute(select(func.min(buckets.c.slot_at))).scalar_one())

    def negative_documents(
        self, series: SeriesKey, start: datetime, end: datetime, *, limit: int
    ) -> Sequence[EvidenceDocument]:
        """The documents that count as negative stories of `series`, `start <= published_at < end`, the worst first.

        One a story, that which told it in this series. Copies are none, nor is a story that was told before `start` or
        held back, so that there are as many as negative stories in the buckets of the span.
        """
        badness = _sentiment_of(series).c.negative.label("badness")
        reach = select(stories.c.reach).where(stories.c.story_id == evidence.c.story_id).scalar_subquery()
        query = (
            _negatives(series, start, end, evidence, badness, reach.label("reach"), *_scores_of(series))
            .where(_told_in(series))
            .order_by(badness.desc(), evidence.c.published_at.desc(), evidence.c.document_id)
            .limit(limit)
        )
        with self._database.read() as tx:
            rows = tx.execute(query).all()
            newest = _newest(tx, rows) if series.entity == ALL else {}
        return [_document(row, newest) for row in rows]

    def negative_sources(self, series: SeriesKey, start: datetime, end: datetime) -> int:
        """Distinct sources that tell the negative stories of `series`, with the copies that are negative as well."""
        counted = _negatives(series, start, end, evidence.c.story_id).where(_told_in(series))
        query = _negatives(series, start, end, func.count(evidence.c.source.distinct()))
        with self._database.read() as tx:
            return int(tx.execute(query.where(evidence.c.story_id.in_(counted))).scalar_one())


def _sum(name: str) -> ColumnElement[int]:
    """An integer on PostgreSQL too, where the sum of integers is a decimal."""
    return cast(func.sum(buckets.c[name]), BigInteger)


def _slots(start: datetime, end: datetime) -> ColumnElement[bool]:
    return and_(buckets.c.slot_at >= to_micros(start), buckets.c.slot_at < to_micros(end))


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


def _series(row: Row[Any]) -> SeriesKey:
    return SeriesKey(entity=row.entity, topic=row.topic, source_class=row.source_class)


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
        reach=row.reach or 1,
        relevance=1.0 if relevance is None else relevance,
        novelty=newest.get(row.document_id, ()) or load_novelty(own.get("novelty")),
    )
