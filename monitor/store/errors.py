"""What the database says, in the words of the error family; no message holds a URL, a value or a password."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from monitor.errors import ConfigurationError, MonitorError, PermanentError, TransientError

MAX_DETAIL_CHARS = 300
_MISSING_TABLE = ("no such table", "no such column", "does not exist")
_NOT_A_DATABASE = ("file is not a database", "attempt to write a readonly database")
#: PostgreSQL classes of states that pass: connection, transaction rollback, resources, locks, operator intervention.
_PASSING_STATES = ("08", "40", "53", "55", "57", "58")


@contextmanager
def translated() -> Iterator[None]:
    """Turn SQLAlchemy's errors into the project's."""
    try:
        yield
    except exc.DBAPIError as err:
        raise _of_database(err) from err
    except exc.TimeoutError as err:
        raise TransientError("database: every connection is in use") from err
    except exc.SQLAlchemyError as err:
        raise PermanentError(f"database: {type(err).__name__}") from err


def _of_database(err: exc.DBAPIError) -> MonitorError:
    detail = _detail(err)
    if any(words in detail for words in _NOT_A_DATABASE):
        return ConfigurationError(f"database: {detail}")
    if any(words in detail for words in _MISSING_TABLE) and not err.connection_invalidated:
        return ConfigurationError(f"database: {detail}; is its schema up to date?")
    if err.connection_invalidated or _passes(err):
        return TransientError(f"database: {detail}")
    return PermanentError(f"database: {detail}")


def _passes(err: exc.DBAPIError) -> bool:
    """True when the same statement may succeed later."""
    state = getattr(err.orig, "sqlstate", None)
    if state:
        return str(state).startswith(_PASSING_STATES)
    return isinstance(err, (exc.OperationalError, exc.InterfaceError, exc.InternalError))


def _detail(err: exc.DBAPIError) -> str:
    """The first line of what the driver said."""
    lines = str(err.orig).strip().splitlines()
    return (lines[0] if lines else type(err.orig).__name__)[:MAX_DETAIL_CHARS]
