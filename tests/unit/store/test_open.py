"""A database that cannot work is refused before anything starts, without showing its password."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from monitor.errors import ConfigurationError, MonitorError, TransientError
from monitor.settings import DatabaseSettings
from monitor.store import Store, open_store
from monitor.store.schema import metadata


def opened(url: str) -> Store:
    """The store at `url`."""
    return open_store(DatabaseSettings(url=SecretStr(url)))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("not a url with s3cret", "not a URL"),
        ("mysql://me:s3cret@db/x", "not supported"),
        ("postgresql+asyncpg://me:s3cret@db/x", "not supported"),
        ("sqlite://", "name a file"),
        ("sqlite:///:memory:", "name a file"),
        ("sqlite:////no/such/folder/x.db", "does not exist"),
        ("sqlite:////tmp", "is a folder"),
        ("postgresql://me:s3cret@db:port/x", "not a URL"),
    ],
)
def test_url_that_cannot_work_is_refused(url: str, said: str) -> None:
    """The message says what was wrong and never repeats the URL."""
    with pytest.raises(ConfigurationError, match=said) as caught:
        opened(url)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgres_url_is_taken_as_people_write_it(scheme: str) -> None:
    """Hosting providers hand out `postgres://`; nothing is connected before the first call."""
    store = opened(f"{scheme}://me:s3cret@localhost/x")
    assert store._database.is_postgres
    store.close()


def test_unreachable_server_is_transient_and_keeps_the_password() -> None:
    """A database that is away for a minute must not end the daemon, nor leak."""
    store = opened("postgresql://me:s3cret@127.0.0.1:1/x")
    with pytest.raises(TransientError) as caught:
        store.upgrade()
    assert "s3cret" not in str(caught.value)
    store.close()


def test_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """Somebody else's file is not written over."""
    path = tmp_path / "notes.db"
    path.write_bytes(b"my notes, not a database" * 100)
    store = opened(f"sqlite:///{path}")
    with pytest.raises(ConfigurationError, match="not a database"):
        store.upgrade()
    store.close()
    assert path.read_bytes() == b"my notes, not a database" * 100


def test_full_disk_is_transient_and_changes_nothing(tmp_path: Path) -> None:
    """The batch is tried again when there is room."""
    store = opened(f"sqlite:///{tmp_path / 'x.db'}")
    store.upgrade()
    with store._database.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.rollback()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        connection.rollback()
    ids = [f"{n:0200}" for n in range(2000)]
    with pytest.raises(TransientError, match="full"):
        store.mark_seen(ids, at=datetime(2026, 1, 1, tzinfo=UTC))
    assert store.unseen(ids) == set(ids)
    store.close()


def test_sqlite_commits_reach_the_disk(tmp_path: Path) -> None:
    """What was acknowledged survives a power cut, and readers do not wait for the writer."""
    store = opened(f"sqlite:///{tmp_path / 'x.db'}")
    with store._database.write() as tx:
        assert tx.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        assert tx.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2
        with store._database.read() as reader:
            assert reader.exec_driver_sql("SELECT 1").scalar_one() == 1
    store.close()


def test_error_of_the_family_passes_through(tmp_path: Path) -> None:
    """A fence raised within a transaction is not mistaken for a database error."""
    store = opened(f"sqlite:///{tmp_path / 'x.db'}")
    with pytest.raises(MonitorError, match="ours"), store._database.write():
        raise MonitorError("ours")
    store.close()


def test_every_table_has_a_primary_key() -> None:
    """Upserts and deletion in pieces go by it."""
    assert [table.name for table in metadata.sorted_tables if not list(table.primary_key)] == []


def test_a_database_that_need_not_survive_a_power_cut_waits_for_no_disk(tmp_path: Path) -> None:
    """A replay can be counted again; everything else keeps `synchronous=FULL`."""
    store = open_store(DatabaseSettings(url=SecretStr(f"sqlite:///{tmp_path / 'x.db'}")), durable=False)

    with store._database.read() as tx:
        assert tx.exec_driver_sql("PRAGMA synchronous").scalar_one() == 0
    store.close()
