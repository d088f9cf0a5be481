"""The documents behind the counts: what alerts show as evidence.

What is read of a span depends on what was published before its end, and on nothing later: a replay that has counted
ahead of its clock reads what a live monitor read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Row,
    Select,
    Table,
    Text,
    and_,
    bindparam,
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
        with self._database.read() as tx:
            rows = tx.execute(_documents_of(_shape(series)), {**_values(series, start, end), "most": limit}).all()
            newest = _newest(tx, rows) if series.entity == ALL else {}
        return [_document(row, newest) for row in rows]

    def negative_voices(self, series: SeriesKey, start: datetime, end: datetime) -> NegativeVoices:
        """Who tells those stories, with the copies that are negative as well."""
        voices, documents = set(), Counter[str]()
        with self._database.read() as tx:
            for story, voice, number in tx.execute(_voices_of(_shape(series)), _values(series, start, end)):
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


_GIVEN = "given"  #: Stands in the shape of a series for a part that is not `ALL`.


def _shape(series: SeriesKey) -> SeriesKey:
    """What of `series` decides the form of a query; its values are parameters, so that a form is made once."""
    parts = (series.entity, series.topic, series.source_class)
    entity, topic, source_class = (ALL if part == ALL else _GIVEN for part in parts)
    return SeriesKey(entity=entity, topic=topic, source_class=source_class)


def _values(series: SeriesKey, start: datetime, end: datetime) -> dict[str, object]:
    """The parameters of a query over `series` in `[start, end)`."""
    parts = {"entity": series.entity, "topic": series.topic, "source_class": series.source_class}
    given = {name: storable(part) for name, part in parts.items() if part != ALL}
    return {"first": to_micros(start), "last": to_micros(end), **given}


@cache
def _documents_of(series: SeriesKey) -> Select[Any]:
    """The documents that tell the negative stories of a series of this shape."""
    badness = _sentiment_of(series).c.negative.label("badness")
    numbers = func.count().label("tellings"), func.count(_VOICE.distinct()).label("voices")
    tellings = _negatives(series, evidence.c.story_id, *numbers).group_by(evidence.c.story_id).subquery()
    told, voices = (
        select(tellings.c[name]).where(tellings.c.story_id == evidence.c.story_id).scalar_subquery().label(name)
        for name in ("tellings", "voices")
    )
    return (
        _negatives(series, evidence, badness, told, voices, *_history_of_story(), *_scores_of(series))
        .where(_told_in(series))
        .order_by(told.desc(), badness.desc(), evidence.c.published_at.desc(), evidence.c.document_id)
        .limit(bindparam("most"))
    )


@cache
def _voices_of(series: SeriesKey) -> Select[Any]:
    """Documents by story and voice, likewise."""
    counted = _negatives(series, evidence.c.story_id).where(_told_in(series))
    return (
        _negatives(series, evidence.c.story_id, _VOICE, func.count())
        .where(evidence.c.story_id.in_(counted))
        .group_by(evidence.c.story_id, _VOICE)
    )


def _within(table: Table) -> tuple[ColumnElement[bool], ...]:
    at = table.c.published_at
    return at >= bindparam("first", type_=BigInteger), at < bindparam("last", type_=BigInteger)


def _negatives(series: SeriesKey, *columns: FromClause | ColumnElement[Any]) -> Select[Any]:
    """Select `columns` over the negative documents of a series of this shape."""
    found: FromClause = evidence
    conditions = [*_within(evidence), _sentiment_of(series).c.sentiment == Sentiment.NEGATIVE.value]
    if series.entity != ALL:
        same = and_(
            mentions.c.document_id == evidence.c.document_id, mentions.c.published_at == evidence.c.published_at
        )
        found = found.join(mentions, same)
        conditions += [mentions.c.entity == bindparam("entity", type_=Text), *_within(mentions)]
    if series.topic != ALL:
        conditions.append(evidence.c.topic == bindparam("topic", type_=Text))
    if series.source_class != ALL:
        conditions.append(evidence.c.source_class == bindparam("source_class", type_=Text))
    return select(*columns).select_from(found).where(*conditions)


def _sentiment_of(series: SeriesKey) -> Table:
    """Where the sentiment that counts for `series` stands: that towards its entity, or that of the whole text."""
    return evidence if series.entity == ALL else mentions


def _told_in(series: SeriesKey) -> ColumnElement[bool]:
    """The document tells its story in `series`."""
    return _sentiment_of(series).c.told.bitwise_and(series_bit(series)) != 0


def _history_of_story() -> tuple[ColumnElement[Any], ...]:
    """How many documents told the story of an evidence row before the end of the span, and since when."""
    copy = evidence.alias("copy")
    same = and_(copy.c.story_id == evidence.c.story_id, copy.c.published_at < bindparam("last", type_=BigInteger))
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
