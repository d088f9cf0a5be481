"""A feed that stops, over a real socket and a real database: it is seen to be dead, and its silence to be no calm."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from monitor.app.source_health import SourceWatch, source_reports
from monitor.errors import TransientError
from monitor.metrics import IngestMetrics, SourceMetrics
from monitor.net import HttpClient
from monitor.settings import DatabaseSettings, Settings
from monitor.settings import FeedSource as FeedSettings
from monitor.store import Store, open_store
from pipelines.sources.feed import FeedSource
from pipelines.sources.fetcher import Fetcher
from pipelines.sources.parser_process import FeedParser
from pipelines.sources.politeness import HostPoliteness
from pipelines.sources.worker import SourceWorker
from tests.fixtures.feed_server import send, serving
from tests.fixtures.memory_sources import keeping

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
EVERY = timedelta(minutes=5)
HOUR = timedelta(hours=1)
ITEM = "<item><title>News {n}</title><guid>{n}</guid></item>"


class Publisher:
    """A feed with a new item at every request, until it is told to answer otherwise."""

    def __init__(self) -> None:
        self.items = 0
        self.status = 200
        self.new = True

    def __call__(self, request: BaseHTTPRequestHandler) -> None:
        if self.status != 200:
            send(request, status=self.status)
            return
        if not self.new:
            send(request, status=304)
            return
        self.items += 1
        body = f"<rss version='2.0'><channel><title>Wire</title>{ITEM.format(n=self.items)}</channel></rss>"
        send(request, body.encode(), Content_Type="application/rss+xml")


class Desk:
    """The poller of one feed with its database and metrics."""

    def __init__(self, address: str, path: Path, parser: FeedParser) -> None:
        self.now = NOW
        self.url = f"sqlite:///{path}"
        feed = FeedSettings.model_validate({"name": "wire", "url": address, "every": EVERY})
        self.settings = Settings.model_validate({"sources": [feed.model_dump()]})
        client = HttpClient(user_agent="test", timeout_s=5, max_bytes=100_000, max_redirects=1, allow_private=True)
        self.source = FeedSource(feed, fetcher=Fetcher(client, HostPoliteness(0)), parser=parser)
        self.open()

    def open(self) -> None:
        """Start, as a process does: only the database is remembered."""
        self.store: Store = open_store(DatabaseSettings(url=SecretStr(self.url)))
        self.store.upgrade()
        self.registry = CollectorRegistry()
        self.worker = SourceWorker(
            store=self.store,
            submit=keeping([]),
            owner="test",
            lease=timedelta(minutes=2),
            max_backoff=HOUR,
            metrics=IngestMetrics(self.registry),
        )
        self.watch = SourceWatch(self.settings, store=self.store, metrics=SourceMetrics(self.registry))

    def poll_for(self, length: timedelta, *, step: timedelta = EVERY) -> None:
        """Poll on schedule until `length` is over, or at every `step`, to be done sooner."""
        end = self.now + length
        while self.now < end:
            self.worker.poll_once(self.source, self.now, every=EVERY)
            self.now += step
        self.watch.look(self.now)

    @property
    def report(self) -> Any:
        return source_reports(self.settings, self.store, self.now)[0]

    def shown(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, {"source": "wire", **labels})

    @property
    def states(self) -> dict[str, float | None]:
        """The states as metrics show them."""
        names = ("healthy", "failing", "dead", "silent", "unknown")
        return {name: self.shown("tapewatch_source_health", state=name) for name in names}


@pytest.fixture(scope="module")
def parser() -> Iterator[FeedParser]:
    """Parser processes for the module."""
    made = FeedParser(timeout_s=20, max_items=100)
    yield made
    made.close()


@pytest.fixture
def publisher() -> Publisher:
    """A publisher in good health."""
    return Publisher()


@pytest.fixture
def desk(publisher: Publisher, tmp_path: Path, parser: FeedParser) -> Iterator[Desk]:
    """Polls the publisher."""
    with serving(publisher) as address:
        made = Desk(address, tmp_path / "tapewatch.db", parser)
        yield made
        made.store.close()


def only(state: str) -> dict[str, float | None]:
    """One-hot."""
    return {name: float(name == state) for name in ("healthy", "failing", "dead", "silent", "unknown")}


def test_a_source_that_stops_becomes_dead_and_its_silence_is_visible(desk: Desk, publisher: Publisher) -> None:
    """A quiet hour is calm only when somebody looked: a dead feed must show in state, coverage and documents alike."""
    desk.watch.look(desk.now)
    assert desk.states == only("unknown")

    desk.poll_for(2 * HOUR)
    assert desk.states == only("healthy")
    assert (desk.report.documents_24h, desk.report.coverage_24h) == (24, 1.0)

    publisher.status = 503
    desk.poll_for(EVERY)
    assert desk.states == only("failing")

    desk.poll_for(2 * HOUR)
    assert desk.states == only("dead")
    assert "HTTP 503" in desk.report.reason
    assert desk.report.coverage_24h == pytest.approx(0.5, abs=0.04)
    assert desk.shown("tapewatch_source_coverage_ratio") == desk.report.coverage_24h
    last_document_s = desk.shown("tapewatch_source_last_document_timestamp_seconds")
    assert last_document_s == (NOW + 1.75 * HOUR).timestamp()
    silent_hour = desk.store.coverage(desk.now - HOUR, desk.now, every={"wire": EVERY})["wire"]
    assert (silent_hour.share, silent_hour.documents) == (0.0, 0)
    assert silent_hour.polls == silent_hour.failures > 0

    publisher.status = 200
    desk.poll_for(HOUR)
    assert desk.states == only("healthy")


def test_a_refusal_is_death_at_once(desk: Desk, publisher: Publisher) -> None:
    """HTTP 410 will not get better by waiting a quarter of an hour."""
    desk.poll_for(HOUR)
    publisher.status = 410
    desk.poll_for(EVERY)
    assert desk.states == only("dead")


def test_a_source_that_answers_and_says_nothing_becomes_silent(desk: Desk, publisher: Publisher) -> None:
    """A feed that a redesign has emptied answers every poll with success."""
    desk.now = NOW - timedelta(days=8)
    for _ in range(8 * 24):  # Eight days of news, an hour at a time: the polls themselves are tested above.
        desk.store.add_coverage("wire", at=desk.now, polls=12, failures=0, documents=3)
        desk.now += HOUR
    publisher.new = False
    desk.poll_for(6 * HOUR, step=HOUR / 4)
    assert desk.states == only("healthy")
    desk.poll_for(5 * HOUR, step=HOUR / 4)
    assert desk.states == only("silent")
    assert desk.report.reason == "no document for 11h45m, expected within 10h"
    assert desk.report.coverage_24h > 0.5


def test_what_is_known_survives_a_restart(desk: Desk, publisher: Publisher) -> None:
    """A daemon that starts over must not begin by taking a dead source for a new one."""
    desk.poll_for(2 * HOUR)
    publisher.status = 503
    desk.poll_for(HOUR)
    before = desk.report
    desk.store.close()

    desk.open()
    assert desk.report == before
    desk.watch.look(desk.now)
    assert desk.states == only("dead")


def test_a_source_that_nobody_asks_is_dead_too(desk: Desk) -> None:
    """The poller may be the one that died."""
    desk.poll_for(HOUR)
    desk.now += HOUR
    desk.watch.look(desk.now)
    assert desk.states == only("dead")
    assert "nobody asks it" in desk.report.reason


def test_while_the_database_is_away_what_was_shown_stays(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The part that polls must not stop over it."""
    desk.poll_for(HOUR)

    def away(*_: object, **__: object) -> None:
        raise TransientError("database away")

    monkeypatch.setattr(desk.store, "coverage", away)
    desk.watch.look(desk.now + 3 * HOUR)
    assert desk.states == only("healthy")
