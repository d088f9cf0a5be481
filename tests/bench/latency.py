"""From publication to label and to alert at half load, a process a stage, on real Kafka and PostgreSQL.

`python -m tests.bench.latency` (`make bench-latency`, eight minutes) pushes documents over HTTP: first as many as go
through, to know the load that is half of it; then that for some minutes, with bad news about one firm after the other
among them. A label counts from `published_at`, set right before the push, to `labeled_at`; an alert to the arrival of
the webhook, with the tick and the buckets as they come (a minute each) and no `group_wait`. Also: what every stage
takes of a core while nothing comes in, and its memory afterwards.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from monitor.demo.kafka_server import KafkaServer
from monitor.demo.postgres_server import PostgresServer
from monitor.demo.receivers import Answer, WebhookReceiver
from monitor.logs import configure_logging
from monitor.settings import LoggingSettings, Settings
from pipelines import wire
from pipelines.brokers.kafka import KafkaBroker
from pipelines.topics import Topics
from tests.bench.daemon import Daemon, idle_shares, push, push_rows, sum_of, wait
from tests.bench.rates import processor
from tests.bench.texts import mixed_texts, told_once

STAGES = ("ingest", "classify", "aggregate", "alert")
WITH = {"ingest": ["ingest", "web"]}  #: The door for pushes is of the web server.
COUNTED = 'tapewatch_aggregate_documents_total{outcome="counted"} '
TICK_S = 60.0  #: `alerting.evaluate_every` and `aggregate.bucket` as they come.
BURST = 3000  #: Documents by which the capacity is taken.
LOAD_S = 240.0  #: At half load.
PORTION_S = 0.25  #: Between two pushes.
FIRMS = 120  #: With one piece of bad news each, spread over the load.
LATE_S = 2 * TICK_S  #: So long the last alerts may take.
RULE = {
    "name": "any", "method": "threshold", "sensitivity": 1, "windows": ["1h"],
    "gates": {"min_count": 1, "min_ratio": 1, "min_sources": 1, "min_coverage": 0},
    "baseline": {"min_history": "0s"}, "no_data_after": "0s",
}  # fmt: skip
BAD = (
    "{} files for bankruptcy after auditors find fraud in its accounts",
    "{} shares crash as regulators charge its chief executive with fraud",
    "{} warns of a huge loss, halts its dividend and lays off half of its staff",
)


class TimedReceiver(WebhookReceiver):
    """Notes when it first heard of each entity: seconds since 1970."""

    def __init__(self) -> None:
        super().__init__()
        self.told_at: dict[str, float] = {}

    def take(self, path: str, headers: dict[str, str], raw: bytes) -> Answer:
        """Keep a request; returns its answer."""
        now, answer = time.time(), super().take(path, headers, raw)
        for alert in self.hooks[-1].json["alerts"]:
            self.told_at.setdefault(alert["labels"]["entity"], now)
        return answer


@dataclass(slots=True)
class Seen:
    """What was measured."""

    ready_s: dict[str, float] = field(default_factory=dict)  #: By stage.
    idle: dict[str, float] = field(default_factory=dict)  #: Share of a core, by stage.
    memory_mb: dict[str, float] = field(default_factory=dict)  #: By stage, after the load.
    capacity: float = 0.0  #: Documents a second.
    pushed: int = 0  #: At half load.
    to_label_s: Sequence[float] = ()
    to_alert_s: Sequence[float] = ()


def firm(number: int) -> str:
    """Its ticker."""
    return f"ZQ{number:03d}"


def sections(bootstrap: str, database: str, hook: str) -> dict[str, object]:
    """The configuration of every stage."""
    return {
        "kafka": {"bootstrap_servers": [bootstrap]},
        "database": {"url": database},
        "stream": {"topic_prefix": "latency", "partitions": 2},
        "aggregate": {"guard": {"domain_stories": 0}},  # every document here has one source
        "watchlist": {"entities": [{"ticker": firm(n), "name": f"Firm {firm(n)}"} for n in range(FIRMS)]},
        "alerting": {
            "rules": [RULE],
            "receivers": [{"type": "webhook", "name": "desk", "url": hook}],
            "route": {"receiver": "desk", "group_by": ["entity"], "group_wait": "0s"},
        },
    }


def measure(folder: Path) -> Seen:
    """All of it."""
    seen = Seen()
    with ExitStack() as held:
        kafka = held.enter_context(KafkaServer(folder / "kafka"))
        postgres = held.enter_context(PostgresServer(folder / "postgres"))
        receiver = held.enter_context(TimedReceiver())
        wanted = sections(kafka.bootstrap, postgres.create_database("latency"), receiver.url)
        daemons = {}
        for stage in STAGES:
            tell(f"start of {stage} ...")
            daemons[stage] = held.enter_context(Daemon(folder, wanted, stages=WITH.get(stage, [stage])))
            seen.ready_s[stage] = daemons[stage].wait_ready()
        tell("idle ...")
        seen.idle = dict(zip(STAGES, idle_shares(list(daemons.values())), strict=True))
        tell("capacity ...")
        seen.capacity = capacity(daemons["ingest"].address, daemons["aggregate"].address)
        tell(f"half of {seen.capacity:.0f} documents/s for {LOAD_S:.0f} s ...")
        published = load(daemons["ingest"].address, seen)
        wait(lambda: sum_of(daemons["aggregate"].address, COUNTED) >= BURST + seen.pushed)
        deadline = time.monotonic() + LATE_S
        while len(receiver.told_at) < FIRMS and time.monotonic() < deadline:
            time.sleep(0.1)
        seen.memory_mb = {stage: daemon.memory_mb() for stage, daemon in daemons.items()}
        seen.to_alert_s = [receiver.told_at[name] - at for name, at in published.items() if name in receiver.told_at]
        seen.to_label_s = list(label_latencies(Settings.model_validate(wanted)))
    return seen


def capacity(ingest: str, aggregate: str) -> float:
    """Documents a second from the push of many to the count of the last."""
    texts, started_s = told_once(mixed_texts(BURST)), time.monotonic()
    for at in range(0, BURST, 500):
        push(ingest, texts[at : at + 500], at)
    wait(lambda: sum_of(aggregate, COUNTED) >= BURST)
    return BURST / (time.monotonic() - started_s)


def load(ingest: str, seen: Seen) -> dict[str, float]:
    """Push half of the capacity; returns when the bad news of each firm was published: seconds since 1970."""
    rate, published = seen.capacity / 2, dict[str, float]()
    texts = iter(told_once(mixed_texts(int(rate * LOAD_S) + 1000, seed=5)))
    started_s = time.monotonic()
    while (elapsed_s := time.monotonic() - started_s) < LOAD_S:
        now = datetime.now(UTC)
        due = [next(texts) for _ in range(int(rate * elapsed_s) + 1 - seen.pushed)]
        rows: list[dict[str, object]] = [{"text": text} for text in due]
        if len(published) < FIRMS and elapsed_s >= (LOAD_S - PORTION_S) * len(published) / FIRMS:
            name = firm(len(published))
            rows.append({"text": BAD[len(published) % len(BAD)].format(f"Firm {name}"), "entities": [name]})
            published[name] = now.timestamp()
        first = seen.pushed
        push_rows(ingest, [{"id": f"l{first + n}", "published_at": now.isoformat(), **r} for n, r in enumerate(rows)])
        seen.pushed += len(rows)
        time.sleep(max(0.0, PORTION_S - (time.monotonic() - started_s - elapsed_s)))
    return published


def label_latencies(settings: Settings) -> Iterator[float]:
    """Seconds from publication to label of everything that was pushed at half load, from the bus."""
    topics = Topics(prefix=settings.stream.topic_prefix)
    with closing(KafkaBroker(settings.kafka, settings.stream)) as broker:
        for record in broker.scan(topics.labels):
            label = wire.decode_label(record.value)
            if label.document.id.startswith("l"):
                yield (label.labeled_at - label.document.published_at).total_seconds()


def tell(text: str) -> None:
    """Say what is measured now."""
    sys.stderr.write(text + "\n")


def table(seen: Seen) -> Iterator[str]:
    """The tables in Markdown."""
    yield f"{processor()}; {seen.capacity:.0f} documents/s go through; {seen.pushed:,} pushed at half of that"
    yield "\n| seconds | samples | median | 99 % | longest |\n|---|---|---|---|---|"
    rows = (("publication to label", seen.to_label_s), ("publication to webhook, a tick a minute", seen.to_alert_s))
    for what, values in rows:
        middle, late, last = np.percentile(values, (50, 99, 100))
        yield f"| {what} | {len(values):,} | {middle:.2f} | {late:.2f} | {last:.2f} |"
    yield "\n| stage, a process each | start to ready | idle, of a core | resident after the load |\n|---|---|---|---|"
    for stage in STAGES:
        yield f"| {stage} | {seen.ready_s[stage]:.1f} s | {seen.idle[stage]:.1%} | {seen.memory_mb[stage]:.0f} MB |"


def main() -> None:
    """Measure and print."""
    configure_logging(LoggingSettings(level="error"))
    with tempfile.TemporaryDirectory(prefix="bench-latency-") as name:
        seen = measure(Path(name))
    print("\n".join(table(seen)))
    missing = FIRMS - len(seen.to_alert_s)
    if missing:
        sys.exit(f"bench-latency: {missing} of {FIRMS} firms had no alert; the figures above leave them out")


if __name__ == "__main__":
    main()
