"""Documents a second end to end over Kafka and PostgreSQL, against the classifier alone on the same documents."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from itertools import count

from prometheus_client import CollectorRegistry

from models import load_classifier
from monitor.app.monitor import Monitor
from monitor.domain import Document, Message, SourceClass
from monitor.ports import Classifier
from monitor.settings import ClassifierSettings, Settings
from pipelines import wire
from pipelines.routing import OneModel
from tests.bench.rates import Rate, interleave_rates
from tests.bench.texts import NOW, mixed_texts

DOCUMENTS = 3000
BATCH = 500  #: As many as a stage takes in hand.

WARM = 500  #: Documents first, until the last of them is counted: a group takes seconds to form, once.

_runs = count()


def measure_pipeline(bootstrap: str, database: str, *, rounds: int = 3) -> dict[str, Rate]:
    """Both in turns, with one model in memory; the pipeline from the first document on after it has warmed up."""
    classifier = load_classifier(ClassifierSettings(threads=1))
    texts = mixed_texts(WARM + DOCUMENTS)

    def alone() -> float:
        started_s = time.perf_counter()
        for at in range(WARM, WARM + DOCUMENTS, BATCH):
            classifier.classify(texts[at : at + BATCH])
        return DOCUMENTS / (time.perf_counter() - started_s)

    def whole() -> float:
        return through(classifier, texts, bootstrap=bootstrap, database=database)

    return interleave_rates({"classifier alone": alone, "through Kafka to PostgreSQL": whole}, rounds=rounds)


def through(classifier: Classifier, texts: list[str], *, bootstrap: str, database: str) -> float:
    """Publish, label and count every text; documents a second after the first `WARM`, until the last is counted."""
    run = next(_runs)
    settings = Settings.model_validate(
        {
            "kafka": {"bootstrap_servers": [bootstrap]},
            "database": {"url": database},
            "stream": {"topic_prefix": f"bench{run}", "partitions": 2},
            "web": {"port": 0},
        }
    )
    stop = threading.Event()
    monitor = Monitor(settings, stop=stop, registry=CollectorRegistry())
    monitor.workshop.models = OneModel(classifier)
    producer = monitor.workshop.broker.producer()
    monitor.start(["classify", "aggregate"])

    def publish(first: int, last: int) -> None:
        for at in range(first, last, BATCH):
            producer.send([message(f"bench{run}", n, texts[n]) for n in range(at, min(at + BATCH, last))])
        while value(monitor) < last:
            time.sleep(0.02)

    publish(0, WARM)
    started_s = time.perf_counter()
    publish(WARM, len(texts))
    took_s = time.perf_counter() - started_s
    producer.close()
    stop.set()
    monitor.leave(timeout_s=30)
    return (len(texts) - WARM) / took_s


def message(prefix: str, number: int, text: str) -> Message:
    """One document on the bus."""
    document = Document(
        id=f"{prefix}-{number}",
        source="bench",
        source_class=SourceClass.NEWS,
        published_at=NOW + timedelta(seconds=number),
        seen_at=NOW,
        text=text,
        entities=(f"E{number % 88}",),
        story_id=f"{prefix}-{number}",
    )
    return Message(topic=f"{prefix}.documents", key=document.id.encode(), value=wire.encode_document(document))


def value(monitor: Monitor) -> float:
    """Documents counted by `monitor`."""
    name, labels = "tapewatch_aggregate_documents_total", {"outcome": "counted"}
    return monitor.registry.get_sample_value(name, labels) or 0.0
