"""`tapewatch db backup`: the files of the embedded defaults, copied while the daemon runs.

The order matters. The database says how far the log is counted, so it is copied first: what came in between stands in
the copy of the log and is counted after a restore. The other way round a copy would claim to have counted records that
its log does not have.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from monitor.errors import ConfigurationError
from monitor.settings import Settings
from monitor.store import open_store
from monitor.store.backup import copy_sqlite


def back_up(settings: Settings, folder: Path) -> Iterator[Path]:
    """Copy what is embedded into `folder`; gives each copy once it is whole.

    Raises `ConfigurationError` where the database is no file: it has tools of its own.
    """
    with closing(open_store(settings.database)) as store:
        database = store.file
    if database is None:
        raise ConfigurationError("database.url: PostgreSQL is backed up by pg_dump; see docs/operation.md")
    yield copy_sqlite(database, folder)
    if not settings.kafka.bootstrap_servers:
        yield copy_sqlite(settings.local_log.path, folder)
