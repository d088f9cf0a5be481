"""Bring the schema up to date; safe when several processes start at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from monitor.errors import ConfigurationError
from monitor.store.engine import Database

MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 7_411_683_021_957_001  #: Number of the advisory lock; any, as long as all of us use the same.


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaVersion:
    """Which schema a database has, and which this program wants."""

    held: str | None  #: None: the database is empty, or was never one of ours.
    wanted: str


def schema_version(database: Database) -> SchemaVersion:
    """Look, and change nothing."""
    with database.read() as tx:
        held = _revision(tx)
    return SchemaVersion(held=held, wanted=str(ScriptDirectory.from_config(_config()).get_current_head()))


def upgrade(database: Database) -> None:
    """Run the migrations that are missing, in one transaction that one process at a time can have.

    Raises `ConfigurationError` when a newer program has changed the schema already.
    """
    config = _config()
    scripts = ScriptDirectory.from_config(config)
    with database.write() as tx:
        if database.is_postgres:  # SQLite has let in one writer alone
            tx.execute(text("SET LOCAL lock_timeout = 0"))
            tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        held = _revision(tx)
        if held == scripts.get_current_head():
            return
        _refuse_newer(held, scripts)
        config.attributes["connection"] = tx
        command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def _revision(tx: Connection) -> str | None:
    return MigrationContext.configure(tx).get_current_revision()


def _refuse_newer(held: str | None, scripts: ScriptDirectory) -> None:
    known = {script.revision for script in scripts.walk_revisions()}
    if held is not None and held not in known:
        raise ConfigurationError(
            f"database: its schema {held} is newer than this program, which knows up to {scripts.get_current_head()}; "
            "install the newer version again"
        )
