"""Event-time buckets: which series a label counts in, and how much it adds. Pure.

A document adds to every series that matches it: each of its entities and `all`, its topic and `all`, its source class
and `all`. A story adds to the story counts of each series once, with the first of its documents that tells it there;
other copies add to `documents` alone, as does a text in a language that no model reads. What a cap holds back adds to
`held_back`. Each entity counts with the sentiment towards it. An uncertain answer is a story without a verdict, whose
probabilities add up; a text that is not about finance adds no probabilities. Everything is an integer, so that sums do
not depend on the order of addition.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from operator import add

from monitor.domain import (
    ALL,
    COUNT_FIELDS,
    Abstention,
    BucketKey,
    Counts,
    Label,
    Sentiment,
    SeriesKey,
    Telling,
    Tellings,
    floor_to,
    series_bit,
)

MICRO = 1_000_000

_Parts = tuple[datetime, str, str, str]  #: Slot, entity, topic, source class.
_NOTHING = Telling()
_NO_STORY = (0, 0, 0, 0, 0, 0)


def tally(labels: Sequence[Label], tellings: Tellings, *, bucket: timedelta) -> dict[BucketKey, Counts]:
    """What `labels` add to which bucket, where `tellings` says in which series they tell their stories."""
    # Keys are made of their parts only once: a frozen value is slow to make and to hash, and there are many.
    sums: dict[_Parts, list[int]] = {}
    for label in labels:
        slot_at = floor_to(label.document.published_at, bucket)
        parts = [(bit, series.topic, series.source_class) for bit, series in _series(label, ALL)]
        for entity in _entities(label):
            telling = tellings.get((label.document.id, entity), _NOTHING)
            story = _story(label, entity) if telling.told else _NO_STORY
            for bit, topic, source_class in parts:
                row = sums.setdefault((slot_at, entity, topic, source_class), [0] * len(COUNT_FIELDS))
                row[0] += 1
                if telling.told & bit:
                    row[1:-1] = map(add, row[1:-1], story)
                elif telling.held_back & bit:
                    row[-1] += 1
    return {_key(parts): Counts(**dict(zip(COUNT_FIELDS, row, strict=True))) for parts, row in sums.items()}


def _key(parts: _Parts) -> BucketKey:
    slot_at, entity, topic, source_class = parts
    return BucketKey(slot_at=slot_at, series=SeriesKey(entity=entity, topic=topic, source_class=source_class))


def _series(label: Label, entity: str) -> Iterator[tuple[int, SeriesKey]]:
    """Each series of one entity, after its `series_bit`; a text that was not scored has no topic of its own."""
    topic, source_class = label.prediction.topic or ALL, label.document.source_class.value
    for part in (ALL, source_class):
        series = SeriesKey(entity=entity, source_class=part)
        yield series_bit(series), series
        if topic != ALL:
            series = SeriesKey(entity=entity, topic=topic, source_class=part)
            yield series_bit(series), series


def _entities(label: Label) -> Iterator[str]:
    return iter(dict.fromkeys((ALL, *label.document.entities)))


def _story(label: Label, entity: str) -> tuple[int, ...]:
    """What the story of `label` adds for one entity; `ALL` counts the text as a whole."""
    prediction = label.prediction
    if prediction.abstained is Abstention.LANGUAGE:
        return _NO_STORY
    if prediction.abstained is Abstention.OFF_TOPIC:
        return (1, 0, 0, 0, 0, 0)
    probabilities, verdict = prediction.towards(entity).probabilities, prediction.verdict(entity)
    return (
        1,
        int(verdict is Sentiment.NEGATIVE),
        int(verdict is Sentiment.NEUTRAL),
        int(verdict is Sentiment.POSITIVE),
        round(probabilities.negative * MICRO),
        round(probabilities.positive * MICRO),
    )
