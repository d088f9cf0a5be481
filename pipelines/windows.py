"""Event-time buckets: which series a label counts in, and how much it adds. Pure.

A document adds to every series that matches it: each of its entities and `all`, its topic and `all`, its source class
and `all`. A story adds to the story counts once, with the first of its documents that is counted; its copies add to
`documents` alone, as does a text in a language that no model reads. Each entity counts with the sentiment towards it.
An uncertain answer is a story without a verdict, whose probabilities add up; a text that is not about finance adds no
probabilities. Everything is an integer, so that sums do not depend on the order of addition.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from monitor.domain import ALL, COUNT_FIELDS, Abstention, BucketKey, Counts, Label, Sentiment, SeriesKey

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICRO = 1_000_000


def floor_to(at: datetime, length: timedelta) -> datetime:
    """The start of the slot of `length` that holds `at`; slots are counted from 1970, UTC."""
    return at - (at - EPOCH) % length


def ceil_to(at: datetime, length: timedelta) -> datetime:
    """The first slot boundary that is not before `at`."""
    return at + (EPOCH - at) % length


def tally(labels: Sequence[Label], telling: Collection[str], *, bucket: timedelta) -> dict[BucketKey, Counts]:
    """What `labels` add to which bucket; `telling` are the ids of documents that tell a new story."""
    sums: dict[BucketKey, list[int]] = {}
    for label in labels:
        slot_at = floor_to(label.document.published_at, bucket)
        added = {entity: _added(label, entity, is_story=label.document.id in telling) for entity in _entities(label)}
        for series in series_of(label):
            row = sums.setdefault(BucketKey(slot_at=slot_at, series=series), [0] * len(COUNT_FIELDS))
            for index, value in enumerate(added[series.entity]):
                row[index] += value
    return {key: Counts(**dict(zip(COUNT_FIELDS, row, strict=True))) for key, row in sums.items()}


def series_of(label: Label) -> Iterator[SeriesKey]:
    """Every series that `label` counts in, each once; a text that was not scored has no topic of its own."""
    source_class = label.document.source_class.value
    for entity in _entities(label):
        for topic in dict.fromkeys((ALL, label.prediction.topic or ALL)):
            for part in (ALL, source_class):
                yield SeriesKey(entity=entity, topic=topic, source_class=part)


def _entities(label: Label) -> Iterator[str]:
    return iter(dict.fromkeys((ALL, *label.document.entities)))


def _added(label: Label, entity: str, *, is_story: bool) -> tuple[int, ...]:
    """The counts of one label for one entity, in the order of `COUNT_FIELDS`; `ALL` counts the text as a whole."""
    prediction = label.prediction
    if not is_story or prediction.abstained is Abstention.LANGUAGE:
        return (1, 0, 0, 0, 0, 0, 0, 0)
    if prediction.abstained is Abstention.OFF_TOPIC:
        return (1, 1, 0, 0, 0, 0, 0, 0)
    probabilities, verdict = prediction.towards(entity).probabilities, prediction.verdict(entity)
    return (
        1,
        1,
        int(verdict is Sentiment.NEGATIVE),
        int(verdict is Sentiment.NEUTRAL),
        int(verdict is Sentiment.POSITIVE),
        round(probabilities.negative * MICRO),
        round(probabilities.positive * MICRO),
        0,
    )
