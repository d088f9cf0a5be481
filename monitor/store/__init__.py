"""Room `monitor/store`: everything that is remembered, in SQLite or PostgreSQL, through SQLAlchemy Core.

`open_store` gives one `Store` that meets all four ports of `monitor.ports`: `SourceStore`, `BucketStore`, `AlertStore`
and `OutboxStore`. It may be shared between threads; any number of processes may have the same database open.
"""

from monitor.store.store import Store, open_store

__all__ = ["Store", "open_store"]
