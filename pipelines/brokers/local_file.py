"""The SQLite file under the embedded log: connections, schema, transactions, errors.

A committed transaction is on the disk (WAL, synchronous=FULL): it survives kill -9 and the loss of power. Any number
of processes and threads may use the file at once, on one machine; SQLite's locks do not work over a network share.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from monitor.errors import ConfigurationError, TransientError
from monitor.wal import family_of, switch_to_wal

SCHEMA_VERSION = 1
BUSY_TIMEOUT_S = 10.0  #: How long a writer waits for another one.
CHECKPOINT_PAGES = 4000
OFFSET_BITS = 40  #: A record's row id is its partition's number and its offset: one tree, appended to per partition.
MAX_OFFSET = (1 << OFFSET_BITS) - 1

SCHEMA = (
    "CREATE TABLE partitions (pid INTEGER PRIMARY KEY, topic TEXT NOT NULL, idx INTEGER NOT NULL,"
    " first_offset INTEGER NOT NULL DEFAULT 0, next_offset INTEGER NOT NULL DEFAULT 0, UNIQUE (topic, idx))",
    "CREATE TABLE records (id INTEGER PRIMARY KEY, written_at REAL NOT NULL, key BLOB, value BLOB NOT NULL)",
    "CREATE TABLE members (grp TEXT NOT NULL, member TEXT NOT NULL, topics TEXT NOT NULL, expires_at REAL NOT NULL,"
    " PRIMARY KEY (grp, member)) WITHOUT ROWID",
    # member: who reads the partition now. heir: who shall; until the reader has let go, the two differ.
    "CREATE TABLE owners (grp TEXT NOT NULL, pid INTEGER NOT NULL, member TEXT NOT NULL, heir TEXT NOT NULL,"
    " PRIMARY KEY (grp, pid)) WITHOUT ROWID",
    "CREATE TABLE offsets (grp TEXT NOT NULL, pid INTEGER NOT NULL, next INTEGER NOT NULL,"
    " PRIMARY KEY (grp, pid)) WITHOUT ROWID",
)

_CONFIGURATION = {
    sqlite3.SQLITE_CANTOPEN: "cannot be opened",
    sqlite3.SQLITE_PERM: "may not be used",
    sqlite3.SQLITE_READONLY: "is read-only",
    sqlite3.SQLITE_NOTADB: "is not a SQLite file",
    sqlite3.SQLITE_CORRUPT: "is damaged",
}
_TRANSIENT = {
    sqlite3.SQLITE_BUSY: "is locked by another process",
    sqlite3.SQLITE_LOCKED: "is locked by another process",
    sqlite3.SQLITE_PROTOCOL: "is locked by too many at once",
    sqlite3.SQLITE_FULL: "cannot grow: the disk is full",
    sqlite3.SQLITE_IOERR: "cannot be read or written",
    sqlite3.SQLITE_NOMEM: "needs more memory than there is",
}


class LogFile:
    """One file, one connection a thread."""

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        """Without `durable` SQLite waits for no disk: a commit survives the end of the process, not a power cut."""
        self.path = path
        self._synchronous = "FULL" if durable else "OFF"
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._closed = False
        # Writers of one process queue here; left to SQLite alone they would sleep and poll for the lock.
        self._writing = threading.Lock()
        self._make_schema()

    @property
    def connection(self) -> sqlite3.Connection:
        """This thread's connection."""
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if self._closed:
            raise TransientError(f"log file {self.path} is closed")
        if found is None:
            found = self._local.connection = self._open()
        return found

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A consistent view."""
        with self.translated():
            connection = self.connection
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("COMMIT")

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction: on the disk when the block has ended, undone when it raised."""
        with self.translated(), self._writing:
            connection = self.connection
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def version(self) -> int:
        """A number that changes when another connection has written; cheap to ask."""
        with self.translated():
            return int(self.connection.execute("PRAGMA data_version").fetchone()[0])

    def release(self) -> None:
        """Close this thread's connection; a thread that ends before the file is closed calls it."""
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is not None:
            self._local.connection = None
            with self._lock:
                if found in self._opened:
                    self._opened.remove(found)
            found.close()

    def close(self) -> None:
        """Close every connection; the file may not be used afterwards."""
        self._closed = True
        with self._writing, self._lock:
            for connection in self._opened:
                connection.close()
            self._opened.clear()

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn SQLite's errors into ours."""
        try:
            yield
        except sqlite3.Error as err:
            code = family_of(err)
            if code in _TRANSIENT:
                raise TransientError(f"log file {self.path} {_TRANSIENT[code]} ({err})") from err
            if code in _CONFIGURATION:
                raise ConfigurationError(f"log file {self.path} {_CONFIGURATION[code]} ({err})") from err
            raise

    def _open(self) -> sqlite3.Connection:
        with self.translated():
            connection = sqlite3.connect(
                self.path,
                timeout=BUSY_TIMEOUT_S,
                isolation_level=None,
                # `close` closes them all from one thread; each is used by its own.
                check_same_thread=False,
            )
            try:
                switch_to_wal(connection, within_s=BUSY_TIMEOUT_S)
                connection.execute(f"PRAGMA synchronous={self._synchronous}")
                connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
            except BaseException:
                connection.close()
                raise
        with self._lock:
            self._opened.append(connection)
        return connection

    def _make_schema(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as err:
            raise ConfigurationError(f"log file {self.path}: {err}") from err
        with self.writing() as connection:
            version = int(connection.execute("PRAGMA user_version").fetchone()[0])
            if version == 0:
                for statement in SCHEMA:
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
            elif version != SCHEMA_VERSION:
                message = f"log file {self.path} has version {version}; this program reads {SCHEMA_VERSION}"
                raise ConfigurationError(message)


def row_id(pid: int, offset: int) -> int:
    """Row id of the record at `offset` of partition number `pid`."""
    return (pid << OFFSET_BITS) | offset
