"""`tapewatch erase` on the embedded defaults and on Kafka with PostgreSQL: gone, or said for how long it stays."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.app.dead_letters import list_letters, replay_letters
from monitor.app.erasing import erase
from monitor.app.monitor import Monitor
from monitor.demo.receivers import WebhookReceiver
from monitor.domain import AlertState, SeriesKey
from monitor.settings import Settings
from monitor.settings.load import load_settings
from pipelines.erasure import Sought
from pipelines.letter_replay import Fate
from pipelines.letters import LetterFilter
from tests.fixtures.stores import add, label, opened_store
from tests.integration.test_reload import Daemon, states
from tests.integration.waiting import wait_for

NOW = datetime.now(UTC)
NAME = "Zaphod Quixote"
ALL = LetterFilter()
pytestmark = pytest.mark.timeout(240)


def push(monitor: Monitor, *documents: dict[str, object]) -> None:
    """What senders push; refused ones are answered, not raised."""
    body = "\n".join(json.dumps(document) for document in documents).encode()
    monitor.workshop.push_door(body, "application/jsonl")


def post(number: int, author: str, **changes: object) -> dict[str, object]:
    """As a sender writes it."""
    text = f"{author} is angry with Acme for reason {number}"
    at = (NOW - timedelta(minutes=5)).isoformat()
    return {
        "id": f"post-{number}", "source": "board", "source_class": "social", "published_at": at, "text": text,
        "author": author, "entities": ["ACME"], **changes,
    }  # fmt: skip


def counted(monitor: Monitor) -> int:
    """Documents in the buckets."""
    sums = monitor.workshop.store.window_counts(NOW - timedelta(days=1), NOW + timedelta(days=1))
    return sums[SeriesKey()].documents if SeriesKey() in sums else 0


def test_an_author_is_gone(settings: Settings, monitor: Monitor, tmp_path: Path) -> None:
    """From database and bus, with his refused posts; the others, and the counts, stay."""
    push(monitor, *(post(n, NAME) for n in range(5)), *(post(n, "Bob") for n in range(5, 8)))
    push(monitor, post(20, NAME, published_at="yesterday"), post(21, "Bob", published_at="yesterday"))
    wait_for(lambda: counted(monitor) == 8, seconds=60)
    assert len(list_letters(settings, ALL)) == 2
    sought = Sought(author=NAME.upper())
    dry = {str(row["place"]): row["found"] for row in erase(settings, sought, dry_run=True)}
    assert len(list_letters(settings, ALL)) == 2

    done = erase(settings, sought, dry_run=False)
    found = {str(row["place"]): row["found"] for row in done}
    topics = monitor.workshop.topics
    assert found == dry
    assert (found["evidence"], found["seen_documents"], found["authors"]) == (5, 5, 1)
    assert [found[topic] for topic in topics.every] == [5, 5, 1]
    assert len(list_letters(settings, ALL)) == 1
    assert counted(monitor) == 8

    kafka = bool(settings.kafka.bootstrap_servers)
    outcomes = {str(row["outcome"]) for row in done if str(row["place"]) in topics.every}
    assert all("retention of 7d" in outcome for outcome in outcomes) if kafka else outcomes == {"erased"}
    again = {str(row["place"]): row["found"] for row in erase(settings, sought, dry_run=False)}
    assert again == ({topics.documents: 5, topics.labels: 5} if kafka else {})
    fates = replay_letters(settings, ALL)
    assert (fates[Fate.BROUGHT_BACK], fates[Fate.ERASED]) == (0, 1 if kafka else 0)
    if not kafka:
        left = [path.name for path in tmp_path.iterdir() if NAME.lower().encode() in path.read_bytes().lower()]
        assert left == []
        assert any(b"Bob is angry" in path.read_bytes() for path in tmp_path.iterdir())


def test_the_monitor_goes_on_and_does_not_take_it_back(settings: Settings, monitor: Monitor) -> None:
    """The sender pushes the same again, and new ones; the emptied records stop nobody."""
    push(monitor, *(post(n, NAME) for n in range(5)))
    wait_for(lambda: counted(monitor) == 5, seconds=60)
    erase(settings, Sought(id="post-3"), dry_run=False)
    push(monitor, *(post(n, NAME) for n in range(5)), post(6, NAME))
    wait_for(lambda: counted(monitor) == 6, seconds=60)
    assert monitor.workshop.store.documents_of(NAME) == {f"post-{n}" for n in (0, 1, 2, 4, 6)}
    assert monitor.problems() == {}
    assert list_letters(settings, ALL) == []


def test_a_running_evaluation_does_not_write_it_back(tmp_path: Path) -> None:
    """It holds the alert with its headlines in memory; the alert goes on, without them."""
    done = 'tapewatch_alert_evaluations_total{outcome="done"}'
    with WebhookReceiver() as receiver:
        daemon = Daemon(tmp_path, receiver.url)
        try:
            wait_for(lambda: daemon.address, seconds=60)
            with closing(opened_store(daemon.url)) as store:
                posts = [label(f"d{n}", at=NOW - timedelta(minutes=5), author=NAME, story=f"y{n}") for n in range(6)]
                add(store, posts, first=0, now=NOW)
                wait_for(lambda: NAME in repr(store.alerts()), seconds=30)
                erase(load_settings(daemon.config, {}), Sought(author=NAME), dry_run=False)
                before = daemon.metric(done) or 0.0
                wait_for(lambda: (daemon.metric(done) or 0.0) >= before + 4, seconds=30)
                assert NAME not in repr(store.alerts()) + repr(store.transitions())
                assert states(store) == {("wave", "ACME"): AlertState.FIRING}
        finally:
            daemon.process.kill()
            daemon.process.wait()
