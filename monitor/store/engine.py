"""Open the database: URL to engine, and the two kinds of transaction.

SQLite: write-ahead log, every commit on the disk (`synchronous=FULL`), and `BEGIN IMMEDIATE` for whatever writes, so
that a transaction waits for its turn at the beginning and never fails in the middle for having read first.
PostgreSQL: `READ COMMITTED`; a server that went away is noticed before a connection is used.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import QueuePool

from monitor.errors import ConfigurationError
from monitor.settings import DatabaseSettings
from monitor.store.errors import translated
from monitor.wal import switch_to_wal

OLDEST_SQLITE = (3, 35)  # earlier ones lack RETURNING
BUSY_S = 15.0  #: How long a SQLite transaction waits for its turn.
CONNECTIONS = 10
WAIT_FOR_CONNECTION_S = 30
_WRITES = "tapewatch_writes"
_DRIVERS = {
    "sqlite": "sqlite+pysqlite",
    "sqlite+pysqlite": "sqlite+pysqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}
_POSTGRES_CONNECT = {
    "connect_timeout": "10",
    "application_name": "tapewatch",
    # a server that vanished without a word is given up after half a minute instead of two hours
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}


class _RawCursor(Protocol):
    def execute(self, statement: str) -> object:
        """Run one statement."""

    def close(self) -> None:
        """Release it."""


class _RawConnection(Protocol):
    """What is asked of a driver's own connection, of either driver."""

    def cursor(self) -> _RawCursor:
        """A new cursor."""

    def commit(self) -> None:
        """Commit."""


class Database:
    """An engine with its two kinds of transaction; safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._writer = engine.execution_options(**{_WRITES: True})

    @property
    def is_postgres(self) -> bool:
        """True on PostgreSQL, false on SQLite."""
        return self.engine.dialect.name == "postgresql"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads."""
        with translated(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that writes: all of it at the end of the block, or nothing when the block raises."""
        with translated(), self._writer.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def open_database(settings: DatabaseSettings, *, durable: bool = True) -> Database:
    """The database of `settings`; nothing is read or created yet, except SQLite's file on first use.

    Without `durable` SQLite waits for no disk: a commit survives the end of the process, not the loss of power.
    Raises `ConfigurationError` for a URL that cannot work.
    """
    url = _parse(settings.url.get_secret_value())
    if url.get_backend_name() == "sqlite":
        return Database(_sqlite(url, durable=durable))
    return Database(_postgres(url))


def _parse(text: str) -> URL:
    """The URL with the driver this program uses; messages leave out the URL, which may hold a password."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise ConfigurationError("database.url: not a URL; write sqlite:///FILE or postgresql+psycopg://...") from None
    if url.drivername not in _DRIVERS:
        raise ConfigurationError(f"database.url: {url.drivername!r} is not supported; write sqlite or postgresql")
    return url.set(drivername=_DRIVERS[url.drivername])


def _sqlite(url: URL, *, durable: bool) -> Engine:
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise ConfigurationError(f"SQLite {sqlite3.sqlite_version} is too old; 3.35 or newer is needed")
    if not url.database or url.database == ":memory:":
        raise ConfigurationError("database.url: name a file, for example sqlite:///tapewatch.db")
    path = Path(url.database).expanduser()
    if not path.parent.is_dir():
        raise ConfigurationError(f"database.url: the folder {path.parent} does not exist")
    if path.is_dir():
        raise ConfigurationError(f"database.url: {path} is a folder, not a file")
    engine = create_engine(
        url.set(database=str(path)),
        poolclass=QueuePool,
        pool_size=CONNECTIONS,
        pool_timeout=WAIT_FOR_CONNECTION_S,
        hide_parameters=True,
        connect_args={"timeout": BUSY_S, "check_same_thread": False},
    )
    event.listen(engine, "connect", partial(_prepare_sqlite, synchronous="FULL" if durable else "OFF"))
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(raw: sqlite3.Connection, _record: object, *, synchronous: str) -> None:
    raw.isolation_level = None  # transactions are begun by `_begin_sqlite`, not behind our back
    raw.execute(f"PRAGMA synchronous={synchronous}")
    raw.execute("PRAGMA foreign_keys=ON")
    switch_to_wal(raw, within_s=BUSY_S)


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _postgres(url: URL) -> Engine:
    given: dict[str, Any] = dict(url.query)
    try:
        engine = create_engine(
            url,
            pool_size=CONNECTIONS,
            pool_timeout=WAIT_FOR_CONNECTION_S,
            pool_pre_ping=True,
            hide_parameters=True,
            isolation_level="READ COMMITTED",
            connect_args={name: value for name, value in _POSTGRES_CONNECT.items() if name not in given},
        )
    except (ArgumentError, NoSuchModuleError, ImportError):
        raise ConfigurationError("database.url: the PostgreSQL driver psycopg cannot be loaded") from None
    event.listen(engine, "connect", _prepare_postgres)
    return engine


def _prepare_postgres(raw: _RawConnection, _record: object) -> None:
    """Bound what a worker that hangs can do to the others: its locks go after a minute."""
    cursor = raw.cursor()
    cursor.execute("SET idle_in_transaction_session_timeout = '60s'")
    cursor.execute("SET lock_timeout = '30s'")
    cursor.close()
    raw.commit()
