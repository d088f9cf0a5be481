"""Open the database as configured."""

from __future__ import annotations

from monitor.settings import Settings
from monitor.store import Store, open_store

__all__ = ["Store", "open_app_store"]


def open_app_store(settings: Settings, *, durable: bool = True) -> Store:
    """The store of `settings`, with its schema brought up to date; without `durable` it waits for no disk."""
    store = open_store(settings.database, lateness=settings.aggregate.allowed_lateness, durable=durable)
    store.upgrade()
    return store
