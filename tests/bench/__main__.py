"""`make bench`: measure, and print the table of the README."""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from monitor.demo.kafka_server import KafkaServer
from monitor.demo.postgres_server import PostgresServer
from monitor.logs import configure_logging
from monitor.settings import LoggingSettings
from tests.bench.classifier import measure_classifier
from tests.bench.daemon import Start, measure_start
from tests.bench.pipeline import measure_pipeline
from tests.bench.rates import Rate, processor, row
from tests.bench.store import Measured, measure_store

Section = dict[str, Rate]


def main() -> None:
    """Measure one thing after the other; tell how far it is on standard error, the table on standard output."""
    configure_logging(LoggingSettings(level="error"))
    tell("classifier against transformers.pipeline ...")
    classifier = measure_classifier()
    with tempfile.TemporaryDirectory(prefix="tapewatch-bench-") as name:
        folder = Path(name)
        tell("start of the daemon ...")
        start = measure_start(folder)
        with PostgresServer(folder / "postgres") as postgres:
            tell("store ...")
            urls = {"SQLite": f"sqlite:///{folder}/bench.db", "PostgreSQL": postgres.create_database("store")}
            store = measure_store(urls)
            tell("pipeline over Kafka and PostgreSQL ...")
            with KafkaServer(folder / "kafka") as kafka:
                pipeline = measure_pipeline(kafka.bootstrap, postgres.create_database("pipeline"))
    if "--json" in sys.argv:
        sections = {"classifier": classifier, "pipeline": pipeline}
        values = {key: {name: asdict(rate) for name, rate in rates.items()} for key, rates in sections.items()}
        sys.stdout.write(json.dumps({**values, "store": [asdict(m) for m in store], "start": asdict(start)}) + "\n")
        return
    sys.stdout.write("\n".join(table(classifier, store, pipeline, start)) + "\n")


def tell(text: str) -> None:
    """Say what is measured now."""
    sys.stderr.write(text + "\n")


def table(classifier: Section, store: list[Measured], pipeline: Section, start: Start) -> Iterator[str]:
    """The table in Markdown."""
    ours = classifier["tapewatch"].median
    alone = pipeline["classifier alone"].median
    yield f"{os.cpu_count()} cores, {processor()}, Python {platform.python_version()}; median (lowest to highest)"
    yield ""
    yield "| what | a second | ratio |"
    yield "|---|---|---|"
    yield row("classifier, one thread: documents", classifier["tapewatch"], "")
    for name in ("one at a time", "batched by 32"):
        rate = classifier[name]
        yield row(f"`transformers.pipeline` {name}", rate, f"ours is {ours / rate.median:.1f} times that")
    yield row("classifier alone, 500 documents in hand", pipeline["classifier alone"], "")
    whole = pipeline["through Kafka to PostgreSQL"]
    yield row("documents through Kafka, classifier, Kafka, PostgreSQL", whole, f"{whole.median / alone:.2f} of it")
    for held in store:
        labels = f"{held.labels_per_s:,.0f} labels"
        yield f"| rows into {held.database}, 500 labels a transaction | {held.rows_per_s:,.0f} | {labels} |"
    yield f"| start to ready, embedded defaults | {start.ready_s:.1f} s | |"
    yield f"| processor while nothing comes in, all stages in one process | {start.idle_share:.1%} of a core | |"
    yield f"| push to label of the first document | {start.first_label_s:.1f} s | |"
    yield f"| peak memory, all stages in one process | {start.peak_mb:.0f} MB | |"


if __name__ == "__main__":
    main()
