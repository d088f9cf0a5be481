"""Labels a second into the buckets: counting, deduplication, stories, evidence and offsets, one transaction a batch."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from pydantic import SecretStr

from monitor.domain import Document, Label, Partition, Prediction, Probabilities, SourceClass
from monitor.ports import OffsetSpan
from monitor.settings import DatabaseSettings
from monitor.store import Store, open_store
from pipelines.windows import tally
from tests.bench.rates import Rate, interleave

BATCH = 500
BATCHES = 8
T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def measure_store(folder: Path, postgres_url: str, *, rounds: int = 3) -> dict[str, Rate]:
    """SQLite and PostgreSQL in turns; every round adds new labels."""
    urls = {"SQLite": f"sqlite:///{folder}/bench.db", "PostgreSQL": postgres_url}
    stores = {name: open_store(DatabaseSettings(url=SecretStr(url))) for name, url in urls.items()}
    for store in stores.values():
        store.upgrade()
    rates = interleave({name: adder(store) for name, store in stores.items()}, rounds=rounds)
    for store in stores.values():
        store.close()
    return rates


def adder(store: Store) -> Callable[[], int]:
    """A call that adds `BATCHES` batches from where the last one ended."""
    partition = Partition(topic="labels", index=0)
    at = 0

    def add() -> int:
        nonlocal at
        for _ in range(BATCHES):
            labels = [label(number) for number in range(at, at + BATCH)]
            span = OffsetSpan(first=at, next=at + BATCH)
            count = partial(tally, bucket=timedelta(minutes=1))
            store.add(group="bench", spans={partition: span}, labels=labels, tally=count, now=T0)
            at += BATCH
        return BATCH * BATCHES

    return add


def label(number: int) -> Label:
    """One label; 88 entities, a document every half second."""
    document = Document(
        id=f"d{number}",
        source=f"s{number % 7}",
        source_class=SourceClass.NEWS,
        published_at=T0 + timedelta(seconds=number / 2),
        seen_at=T0,
        text=f"text {number}",
        entities=(f"E{number % 88}",),
        story_id=f"story{number}",
    )
    probabilities = Probabilities(negative=0.5, neutral=0.3, positive=0.2)
    prediction = Prediction(topic="Macro", topic_probability=0.5, probabilities=probabilities, model="m")
    return Label(document=document, prediction=prediction, labeled_at=T0)
