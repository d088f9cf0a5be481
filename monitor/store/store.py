"""The one object that the rest of the program sees, put together from the parts of this room."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from monitor.settings import AggregateSettings, DatabaseSettings
from monitor.store.alerts import Alerts
from monitor.store.buckets import Buckets
from monitor.store.coverage import Coverages
from monitor.store.engine import Database, open_database
from monitor.store.erasure import Erasure
from monitor.store.leases import Leases
from monitor.store.outbox import Outbox
from monitor.store.progress import Progress
from monitor.store.readings import Readings
from monitor.store.retention import Retention
from monitor.store.schema import offsets
from monitor.store.sources import Sources
from monitor.store.story_readings import StoryReadings
from monitor.store.story_texts import StoryTexts
from monitor.store.sums import Sums
from monitor.store.upgrade import SchemaVersion, schema_version, upgrade
from monitor.store.verdicts import Verdicts


class Store(
    Buckets,
    Progress,
    Sources,
    Coverages,
    StoryTexts,
    Leases,
    Sums,
    Readings,
    StoryReadings,
    Alerts,
    Verdicts,
    Outbox,
    Retention,
    Erasure,
):
    """Every port of the store over one database."""

    def __init__(self, database: Database, *, lateness: timedelta) -> None:
        super().__init__(database, lateness=lateness)

    def upgrade(self) -> None:
        """Bring the schema up to date; call it before anything else. Safe when several processes start at once."""
        upgrade(self._database)

    def schema_version(self) -> SchemaVersion:
        """Which schema the database has, and which one this program wants; changes nothing."""
        return schema_version(self._database)

    @property
    def file(self) -> Path | None:
        """The file of SQLite; None on a server."""
        path = self._database.engine.url.database
        return Path(path) if path and not self._database.is_postgres else None

    def ping(self) -> None:
        """Raise unless the database answers and has our tables."""
        with self._database.read() as tx:
            tx.execute(select(offsets.c.topic).limit(1))

    def close(self) -> None:
        """Close every connection; the store may be used again after."""
        self._database.close()


def open_store(settings: DatabaseSettings, *, lateness: timedelta | None = None, durable: bool = True) -> Store:
    """The store that `settings` names; a counted document older than the watermark less `lateness` is called late.

    `durable` is explained at `open_database`.
    Raises `ConfigurationError` for a URL that cannot work; a database that is away shows with the first call.
    """
    allowed = AggregateSettings().allowed_lateness if lateness is None else lateness
    return Store(open_database(settings, durable=durable), lateness=allowed)
