"""What every part of the store stands on."""

from __future__ import annotations

from monitor.store.engine import Database


class Part:
    """A part of the store: methods over one shared `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database
