"""Leases: one process at a time does a thing, and another takes over when it goes silent."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, or_, update

from monitor.store.bulk import add_new
from monitor.store.part import Part
from monitor.store.schema import leases
from monitor.store.values import to_micros


class Leases(Part):
    """Leases in the database; each step is one transaction, so two processes cannot both succeed."""

    def acquire_lease(self, name: str, *, owner: str, now: datetime, ttl: timedelta) -> bool:
        """True when `owner` holds lease `name` until `now + ttl` (new, renewed, or taken over after it ran out)."""
        held = {"owner": owner, "expires_at": to_micros(now + ttl)}
        free = or_(leases.c.owner == owner, leases.c.expires_at <= to_micros(now))
        with self._database.write() as tx:
            if tx.execute(update(leases).where(leases.c.name == name, free).values(held)).rowcount:
                return True
            return bool(add_new(tx, leases, [{"name": name, **held}]))

    def release_lease(self, name: str, *, owner: str) -> None:
        """Give the lease back if `owner` still holds it."""
        with self._database.write() as tx:
            tx.execute(delete(leases).where(leases.c.name == name, leases.c.owner == owner))
