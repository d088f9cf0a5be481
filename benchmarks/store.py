"""Rows a second that the store takes: batches of labels counted in SQLite and in PostgreSQL, interleaved.

`python -m benchmarks.store [--batches N] [--json]`; a row is one upserted or inserted row of any table.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random

import structlog
from pydantic import SecretStr

from monitor.demo.postgres_server import PostgresServer
from monitor.domain import Document, Label, Partition, Prediction, Probabilities, SourceClass
from monitor.errors import MonitorError
from monitor.ports import OffsetSpan
from monitor.settings import DatabaseSettings
from monitor.store import Store, open_store
from pipelines.windows import tally

T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
BATCH_LABELS = 500
PARTITION = Partition(topic="labels", index=0)
TOPICS = tuple(f"topic-{n}" for n in range(20))
ENTITIES = tuple(f"E{n}" for n in range(90))
TALLY = partial(tally, bucket=timedelta(minutes=1))


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
    """Rows that counting `batch` writes: ids, stories, buckets, evidence, mentions, one offset."""
    stories = {label.document.story_id for label in batch}
    mentions = sum(len(label.document.entities) for label in batch)
    return len(batch) * 2 + len(stories) + mentions + len(TALLY(batch, stories)) + 1


def count(store: Store, number: int, batch: Sequence[Label]) -> float:
    """Count one batch; returns the seconds it took."""
    first = number * BATCH_LABELS
    spans = {PARTITION: OffsetSpan(first=first, next=first + len(batch))}
    begun = time.perf_counter()
    store.add(group="bench", spans=spans, labels=batch, tally=TALLY, now=T0)
    return time.perf_counter() - begun


def measure(urls: dict[str, str], batches: int) -> list[Measured]:
    """Feed every database the same batches in turn; the first batch warms up and is not counted."""
    stores = {name: open_store(DatabaseSettings(url=SecretStr(url))) for name, url in urls.items()}
    seconds, rows, random = dict.fromkeys(stores, 0.0), 0, Random(7)  # noqa: S311 - not for secrets
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


def main() -> int:
    """Measure, and write a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=40, help=f"batches of {BATCH_LABELS} labels (default 40)")
    parser.add_argument("--json", action="store_true", help="JSON lines instead of a table")
    options = parser.parse_args()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # results alone go to stdout
    with tempfile.TemporaryDirectory() as folder:
        urls = {"sqlite": f"sqlite:///{folder}/bench.db"}
        server = PostgresServer(Path(folder) / "postgres")
        try:
            server.start()
            urls["postgresql"] = server.url
        except MonitorError as err:
            sys.stderr.write(f"without PostgreSQL: {err}\n")
        try:
            results = measure(urls, options.batches)
        finally:
            server.stop()
    lines = [json.dumps(asdict(m)) for m in results] if options.json else _table(results)
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def _table(results: Sequence[Measured]) -> list[str]:
    head = f"{'database':<12}{'labels':>9}{'rows':>9}{'seconds':>9}{'labels/s':>10}{'rows/s':>10}"
    return [
        head,
        *(
            f"{m.database:<12}{m.labels:>9}{m.rows:>9}{m.seconds:>9.2f}{m.labels_per_s:>10}{m.rows_per_s:>10}"
            for m in results
        ),
    ]


if __name__ == "__main__":
    raise SystemExit(main())
