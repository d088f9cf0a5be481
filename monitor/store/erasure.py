"""Erase documents: whatever the database holds of them, and of their author, in one transaction.

Counts stay, for they name nobody; a story that others tell too stays theirs. Where an id stood, its digest stays for a
while, so that the document does not come back from a source that still lists it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Table, delete, select

from monitor.store import schema
from monitor.store.bulk import any_of, replace_rows
from monitor.store.erased_evidence import scrub
from monitor.store.erased_stories import erase_stories
from monitor.store.part import Part
from monitor.store.suppressed import ANY, erased_key
from monitor.store.values import storable, to_micros

EVALUATION = "evaluate"  #: The lease of whoever keeps alerts in memory.


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasing:
    """What is to be erased."""

    ids: Collection[str]  #: Of documents.
    author_digest: str | None = None  #: As caps know the author.


class _DryRunError(Exception):
    """Ends a transaction that was only to be counted."""


class Erasure(Part):
    """Erases."""

    def documents_of(self, author: str) -> set[str]:
        """Ids of the kept documents that `author` wrote; capitals and outer blanks do not matter."""
        wanted = author.strip().casefold()
        table = schema.evidence.c
        with self._database.read() as tx:
            names = tx.execute(select(table.author).where(table.author.is_not(None)).distinct()).scalars()
            mine = [name for name in names if name and name.strip().casefold() == wanted]
            return set(tx.execute(select(table.document_id).where(table.author.in_(any_of(tx, mine)))).scalars())

    def erase(self, what: Erasing, *, now: datetime, dry_run: bool = False) -> Mapping[str, int]:
        """Erase `what`; returns rows by table. With `dry_run` nothing changes."""
        counts: Counter[str] = Counter()
        with suppress(_DryRunError), self._database.write() as tx:
            if not self._database.is_postgres:
                tx.exec_driver_sql("PRAGMA secure_delete=ON")  # the bytes go too, not only the way to them
            _erase(tx, what, sorted(set(map(storable, what.ids))), now, counts)
            if dry_run:
                raise _DryRunError
        return dict(counts)

    def pause_evaluation(self, *, now: datetime, ttl: timedelta) -> None:
        """Take the lease of the evaluation for `ttl`, so that whoever has it forgets what he holds in memory."""
        row = {"name": EVALUATION, "owner": "erasure", "expires_at": to_micros(now + ttl)}
        with self._database.write() as tx:
            replace_rows(tx, schema.leases, [row])

    def settle_erasure(self) -> None:
        """Let SQLite drop what its log still holds of erased rows; PostgreSQL does so by itself, by VACUUM."""
        if self._database.is_postgres:
            return
        raw = self._database.engine.raw_connection()
        try:
            raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            raw.close()


def _erase(tx: Connection, what: Erasing, ids: list[str], now: datetime, counts: Counter[str]) -> None:
    counts.update(erase_stories(tx, ids, now))
    for table in schema.metadata.sorted_tables:
        if "document_id" in table.c and table is not schema.stories:
            counts[table.name] += _delete(tx, table, table.c.document_id.in_(any_of(tx, ids)))
    for table, at in ((schema.seen_documents, "seen_at"), (schema.counted_documents, "counted_at")):
        counts[table.name] += _delete(tx, table, table.c.id.in_(any_of(tx, ids)))
        marks = [ANY, *map(erased_key, ids)] if ids else []
        replace_rows(tx, table, [{"id": mark, at: to_micros(now)} for mark in sorted(marks)])
    if what.author_digest is not None:
        # In the order in which counting locks them.
        counts["voices"] += _delete(tx, schema.voices, schema.voices.c.voice == f"author:{what.author_digest}")
        counts["authors"] += _delete(tx, schema.authors, schema.authors.c.author == what.author_digest)
    counts.update(scrub(tx, frozenset(ids)))


def _delete(tx: Connection, table: Table, condition: ColumnElement[bool]) -> int:
    return tx.execute(delete(table).where(condition)).rowcount
