"""Event-time buckets: which series a label counts in, and how much it adds. Pure.

A document adds to every series that matches it: each of its entities and `all`, its topic and `all`, its source class
and `all`. A story adds to the story counts once, with the first of its documents that is counted; its copies add to
`documents` alone. Everything is an integer, so that sums do not depend on the order of addition.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from monitor.domain import ALL, COUNT_FIELDS, BucketKey, Counts, Label, Sentiment, SeriesKey

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
        added = _added(label, is_story=label.document.id in telling)
        for series in series_of(label):
            row = sums.setdefault(BucketKey(slot_at=slot_at, series=series), [0] * len(COUNT_FIELDS))
            for index, value in enumerate(added):
                row[index] += value
    return {key: Counts(**dict(zip(COUNT_FIELDS, row, strict=True))) for key, row in sums.items()}


def series_of(label: Label) -> Iterator[SeriesKey]:
    """Every series that `label` counts in, each once."""
    document = label.document
    for entity in (ALL, *dict.fromkeys(document.entities)):
        for topic in (ALL, label.prediction.topic):
            for source_class in (ALL, document.source_class.value):
                yield SeriesKey(entity=entity, topic=topic, source_class=source_class)


def _added(label: Label, *, is_story: bool) -> tuple[int, ...]:
    """The counts of one label, in the order of `COUNT_FIELDS`."""
    if not is_story:
        return (1, 0, 0, 0, 0, 0, 0)
    sentiment, probabilities = label.prediction.sentiment, label.prediction.probabilities
    return (
        1,
        1,
        int(sentiment is Sentiment.NEGATIVE),
        int(sentiment is Sentiment.NEUTRAL),
        int(sentiment is Sentiment.POSITIVE),
        round(probabilities.negative * MICRO),
        round(probabilities.positive * MICRO),
    )
