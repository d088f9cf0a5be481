"""SQLite's write-ahead log, turned on by any number of processes at once.

The switch needs the file for itself. A connection that finds another at it is told "locked" at once: SQLite asks its
busy time-out only where two that wait could not wait for each other (https://www.sqlite.org/c3ref/busy_handler.html).
So those who start together with a new file have to try again themselves.
"""

from __future__ import annotations

import sqlite3
import time

TRY_AGAIN_S = 0.02
_PASSING = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL)


def is_passing(err: sqlite3.Error) -> bool:
    """True when another connection was in the way: the same call may succeed later."""
    return family_of(err) in _PASSING


def family_of(err: sqlite3.Error) -> int:
    """SQLite's primary code of `err`."""
    # The low byte; a misuse of the module has no code at all, and is a bug.
    return int(getattr(err, "sqlite_errorcode", -1)) & 0xFF


def switch_to_wal(connection: sqlite3.Connection, *, within_s: float) -> None:
    """Put the file of `connection`, which is in no transaction, in WAL mode, where it then stays.

    Raises `sqlite3.OperationalError` when others hold the file for longer than `within_s` seconds.
    """
    give_up_at = time.monotonic() + within_s
    while True:
        try:
            if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as err:
            if not is_passing(err) or time.monotonic() >= give_up_at:
                raise
            time.sleep(TRY_AGAIN_S)
        else:
            return
