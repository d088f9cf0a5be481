"""Rows a second that the store takes: batches of labels counted in SQLite and in PostgreSQL, in turns.

A row is one upserted or inserted row of any table.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random

from pydantic import SecretStr

from monitor.domain import Document, Label, Partition, Prediction, Probabilities, SourceClass
from monitor.ports import OffsetSpan
from monitor.settings import DatabaseSettings, GuardSettings
from monitor.store import Store, open_store
from pipelines.guard import Guard
from pipelines.windows import tally

T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
BATCH_LABELS = 500
PARTITION = Partition(topic="labels", index=0)
TOPICS = tuple(f"topic-{n}" for n in range(20))
ENTITIES = tuple(f"E{n}" for n in range(90))
TALLY = partial(tally, bucket=timedelta(minutes=1))
GUARD = Guard(GuardSettings())


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one database did."""

    database: str
    labels: int
    rows: int
    seconds: float
    labels_per_s: float
    rows_per_s: float


def make_batch(number: int, random: Random) -> list[Label]:
    """Labels of ten minutes, one in five a copy, with zero to two entities each."""
    return [_label(f"{number}-{n}", number, random) for n in range(BATCH_LABELS)]


def _label(name: str, batch: int, random: Random) -> Label:
    published_at = T0 + timedelta(minutes=10 * batch, seconds=random.randrange(600))
    document = Document(
        id=name,
        source=f"source-{random.randrange(12)}",
        source_class=random.choice(list(SourceClass)),
        published_at=published_at,
        seen_at=published_at,
        text="An invented headline of about the usual length, as they come over the wire",
        entities=tuple(sorted(random.sample(ENTITIES, random.randrange(3)))),
        story_id=f"s{batch}-{random.randrange(BATCH_LABELS * 4 // 5)}",
    )
    negative = random.random()
    probabilities = Probabilities(negative=negative, neutral=1 - negative, positive=0.0)
    prediction = Prediction(
        topic=random.choice(TOPICS), topic_probability=0.5, probabilities=probabilities, model="bench"
    )
    return Label(document=document, prediction=prediction, labeled_at=published_at)


def rows_of(batch: Sequence[Label]) -> int:
    """Rows that counting `batch` writes: ids, stories, buckets, evidence, mentions, one offset; caps apart."""
    stories = {label.document.story_id for label in batch}
    mentions = sum(len(label.document.entities) for label in batch)
    return len(batch) * 2 + len(stories) + mentions + len(TALLY(batch, {})) + 1


def count(store: Store, number: int, batch: Sequence[Label]) -> float:
    """Count one batch; returns the seconds it took."""
    first = number * BATCH_LABELS
    spans = {PARTITION: OffsetSpan(first=first, next=first + len(batch))}
    begun = time.perf_counter()
    store.add(group="bench", spans=spans, labels=batch, tally=TALLY, now=T0, guard=GUARD)
    return time.perf_counter() - begun


def measure_store(urls: dict[str, str], batches: int = 40) -> list[Measured]:
    """Feed every database the same batches in turn; the first batch warms up and is not counted."""
    stores = {name: open_store(DatabaseSettings(url=SecretStr(url))) for name, url in urls.items()}
    seconds, rows, random = dict.fromkeys(stores, 0.0), 0, Random(7)
    for store in stores.values():
        store.upgrade()
    for number in range(batches + 1):
        batch = make_batch(number, random)
        took = {name: count(store, number, batch) for name, store in stores.items()}
        if number:
            rows += rows_of(batch)
            seconds = {name: seconds[name] + took[name] for name in stores}
    for store in stores.values():
        store.close()
    return [_measured(name, batches * BATCH_LABELS, rows, seconds[name]) for name in stores]


def _measured(name: str, labels: int, rows: int, seconds: float) -> Measured:
    return Measured(
        database=name,
        labels=labels,
        rows=rows,
        seconds=round(seconds, 3),
        labels_per_s=round(labels / seconds),
        rows_per_s=round(rows / seconds),
    )
