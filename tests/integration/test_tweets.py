"""20,000 real tweets through real Kafka and PostgreSQL: documents in = labels out = documents counted."""

from __future__ import annotations

import gzip
import json
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from monitor.app.monitor import Monitor
from monitor.demo.kafka_server import KafkaServer
from monitor.domain import ALL, SeriesKey, SourceClass
from monitor.settings import Settings
from pipelines.routing import OneModel
from pipelines.sources.base import RawItem
from tests.integration.stub import StubClassifier
from tests.integration.waiting import wait_for

TWEETS = 20_000
pytestmark = [
    pytest.mark.kafka,
    pytest.mark.postgres,
    pytest.mark.shared_data,
    pytest.mark.timeout(420),
]


def tweets(shared_data: Path) -> Iterator[dict[str, str]]:
    """The first tweets of the stream, as recorded."""
    with gzip.open(shared_data / "stream" / "tweets_2014-01_2015-06.jsonl.gz", "rt", encoding="utf-8") as lines:
        yield from (json.loads(line) for line in islice(lines, TWEETS))


def item(tweet: dict[str, str], number: int) -> RawItem:
    """A tweet as a sender would push it; the row number keeps rows about several tickers apart."""
    return RawItem(
        source="twitter",
        source_class=SourceClass.SOCIAL,
        raw=json.dumps(tweet).encode(),
        id=f"{tweet['id']}-{tweet['ticker']}-{number}",
        published_at=instant(tweet),
        text=tweet["text"],
        entities=(tweet["ticker"],),
    )


def instant(tweet: dict[str, str]) -> datetime:
    """`ts` as an instant."""
    return datetime.fromisoformat(tweet["ts"].replace("Z", "+00:00")).astimezone(UTC)


def test_every_tweet_becomes_one_label_and_is_counted_once(
    tmp_path: Path, kafka: KafkaServer, postgres: str, shared_data: Path
) -> None:
    """Real text, with everything that people put into it, through the real bus and database."""
    stop = threading.Event()
    settings = Settings.model_validate(
        {
            "kafka": {"bootstrap_servers": [kafka.bootstrap]},
            "database": {"url": SecretStr(postgres)},
            "stream": {"topic_prefix": "tweets", "partitions": 4},
            "web": {"port": 0},
            "aggregate": {"evidence_retention": "9000d", "bucket_retention": "9000d", "id_retention": "9000d"},
        }
    )
    monitor = Monitor(settings, stop=stop, registry=CollectorRegistry())
    monitor.workshop.models = OneModel(StubClassifier())
    rows = list(tweets(shared_data))
    now = datetime(2026, 1, 1, tzinfo=UTC)
    try:
        monitor.start(["classify", "aggregate"])
        with monitor.workshop.ingest() as ingest:
            for at in range(0, TWEETS, 1000):
                batch = [item(row, at + k) for k, row in enumerate(rows[at : at + 1000])]
                result = ingest.submit(batch, now)
                assert (result.published, result.repeated, list(result.rejected)) == (len(batch), 0, [])
        wait_for(lambda: value(monitor, "tapewatch_aggregate_documents_total", "counted") >= TWEETS, seconds=240)
    finally:
        stop.set()
        unfinished = monitor.finish(timeout_s=60)
    sums = monitor.workshop.store.window_counts(instant(rows[0]) - timedelta(hours=1), now)
    monitor.leave(timeout_s=1)

    assert unfinished == []
    outcomes = [value(monitor, "tapewatch_classify_documents_total", outcome) for outcome in ("labeled", "unscored")]
    assert sum(outcomes) == TWEETS
    assert outcomes[0] > 0.9 * TWEETS
    assert value(monitor, "tapewatch_aggregate_documents_total", "counted") == TWEETS
    assert sums[SeriesKey(entity=ALL)].documents == TWEETS
    by_ticker = Counter(row["ticker"] for row in rows)
    assert {ticker: sums[SeriesKey(entity=ticker)].documents for ticker in by_ticker} == by_ticker


def value(monitor: Monitor, name: str, outcome: str) -> float:
    """A counter of the monitor under test."""
    return monitor.registry.get_sample_value(name, {"outcome": outcome}) or 0.0
