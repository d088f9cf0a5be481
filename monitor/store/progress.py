"""How far counting and judging are: instants that only ever grow, each a row."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select

from monitor.store.bulk import add_rows
from monitor.store.part import Part
from monitor.store.schema import progress
from monitor.store.values import from_micros_or_none, to_micros

COUNTED, EVALUATED = "counted:", "evaluated"  #: Of names; each group counts for itself.


class Progress(Part):
    """Written beside the counts, read by who judges them, who writes how far he is."""

    def raise_counted_until(self, group: str, at: datetime) -> None:
        """All that came onto the bus before `at` is counted; an earlier instant than is known changes nothing."""
        self._raise(f"{COUNTED}{group}", at)

    def counted_until(self) -> datetime | None:
        """The latest such instant; None where nobody ever looked, as in a replay."""
        return self._latest(COUNTED)

    def raise_evaluated_until(self, at: datetime) -> None:
        """The rules were evaluated at event time `at`; an earlier instant than is known changes nothing."""
        self._raise(EVALUATED, at)

    def evaluated_until(self) -> datetime | None:
        """The latest tick that was evaluated by anybody; None before the first."""
        return self._latest(EVALUATED)

    def _raise(self, name: str, at: datetime) -> None:
        with self._database.write() as tx:
            add_rows(tx, progress, [{"name": name, "reached_at": to_micros(at)}], highest=["reached_at"])

    def _latest(self, prefix: str) -> datetime | None:
        latest = select(func.max(progress.c.reached_at)).where(progress.c.name.startswith(prefix, autoescape=True))
        with self._database.read() as tx:
            return from_micros_or_none(tx.execute(latest).scalar_one())
