"""Recorded feeds, many of them malformed, served over HTTP to the real poller."""

from __future__ import annotations

import csv
import gzip
import hashlib
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
from prometheus_client import CollectorRegistry

from monitor.metrics import IngestMetrics
from monitor.net import HttpClient
from monitor.settings import FeedSource as FeedSettings
from pipelines.sources.base import RawItem
from pipelines.sources.feed import FeedSource
from pipelines.sources.fetcher import Fetcher
from pipelines.sources.parser_process import FeedParser
from pipelines.sources.politeness import HostPoliteness
from pipelines.sources.worker import SourceWorker
from tests.fixtures.feed_server import send, serving
from tests.fixtures.memory_sources import MemorySourceStore, keeping

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
FEEDS = 300
LONGEST_S = 5.0
MAX_ITEMS = 1000


@pytest.fixture(scope="module")
def recorded(shared_data: Path) -> Mapping[str, Mapping[str, str]]:
    """Every seventh recorded feed, from all four collections: path to its row of the manifest."""
    with (shared_data / "feeds" / "manifest.csv").open(newline="") as rows:
        return {row["path"]: row for row in list(csv.DictReader(rows))[::7][:FEEDS]}


@pytest.fixture(scope="module")
def address(shared_data: Path) -> Iterator[str]:
    """Where the recorded feeds are served, conditionally and, to those who take it, compressed."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        body = (shared_data / "feeds" / unquote(request.path[1:])).read_bytes()
        etag = f'"{hashlib.sha256(body).hexdigest()}"'
        if request.headers["If-None-Match"] == etag:
            send(request, status=304, ETag=etag)
        else:
            send(
                request, gzip.compress(body, 1), ETag=etag, Content_Type="application/rss+xml", Content_Encoding="gzip"
            )

    with serving(answer) as at:
        yield at


class Poller:
    """The real worker, feeds, client and parser processes."""

    def __init__(self, address: str, paths: Sequence[str]) -> None:
        self.registry = CollectorRegistry()
        self.items: list[RawItem] = []
        self.parser = FeedParser(timeout_s=LONGEST_S, max_items=MAX_ITEMS)
        self.store = MemorySourceStore()
        client = HttpClient(user_agent="test", timeout_s=20, max_bytes=5_000_000, max_redirects=5, allow_private=True)
        self.worker = SourceWorker(
            store=self.store,
            submit=keeping(self.items),
            owner="test",
            lease=timedelta(minutes=2),
            max_backoff=timedelta(hours=1),
            metrics=IngestMetrics(self.registry),
        )
        self.sources = {
            path: FeedSource(
                FeedSettings.model_validate({"name": f"feed-{number}", "url": f"{address}/{quote(path)}"}),
                fetcher=Fetcher(client, HostPoliteness(0)),
                parser=self.parser,
            )
            for number, path in enumerate(paths)
        }

    def poll_all(self, now: datetime) -> float:
        """Poll every source once; gives the seconds of the slowest."""
        slowest_s = 0.0
        for source in self.sources.values():
            started_s = time.monotonic()
            assert self.worker.poll_once(source, now)
            slowest_s = max(slowest_s, time.monotonic() - started_s)
        return slowest_s

    def outcomes(self) -> Counter[str]:
        """Polls by outcome, over all sources."""
        [polls] = [m for m in self.registry.collect() if m.name == "tapewatch_ingest_polls"]
        counted: Counter[str] = Counter()
        for sample in polls.samples:
            if sample.name.endswith("_total"):
                counted[sample.labels["outcome"]] += int(sample.value)
        return counted


@pytest.mark.shared_data
def test_three_hundred_recorded_feeds_are_polled_to_the_last_item(
    recorded: Mapping[str, Mapping[str, str]], address: str
) -> None:
    """As many items as the manifest counts, malformed or not, none slow; a second round transfers nothing.

    The manifest holds what feedparser makes of each file. The only differences allowed are those of our own rules: no
    more than `MAX_ITEMS` items of one feed.
    """
    poller = Poller(address, list(recorded))
    try:
        assert poller.poll_all(NOW) < LONGEST_S
        first_outcomes, first_items = poller.outcomes(), list(poller.items)
        assert poller.poll_all(NOW + timedelta(hours=2)) < LONGEST_S
    finally:
        poller.parser.close()

    got = Counter(item.source for item in first_items)
    expected = {path: min(int(row["entries"]), MAX_ITEMS) for path, row in recorded.items()}
    assert {path: got[source.name] for path, source in poller.sources.items()} == expected
    assert len(recorded) == FEEDS

    no_feed = sum(not row["version"] and row["entries"] == "0" for row in recorded.values())
    assert first_outcomes == {"changed": FEEDS - no_feed, "invalid": no_feed}
    assert poller.items == first_items
    assert poller.outcomes() - first_outcomes == {"unchanged": FEEDS - no_feed, "invalid": no_feed}


@pytest.mark.shared_data
def test_ids_of_recorded_feeds_are_stable_and_fit(recorded: Mapping[str, Mapping[str, str]], address: str) -> None:
    """The same item pulled by another process under another source name has the same id."""
    paths = list(recorded)[::10]
    rounds = []
    for order in (paths, paths[::-1]):
        poller = Poller(address, order)
        try:
            poller.poll_all(NOW)
        finally:
            poller.parser.close()
        rounds.append(sorted(item.id or "" for item in poller.items))
    assert rounds[0] == rounds[1]
    assert all(0 < len(id_) <= 200 for id_ in rounds[0])
