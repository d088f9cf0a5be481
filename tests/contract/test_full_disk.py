"""A disk without room: what is acknowledged is kept, the rest is refused, and it goes on when there is room."""

from __future__ import annotations

import threading
from contextlib import closing
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from monitor.app.monitor import Monitor
from monitor.domain import Message, SeriesKey, SourceClass
from monitor.errors import TransientError
from monitor.settings import Settings
from pipelines.ingest import Ingest
from pipelines.routing import OneModel
from pipelines.sources.base import RawItem
from tests.fixtures.bus import Bus
from tests.fixtures.full_disk import Room
from tests.fixtures.stores import T0, add, label, opened_store
from tests.integration.stub import StubClassifier
from tests.integration.waiting import wait_for

pytestmark = pytest.mark.timeout(180)

WORDS = "x" * 2000
SPARE = 400_000


def test_the_embedded_log_keeps_what_it_acknowledged(room: Room) -> None:
    """A batch is there whole or not at all; with room again it is sent again, and nothing is missing or twice."""
    with closing(Bus(kind="local", address=str(room.folder / "log.db")).broker()) as broker:
        broker.ensure_topics(["t"])
        producer = broker.producer()
        room.take(SPARE)
        acknowledged: list[bytes] = []
        refused = ""
        for batch in range(200):
            values = [f"{batch}:{place}:{WORDS}".encode() for place in range(10)]
            try:
                producer.send([Message(topic="t", key=value, value=value) for value in values])
            except TransientError as err:
                refused = str(err)
                break
            acknowledged += values
        assert "log.db" in refused
        assert acknowledged
        assert sorted(record.value for record in broker.scan("t")) == sorted(acknowledged)
        with pytest.raises(TransientError):
            producer.send([Message(topic="t", key=value, value=value) for value in values])

        room.give()
        producer.send([Message(topic="t", key=value, value=value) for value in values])
        assert sorted(record.value for record in broker.scan("t")) == sorted(acknowledged + values)


def test_the_database_counts_once_what_it_could_not_store(room: Room) -> None:
    """A batch that was refused is counted when it comes again, whole."""
    with closing(opened_store(f"sqlite:///{room.folder}/t.db")) as store:
        room.take(SPARE)
        counted, refused = 0, ""
        while not refused:
            labels = [label(f"{counted + n}-{WORDS[:150]}", title=WORDS[:300]) for n in range(10)]
            try:
                counted += add(store, labels, first=counted).counted
            except TransientError as err:
                refused = str(err)
        assert refused.startswith("database: ")
        assert counted > 0
        assert _documents(store.window_counts(T0 - timedelta(hours=1), T0 + timedelta(hours=1))) == counted

        room.give()
        assert add(store, labels, first=counted).counted == 10
        assert _documents(store.window_counts(T0 - timedelta(hours=1), T0 + timedelta(hours=1))) == counted + 10


def test_a_monitor_lives_through_it(room: Room) -> None:
    """Doors refuse, stages wait and say why; with room again all that was acknowledged is counted, once."""
    settings = Settings.model_validate(
        {
            "database": {"url": f"sqlite:///{room.folder}/t.db"},
            "local_log": {"path": str(room.folder / "log.db")},
            "stream": {"partitions": 2},
            "web": {"port": 0},
        }
    )
    stop = threading.Event()
    monitor = Monitor(settings, stop=stop, registry=CollectorRegistry())
    monitor.workshop.models = OneModel(StubClassifier())
    monitor.start(["classify", "aggregate"])
    try:
        with monitor.workshop.ingest() as ingest:
            _submit(ingest, range(20))
            wait_for(lambda: _counted(monitor) == 20, seconds=60)
            room.take(SPARE)
            taken = 20
            while _submitted(ingest, range(taken, taken + 20)):
                taken += 20
            assert taken > 20
            room.give()
            _submit(ingest, range(taken, taken + 20))
            wait_for(lambda: _counted(monitor) == taken + 20, seconds=90)
        wait_for(lambda: monitor.problems() == {}, seconds=60)
        assert monitor.failed is None
    finally:
        stop.set()
        monitor.leave(timeout_s=60)


def _submitted(ingest: Ingest, numbers: range) -> bool:
    try:
        _submit(ingest, numbers)
    except TransientError:
        return False
    return True


def _submit(ingest: Ingest, numbers: range) -> None:
    items = [
        RawItem(
            source="wire", source_class=SourceClass.NEWS, raw=b"{}", id=f"d{number}",
            published_at=T0 + timedelta(seconds=number), text=f"Acme reports number {number} {WORDS}",
        )
        for number in numbers
    ]  # fmt: skip
    ingest.submit(items, T0 + timedelta(hours=2))


def _counted(monitor: Monitor) -> int:
    return _documents(monitor.workshop.store.window_counts(T0 - timedelta(hours=1), T0 + timedelta(hours=3)))


def _documents(sums: object) -> int:
    assert isinstance(sums, dict)
    return sums[SeriesKey()].documents if SeriesKey() in sums else 0
