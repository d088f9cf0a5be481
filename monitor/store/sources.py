"""What ingest remembers: the state of each source, and the ids that were published."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select

from monitor.ports import SourceState
from monitor.store.bulk import add_rows, find_keys, replace_rows
from monitor.store.part import Part
from monitor.store.schema import seen_documents, source_states
from monitor.store.suppressed import erased_among, remembered
from monitor.store.values import (
    from_micros_or_none,
    storable,
    storable_or_none,
    to_micros,
    to_micros_or_none,
)


class Sources(Part):
    """Source states and published ids."""

    def source_state(self, source: str) -> SourceState:
        """The remembered state, or a fresh one."""
        with self._database.read() as tx:
            row = tx.execute(select(source_states).where(source_states.c.source == source)).one_or_none()
        return SourceState(source=source) if row is None else _state(row)

    def save_source_state(self, state: SourceState) -> None:
        """Remember `state`."""
        row = {
            "source": state.source,
            "etag": storable_or_none(state.etag),
            "last_modified": storable_or_none(state.last_modified),
            "cursor": storable_or_none(state.cursor),
            "next_poll_at": to_micros_or_none(state.next_poll_at),
            "failures": state.failures,
            "last_success_at": to_micros_or_none(state.last_success_at),
            "last_error": storable_or_none(state.last_error),
            "refused": int(state.refused),
        }
        with self._database.write() as tx:
            replace_rows(tx, source_states, [row])

    def source_states(self) -> Sequence[SourceState]:
        """All remembered states, by name."""
        with self._database.read() as tx:
            return [_state(row) for row in tx.execute(select(source_states).order_by(source_states.c.source))]

    def unseen(self, ids: Sequence[str]) -> set[str]:
        """Those of `ids` that were not published yet."""
        if not ids:
            return set()
        with self._database.read() as tx:
            held = find_keys(tx, seen_documents.c.id, [storable(i) for i in ids])
            gone = erased_among(tx, seen_documents.c.id, {storable(i) for i in ids} - held)
        return {i for i in ids if storable(i) not in held and storable(i) not in gone}

    def mark_seen(self, ids: Collection[str], *, at: datetime) -> None:
        """Remember that `ids` were acknowledged by the bus; an id met again is remembered from then on."""
        if not ids:
            return
        seen_at = to_micros(at)
        with self._database.write() as tx:
            known = [storable(i) for i in ids]
            marks = remembered(known, erased_among(tx, seen_documents.c.id, set(known)))
            rows = [{"id": mark, "seen_at": seen_at} for mark in marks]
            add_rows(tx, seen_documents, rows, highest=("seen_at",))


def _state(row: Row[Any]) -> SourceState:
    return SourceState(
        source=row.source,
        etag=row.etag,
        last_modified=row.last_modified,
        cursor=row.cursor,
        next_poll_at=from_micros_or_none(row.next_poll_at),
        failures=row.failures,
        last_success_at=from_micros_or_none(row.last_success_at),
        last_error=row.last_error,
        refused=bool(row.refused),
    )
