"""Copy a SQLite file that is in use: a consistent copy of one instant, checked, beside no half-written one."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from monitor.errors import ConfigurationError, TransientError

READABLE_BY_OWNER = 0o600  #: A copy holds what the original holds, and stands where nobody looks after it.
BUSY_S = 15.0


def copy_sqlite(source: Path, folder: Path) -> Path:
    """Copy `source` into `folder` under its name, and return the copy; writers go on meanwhile.

    Raises `ConfigurationError` where there is nothing to copy or a copy stands there, `TransientError` where the disk
    or the file refuses.
    """
    target = folder / source.name
    if not source.is_file():
        raise ConfigurationError(f"{source}: there is no such file; is this the daemon's configuration?")
    if target.exists():
        raise ConfigurationError(f"{target}: stands there already; name a new folder for each backup")
    partial = folder / f"{source.name}.partial"
    with _translated(target):
        folder.mkdir(parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL, READABLE_BY_OWNER))
        _copy(source, partial)
        partial.replace(target)
    return target


def _copy(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source, timeout=BUSY_S)) as held, closing(sqlite3.connect(target)) as copy:
        held.backup(copy)  # in one step: one instant
        # The copy is one file: what is restored has no log beside it.
        copy.execute("PRAGMA journal_mode=DELETE")
        found = [row[0] for row in copy.execute("PRAGMA quick_check")]
    if found != ["ok"]:
        raise TransientError(f"{source}: the copy does not hold together: {found[0]}")
    with target.open("rb") as file:
        os.fsync(file.fileno())


@contextmanager
def _translated(target: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as err:
        raise TransientError(f"{target}: cannot be written: {err}") from err
