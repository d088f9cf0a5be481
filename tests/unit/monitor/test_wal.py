"""Files in WAL mode are made by whoever comes first; those who come at the same instant wait instead of failing."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr

from monitor import wal
from monitor.errors import TransientError
from monitor.settings import DatabaseSettings
from monitor.store import open_store
from monitor.wal import switch_to_wal
from pipelines import label_store
from pipelines.brokers.local_file import LogFile
from pipelines.label_store import LabelStore

AT_ONCE = 8
ROUNDS = 60  # without the waiting every thirtieth fails


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that is not there yet."""
    return tmp_path / "new.db"


@pytest.fixture
def writer(path: Path) -> Iterator[sqlite3.Connection]:
    """Another connection, in the middle of the first transaction of the file."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other


def test_the_switch_waits_for_a_writer_whom_sqlite_does_not_wait_for(
    path: Path, writer: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite says "locked" at once, whatever its time-out."""
    monkeypatch.setattr(wal.time, "sleep", lambda seconds: writer.execute("COMMIT"))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        switch_to_wal(connection, within_s=60)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert not writer.in_transaction


def test_the_switch_gives_up_when_its_time_is_over(path: Path, writer: sqlite3.Connection) -> None:
    """A process that hangs with the file in hand must not hang the others."""
    assert writer.in_transaction
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        with pytest.raises(sqlite3.OperationalError, match="locked") as caught:
            switch_to_wal(connection, within_s=0.0)
        assert wal.is_passing(caught.value)


def test_what_is_no_database_is_told_at_once(path: Path) -> None:
    """Waiting would not help."""
    path.write_bytes(b"dear diary, " * 1000)
    with closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.DatabaseError, match="not a database"):
        switch_to_wal(connection, within_s=60)


def test_a_label_cache_in_use_is_not_to_be_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The remedy for a damaged file would be wrong for one that another replay writes to."""
    monkeypatch.setattr(label_store, "BUSY_TIMEOUT_S", 0.01)
    with closing(sqlite3.connect(tmp_path / label_store.FILE, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(TransientError, match="locked by another process"):
            LabelStore(tmp_path)


def _open_log(folder: Path) -> None:
    LogFile(folder / "log.db").close()


def _open_labels(folder: Path) -> None:
    LabelStore(folder).close()


def _open_database(folder: Path) -> None:
    store = open_store(DatabaseSettings(url=SecretStr(f"sqlite:///{folder / 'x.db'}")))
    with store._database.read() as tx:
        tx.exec_driver_sql("SELECT 1")
    store.close()


@pytest.mark.parametrize("opened", [_open_log, _open_labels, _open_database])
def test_all_who_make_a_file_at_the_same_instant_have_it(opened: Callable[[Path], None], tmp_path: Path) -> None:
    """The workers of a daemon start together."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        for number in range(ROUNDS):
            folder = tmp_path / str(number)
            folder.mkdir()
            together = threading.Barrier(AT_ONCE)

            def one(_: int, folder: Path = folder, together: threading.Barrier = together) -> None:
                together.wait()
                opened(folder)

            assert list(threads.map(one, range(AT_ONCE))) == [None] * AT_ONCE
