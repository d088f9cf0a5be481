"""Up to when all that came onto the bus is counted: one row a group, which only ever grows."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select

from monitor.store.bulk import add_rows
from monitor.store.part import Part
from monitor.store.schema import progress
from monitor.store.values import from_micros_or_none, to_micros


class Progress(Part):
    """Written beside the counts, read by who judges them."""

    def raise_counted_until(self, group: str, at: datetime) -> None:
        """All that came onto the bus before `at` is counted; an earlier instant than is known changes nothing."""
        with self._database.write() as tx:
            row = {"consumer_group": group, "counted_until": to_micros(at)}
            add_rows(tx, progress, [row], highest=["counted_until"])

    def counted_until(self) -> datetime | None:
        """The latest such instant; None where nobody ever looked, as in a replay."""
        with self._database.read() as tx:
            return from_micros_or_none(tx.execute(select(func.max(progress.c.counted_until))).scalar_one())
