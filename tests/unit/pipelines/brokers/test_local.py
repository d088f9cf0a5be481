"""The embedded log: retention, a full disk, a locked and a damaged file. The contract suite covers the rest."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.domain import Message, Partition
from monitor.errors import ConfigurationError, TransientError
from monitor.settings import LocalLogSettings, StreamSettings
from pipelines.brokers import local, local_file
from pipelines.brokers.local import LocalBroker

T0 = datetime(2026, 1, 5, 12, tzinfo=UTC)
ONLY = Partition(topic="t", index=0)


class Clock:
    """Moved by hand."""

    def __init__(self) -> None:
        self.now = T0

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The present."""
    return Clock()


@pytest.fixture
def broker(tmp_path: Path, clock: Clock) -> Iterator[LocalBroker]:
    """A log with one partition, a day of retention and leases without end."""
    settings = LocalLogSettings(path=tmp_path / "log.db", retention=timedelta(days=1), lease=timedelta(days=99))
    made = LocalBroker(settings, StreamSettings(partitions=1), clock=clock)
    made.ensure_topics(["t"])
    yield made
    made.close()


def send(broker: LocalBroker, *values: bytes) -> None:
    """Send `values` with one key."""
    broker.producer().send([Message(topic="t", key=b"k", value=value) for value in values])


def kept(broker: LocalBroker) -> list[bytes]:
    """What a new group finds."""
    consumer = broker.consumer(group=f"new-{id(object())}", topics=["t"])
    values = [record.value for record in consumer.poll(0.0)]
    consumer.close()
    return values


def test_old_records_go_when_every_group_has_read_them(broker: LocalBroker, clock: Clock) -> None:
    """The file must not grow for ever, and no group may lose what it still has to read."""
    quick = broker.consumer(group="quick", topics=["t"])
    slow = broker.consumer(group="slow", topics=["t"])
    send(broker, b"0", b"1", b"2", b"3")
    assert (len(quick.poll(0.0)), len(slow.poll(0.0))) == (4, 4)
    quick.commit({ONLY: 4})
    slow.commit({ONLY: 2})
    clock.now += timedelta(days=2)
    send(broker, b"4")
    assert kept(broker) == [b"2", b"3", b"4"]
    slow.commit({ONLY: 5})
    send(broker, b"5")
    for consumer in (quick, slow):
        consumer.close()


def test_young_records_stay_although_everybody_read_them(broker: LocalBroker, clock: Clock) -> None:
    """A group that comes tomorrow finds a day's records."""
    send(broker, b"0")
    clock.now += timedelta(hours=23)
    send(broker, b"1")
    clock.now += timedelta(hours=2)
    send(broker, b"2")
    assert kept(broker) == [b"1", b"2"]


def test_a_clock_that_went_back_deletes_nothing_too_early(broker: LocalBroker, clock: Clock) -> None:
    """Records are deleted from the old end only, up to the first that is still young."""
    clock.now += timedelta(days=3)
    send(broker, b"young")
    clock.now -= timedelta(days=3)
    send(broker, b"old")
    clock.now += timedelta(days=2)
    send(broker, b"new")
    assert kept(broker) == [b"young", b"old", b"new"]


def test_offsets_go_on_after_everything_was_deleted(broker: LocalBroker, clock: Clock) -> None:
    """An offset that came twice would be taken for one already counted."""
    send(broker, b"0", b"1")
    clock.now += timedelta(days=2)
    send(broker, b"2")
    assert broker.end_offsets(["t"]) == {ONLY: 3}
    consumer = broker.consumer(group="g", topics=["t"])
    assert [(record.offset, record.value) for record in consumer.poll(0.0)] == [(2, b"2")]
    assert consumer.lag() == {ONLY: 1}
    consumer.close()


def test_a_full_disk_is_a_transient_error_and_loses_nothing(broker: LocalBroker) -> None:
    """Space may be made; what was acknowledged stays, what was not is not there by half."""
    send(broker, b"safe")
    connection = broker._file.connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(TransientError, match="the disk is full"):
        send(broker, b"half", b"x" * 1_000_000)
    connection.execute("PRAGMA max_page_count=1000000")
    send(broker, b"after")
    assert kept(broker) == [b"safe", b"after"]


def test_a_locked_file_is_a_transient_error(
    tmp_path: Path, clock: Clock, broker: LocalBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process holds the write lock for too long: the batch is tried again."""
    monkeypatch.setattr(local_file, "BUSY_TIMEOUT_S", 0.01)
    other = LocalBroker(LocalLogSettings(path=tmp_path / "log.db"), StreamSettings(), clock=clock)
    blocker = sqlite3.connect(tmp_path / "log.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(TransientError, match="locked"):
        send(other, b"x")
    blocker.execute("ROLLBACK")
    send(other, b"x")
    assert broker.end_offsets(["t"]) == {ONLY: 1}
    blocker.close()
    other.close()


def test_a_file_that_is_no_log_is_refused(tmp_path: Path, clock: Clock) -> None:
    """A mistyped path must not be written over."""
    path = tmp_path / "notes.txt"
    path.write_bytes(b"dear diary, " * 1000)
    with pytest.raises(ConfigurationError, match="not a SQLite file"):
        LocalBroker(LocalLogSettings(path=path), StreamSettings(), clock=clock)
    assert path.read_bytes().startswith(b"dear diary")


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path, clock: Clock) -> None:
    """One line with the path."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="file"):
        LocalBroker(LocalLogSettings(path=tmp_path / "file" / "log.db"), StreamSettings(), clock=clock)


def test_a_log_of_a_later_version_is_refused(tmp_path: Path, clock: Clock) -> None:
    """A downgrade must not guess."""
    with sqlite3.connect(tmp_path / "log.db") as connection:
        connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(ConfigurationError, match="version 99"):
        LocalBroker(LocalLogSettings(path=tmp_path / "log.db"), StreamSettings(), clock=clock)


def test_an_unknown_topic_is_refused(broker: LocalBroker) -> None:
    """A message must not go where nobody reads."""
    with pytest.raises(ConfigurationError, match="nowhere"):
        broker.producer().send([Message(topic="nowhere", key=b"k", value=b"v")])


def test_an_error_after_reading_brings_the_records_again(broker: LocalBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Positions that moved past records that were never handed over would lose them at the next commit."""
    send(broker, b"0", b"1")
    consumer = broker.consumer(group="g", topics=["t"])
    read = consumer._read

    def interrupted() -> list[object]:
        read()
        raise TransientError("disk")

    monkeypatch.setattr(consumer, "_read", interrupted)
    with pytest.raises(TransientError):
        consumer.poll(0.0)
    monkeypatch.setattr(consumer, "_read", read)
    assert [record.value for record in consumer.poll(0.0)] == [b"0", b"1"]
    consumer.close()


def test_one_busy_partition_does_not_starve_the_others(tmp_path: Path, clock: Clock) -> None:
    """Each batch begins at another partition."""
    wide = LocalBroker(LocalLogSettings(path=tmp_path / "wide.db"), StreamSettings(partitions=3), clock=clock)
    wide.ensure_topics(["t"])
    wide.producer().send([Message(topic="t", key=str(n).encode(), value=b"v") for n in range(300)])
    consumer = wide.consumer(group="g", topics=["t"], max_records=10)
    assert {consumer.poll(0.0)[0].partition for _ in range(3)} == {0, 1, 2}
    consumer.close()
    wide.close()


def test_a_closed_log_says_so(broker: LocalBroker) -> None:
    """A part that is late to stop must not crash the process."""
    broker.close()
    with pytest.raises(TransientError, match="closed"):
        broker.end_offsets(["t"])


def test_large_batches_are_cut_by_bytes(broker: LocalBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five hundred large records must fit into memory; at least one always comes."""
    from pipelines.brokers import local_consumer

    monkeypatch.setattr(local_consumer, "MAX_POLL_BYTES", 1000)
    send(broker, *[b"x" * 600] * 5)
    consumer = broker.consumer(group="g", topics=["t"])
    assert [len(consumer.poll(0.0)) for _ in range(3)] == [2, 2, 1]
    consumer.close()


def test_deletion_is_done_in_slices(broker: LocalBroker, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writers wait while records are deleted, so it is never all at once."""
    monkeypatch.setattr(local, "FORGET_RECORDS", 2)
    send(broker, b"0", b"1", b"2", b"3", b"4")
    clock.now += timedelta(days=2)
    producer = broker.producer()
    left = []
    for _ in range(3):
        producer.send([Message(topic="t", key=b"k", value=b"new")])
        clock.now += timedelta(seconds=1)
        # Counted in the file: a group that came to read would keep what it has not committed.
        (count,) = broker._file.connection.execute(
            "SELECT COUNT(*) FROM records WHERE value <> CAST('new' AS BLOB)"
        ).fetchone()
        left.append(count)
    assert left == [3, 1, 0]
